"""Review: people decide about exactly one content, and what they approved is what goes out.

A **workflow** is a workspace's way to decide: **steps** in order, each with reviewers and a rule (any, all, so many). A
**review** takes a document through a workflow. A **decision** is one reviewer's word about one **content hash**: of
the text, its metadata, variants and pictures. Where a document **stands**, and what may go out, follows.
"""
