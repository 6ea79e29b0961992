"""Publishing: what was approved goes out, to every channel, on time, once.

A **channel** is a place where posts appear and the rules of that place (Mastodon, WordPress, a webhook); an **account**
is somebody's standing there, connected to a workspace. A **variant** is a document's text for one account. A
**publication** is one variant of one revision on one account at one time; its row is the truth about it. What it sends
is a **post**: a value that was frozen when it was approved. A **handle** says where a post stands on its channel; it is
saved after every call and before the next. An **attempt** is one call and how it ended.
"""
