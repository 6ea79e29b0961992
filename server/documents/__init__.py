"""Documents: what people write together.

A **document** is one Yjs lineage, named by its **epoch**. Its truth is the **log**: every update ever accepted, in
the order of its place (`seq`), folded from time to time into a **snapshot**. Title, excerpt and the time of the last
change in the `documents` table are **projections** of that truth, for lists. A document is **trashed** and
**restored**, never deleted by a person.
"""
