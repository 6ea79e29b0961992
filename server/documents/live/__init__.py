"""Where documents and the realtime library meet: the log in Postgres, who may enter, and edits of our own."""


from server.documents.live.compacting import compact
from server.documents.live.editing import Live
from server.documents.live.log import PostgresLog

__all__ = ["Live", "PostgresLog", "compact"]
