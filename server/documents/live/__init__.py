"""Where documents and the realtime library meet: the log in Postgres, who may enter, and edits of our own."""

from realtime.settling import Wrote
from server.documents.live.compacting import compact
from server.documents.live.editing import Live
from server.documents.live.figures import HubFigures, taking_stock
from server.documents.live.log import PostgresLog
from server.documents.live.opening import open_live

__all__ = ["HubFigures", "Live", "PostgresLog", "Wrote", "compact", "open_live", "taking_stock"]
