"""What people say about a document, beside its text: nobody needs the right to write, and no edit takes words away.

A thread hangs on a place: a stretch of text, or a block as a whole. The place is kept three times over, as positions in
the shared text that the browser made, as the block's id, and as the words themselves with those around them. A thread
whose words are gone from the text is an orphan; it keeps its quote. Resolved threads are put aside and can be reopened.
"""
