"""The ledger: what was decided, published, bought and granted, in one chain that shows if anything in it was changed.

An **entry** says who did what to what, in a sentence and as data, and carries the hash of the entry before it: whoever
alters or removes one breaks the chain from there on.
"""
