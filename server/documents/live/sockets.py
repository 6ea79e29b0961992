"""The classes that uvicorn makes for connections; they are named to it as text, since processes are started anew."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from realtime.handover import Entrance, Handover
from server.web.connections import PatientHttp


class Connections(Entrance):
    """Plain handshakes for live documents go to the endpoint, all other requests through HTTP."""

    ordinary = PatientHttp


class Sockets(Handover):
    """Live documents' other handshakes go to the endpoint, other sockets through ASGI."""

    ordinary = WebSocketsSansIOProtocol
