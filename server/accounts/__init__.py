"""People and the ways they prove who they are.

A **user** is a person with an e-mail address and a password. A **session** is one signed-in browser. An **API token**
(its text begins `qr_`) lets a program act as its user. A **setup link** creates the first account, once. Of every
secret that a person or a program carries, only the SHA-256 is stored.
"""
