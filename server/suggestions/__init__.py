"""What became of suggestions: what was proposed, by whom, and how it was decided.

The document is the truth about what is pending: whenever it has settled, its **records** follow it. What is gone from
it was **accepted**, **rejected**, or **withdrawn** by its author; whoever decides **tells** so, and where nobody told,
the words that stayed or went say it. What stands in the document again, as after an undo, is pending again.
"""
