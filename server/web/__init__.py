"""What every page and every API call shares: rendering, forms, cookies, refusals and the headers around them.

A **block** is the part of a page that htmx swaps. A **visit** is the secret of a browser that has not signed in yet.
A **problem** is an error as RFC 9457 writes it.
"""
