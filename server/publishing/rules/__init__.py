"""Posting rules: an account's weekly slots, the gap it keeps, its quiet hours and its most a day; and blackouts.

A slot is a weekday and a time of day on the account's own clock. It is free if no rule speaks against it and nothing
else is planned too near. A blackout is some days on which a workspace, or one account of it, is to be silent.
"""
