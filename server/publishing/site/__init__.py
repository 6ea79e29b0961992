"""The workspace's own public pages: a **site** is an account of the channel "site", a **page** one of its posts.

Nobody signs in to read them, and no page sets a cookie or runs a script. What they show is the rows of `site_posts`,
which the channel writes and takes away (server.publishing.channels.site); a picture can be read as long as a page
shows it.
"""
