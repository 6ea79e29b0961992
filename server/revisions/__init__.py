"""Revisions: what a document said at a moment, kept for good, and the way back to it.

A **revision** is an immutable, numbered state of a document with its time, its **authors**, its **reason** (it came by
itself, or somebody named it, imported, restored, approved or published) and the **size of the change** since the one
before. Its state is kept as a Yjs update: a **keyframe**, and for most revisions a **delta** on top of one. They are
copies; the log of a document may be folded as it likes.

A **restore** never rewinds: it is an edit that makes the document say what the revision says.
"""
