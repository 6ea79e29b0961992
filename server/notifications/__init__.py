"""Telling people what concerns them: in the page's bell, and by mail.

A **notice** is one piece of news for one person: somebody mentioned them, answered them, gave them a document. Whoever
causes it calls `noting.note` in their own transaction, so the news is there exactly if what it tells of is. A **mail**
is a letter that is due: about one notice, about a day's (a **digest**), or an **invitation** to somebody without an
account. Each person chooses how mail comes, what it is about, and which documents they **follow** or **mute**.
"""
