"""Accounts: somebody's standing on a channel, connected to a workspace, kept in health and secret."""
