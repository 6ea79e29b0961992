"""The class that uvicorn makes for each WebSocket; it is named to uvicorn as text, since processes are started anew."""

from realtime.handover import Handover
from server.web.connections import BoundedSocket


class Sockets(Handover):
    """Live documents' sockets go to the endpoint, others through ASGI."""

    ordinary = BoundedSocket
