"""Assets: the pictures in documents.

An **asset** is one picture in one workspace. Its bytes lie in the **store** (a local directory, or any S3-compatible
bucket) under their own SHA-256, so the same picture is kept once per workspace; the `assets` table says who brought
it and everything the pages need to know without reading the bytes. Its **kind** is what its bytes are, never what was
claimed. Its **layout** is how its file is built: how large, how many frames, which bytes draw and which only tell
where it was taken, with what, by whom. Its **home** is the document that keeps it from being cleaned up.
"""
