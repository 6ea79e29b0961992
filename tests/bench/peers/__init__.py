"""Servers that others wrote, to be measured beside ours."""
