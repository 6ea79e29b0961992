"""What people who look after an installation see of it while it runs.

A *process* takes stock of itself: its totals, and its largest live documents. Each tells the others through Redis, so
that any of them can show all.
"""
