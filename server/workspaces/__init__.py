"""The place where a team's documents live.

A **workspace** has **members**, each with a **role**. An **actor** is a member at work: who, where, in which role. An
**invitation** is a link that makes whoever follows it a member, until it expires or is revoked. `access.can` is the one
function that decides who may do what.
"""
