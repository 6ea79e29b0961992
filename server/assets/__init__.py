"""Assets: the pictures in documents.

An **asset** is one picture in one workspace. Its bytes lie in the **store** (a local directory, or any S3-compatible
bucket) under their own SHA-256, so the same picture is kept once per workspace; the `assets` table says who brought
it, and everything the pages need to know without reading the bytes.
"""
