"""The class that uvicorn makes for each WebSocket; it is named to uvicorn as text, since processes are started anew."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from realtime.handover import Handover


class Sockets(Handover):
    """Live documents' sockets go to the endpoint, others through ASGI."""

    ordinary = WebSocketsSansIOProtocol
