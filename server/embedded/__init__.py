"""Private Postgres and Redis servers, for an installation that was given no addresses.

A *home* is the part of the data directory that belongs to one of them; the *lock* says which `serve` owns the
directory; the *server account* is the system user Postgres and Redis run as when Quillroom itself runs as root.
The servers listen on unix sockets only, in a directory no other account can enter.
"""

from server.embedded.failure import EmbeddedError
from server.embedded.servers import DataDirectoryInUse, Servers, open_servers, refuse_second, running_servers

__all__ = ["DataDirectoryInUse", "EmbeddedError", "Servers", "open_servers", "refuse_second", "running_servers"]
