"""Live documents over WebSocket: a library of its own.

A *room* is a document that is live in this process, a *peer* one connection in it, an *update* one Yjs update, the
unit of edit. The *log* is the append-only list of a document's updates in the database; a *snapshot* is the log
folded. *Presence* is Yjs awareness. The core (`wire`, `update`, `awareness`, `outbox`, `room`) takes bytes and the time
and returns what to send; `hub` owns every task, and `endpoint` is the one module that sees a socket.
"""
