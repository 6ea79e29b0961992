"""The web process, put together from its parts. The only place where they meet."""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from realtime.hub import Hub
from realtime.ports import LogUnavailable
from server import db, lifeline, logs, metrics
from server.accounts.middleware import IdentityMiddleware
from server.accounts.routes import routes as account_routes
from server.assets.routes import routes as asset_routes
from server.assets.storage import open_store
from server.comments.api import OPERATIONS as COMMENT_OPERATIONS
from server.comments.api import routes as comment_routes
from server.comments.settling import settle as settle_comments
from server.documents.access import seen_by, who_sees
from server.documents.api import OPERATIONS as DOCUMENT_OPERATIONS
from server.documents.api import routes as api_routes
from server.documents.expiring import expiring
from server.documents.gifts import end_beyond
from server.documents.lifecycle import spread_membership
from server.documents.live import HubFigures, Wrote, open_live, taking_stock
from server.documents.models import Document
from server.documents.picture_doors import PictureDoors
from server.documents.reading import Readings
from server.documents.routes import routes as document_routes
from server.documents.samples import create_sample
from server.documents.sharing import arrive
from server.documents.visiting import visiting
from server.events import Events, Sight
from server.notifications import inviting
from server.notifications.members import note_member
from server.notifications.noting import tell
from server.notifications.routes import routes as notification_routes
from server.operations.exchange import exchanging
from server.operations.routes import routes as operation_routes
from server.publishing.accounts.accounts import names as account_names
from server.publishing.accounts.api import OPERATIONS as PUBLISHING_OPERATIONS
from server.publishing.accounts.api import routes as publishing_api_routes
from server.publishing.accounts.pages import routes as publishing_routes
from server.publishing.aftercare.api import OPERATIONS as AFTERCARE_OPERATIONS
from server.publishing.aftercare.api import routes as aftercare_api_routes
from server.publishing.aftercare.pages import routes as aftercare_routes
from server.publishing.bulk.api import OPERATIONS as BULK_OPERATIONS
from server.publishing.bulk.api import routes as bulk_api_routes
from server.publishing.bulk.feed_pages import routes as feed_routes
from server.publishing.bulk.pages import routes as bulk_routes
from server.publishing.channels.sandbox_routes import routes as sandbox_routes
from server.publishing.planning.api import OPERATIONS as PLANNING_OPERATIONS
from server.publishing.planning.api import routes as planning_api_routes
from server.publishing.planning.approving import approved_content
from server.publishing.planning.beginning_pages import routes as beginning_routes
from server.publishing.planning.calendar_pages import routes as calendar_routes
from server.publishing.planning.pages import routes as publication_routes
from server.publishing.planning.preview_doors import routes as preview_routes
from server.publishing.planning.publish_pages import routes as publish_routes
from server.publishing.planning.queue_api import OPERATIONS as QUEUE_OPERATIONS
from server.publishing.planning.queue_api import routes as queue_api_routes
from server.publishing.planning.queue_pages import routes as queue_routes
from server.publishing.planning.variant_api import OPERATIONS as VARIANT_OPERATIONS
from server.publishing.planning.variant_api import routes as variant_api_routes
from server.publishing.planning.variant_pages import routes as variant_routes
from server.publishing.publisher.delivering import oldest_overdue_seconds
from server.publishing.registry import open_reach
from server.publishing.rehearsal.api import OPERATIONS as REHEARSAL_OPERATIONS
from server.publishing.rehearsal.api import routes as rehearsal_api_routes
from server.publishing.rehearsal.pages import routes as rehearsal_routes
from server.publishing.rules.api import OPERATIONS as RULES_OPERATIONS
from server.publishing.rules.api import routes as rules_api_routes
from server.publishing.rules.pages import routes as rules_routes
from server.publishing.site.routes import routes as site_routes
from server.queue import create_queue
from server.review import looking
from server.review.api import OPERATIONS as REVIEW_OPERATIONS
from server.review.api import routes as review_api_routes
from server.review.guest_api import OPERATIONS as GUEST_OPERATIONS
from server.review.guest_api import routes as guest_api_routes
from server.review.guest_pages import routes as guest_routes
from server.review.guest_panel import routes as guest_panel_routes
from server.review.routes import routes as review_routes
from server.review.settings_pages import routes as review_settings_routes
from server.revisions.api import OPERATIONS as REVISION_OPERATIONS
from server.revisions.api import routes as revision_api_routes
from server.revisions.attribution import note, owners_of
from server.revisions.routes import routes as revision_routes
from server.settings import Settings
from server.slow import SlowLog, watching_loop
from server.suggestions.api import OPERATIONS as SUGGESTION_OPERATIONS
from server.suggestions.api import routes as suggestion_routes
from server.web.csrf import CsrfMiddleware
from server.web.errors import ErrorsMiddleware, pass_on
from server.web.headers import SecurityHeadersMiddleware
from server.web.health import routes as health_routes
from server.web.static import static_routes
from server.workspaces.api import OPERATIONS as WORKSPACE_OPERATIONS
from server.workspaces.api import routes as workspace_api_routes
from server.workspaces.middleware import WorkspaceMiddleware
from server.workspaces.routes import routes as workspace_routes

# What programs may ask for, in every domain; the OpenAPI document describes it.
OPERATIONS: Final = (
    *DOCUMENT_OPERATIONS,
    *SUGGESTION_OPERATIONS,
    *COMMENT_OPERATIONS,
    *REVISION_OPERATIONS,
    *REVIEW_OPERATIONS,
    *GUEST_OPERATIONS,
    *WORKSPACE_OPERATIONS,
    *PUBLISHING_OPERATIONS,
    *PLANNING_OPERATIONS,
    *AFTERCARE_OPERATIONS,
    *VARIANT_OPERATIONS,
    *REHEARSAL_OPERATIONS,
    *BULK_OPERATIONS,
    *RULES_OPERATIONS,
    *QUEUE_OPERATIONS,
)


def create_app(settings: Settings) -> Starlette:
    """Build the application. It connects to its parts when its lifespan begins."""
    engine = db.create_engine(settings.database_url)
    sessions = db.create_sessions(engine)
    slow = SlowLog(settings.slow_ms / 1000)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, object]]:
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(engine.dispose)
            pool = await db.create_pool(settings.database_url)
            stack.push_async_callback(pool.close)
            redis = db.create_redis(settings.redis_url)
            stack.push_async_callback(redis.aclose)
            queue = create_queue(settings.redis_url)
            stack.push_async_callback(queue.close)
            reach = open_reach(settings, sessions, app.state.store)
            stack.push_async_callback(reach.http.client.aclose)
            events = await stack.enter_async_context(Events(redis, _seeing(sessions)))
            stack.enter_context(_at_a_signal_to_stop(events.end))

            async def settle(document_id: str, seq: int, state: bytes, wrote: Wrote) -> None:
                writers = [UUID(str(person)) for person in wrote.writers]
                authors = {client: UUID(str(user["id"])) for client, user in wrote.authors.items()}
                await settle_comments(sessions, events, UUID(document_id), seq, state, writers=writers)
                await note(sessions, UUID(document_id), seq, writers=writers, authors=authors)

            live, endpoint = await stack.enter_async_context(
                open_live(
                    settings,
                    pool=pool,
                    sessions=sessions,
                    redis=redis,
                    settle=settle,
                    whose=partial(_whose, sessions),
                    slow=slow,
                )
            )
            await stack.enter_async_context(watching_loop(slow))
            await stack.enter_async_context(expiring(sessions, live))
            await stack.enter_async_context(metrics.including(HubFigures(endpoint.door.hub)))
            app.state.visits = await stack.enter_async_context(
                visiting(redis, events, sessions, lambda: _who_is_where(endpoint.door.hub))
            )
            app.state.exchange = await stack.enter_async_context(exchanging(redis, taking_stock(endpoint.door.hub)))
            app.state.redis = redis
            app.state.queue = queue
            app.state.reach = reach
            app.state.events = events
            app.state.live = live
            _calm_the_collector()
            # Where the sockets find it, which never come through ASGI.
            try:
                yield {"endpoint": endpoint}
            except BaseException:
                # A task that everything rests on has failed. A process that answers and cannot edit is worse than none:
                # whoever watches over it starts a new one.
                os.kill(os.getpid(), signal.SIGTERM)
                raise

    routes: list[BaseRoute] = [
        *health_routes,
        *static_routes(),
        *account_routes,
        *workspace_routes,
        *workspace_api_routes,
        *notification_routes,
        *document_routes,
        *asset_routes,
        *api_routes,
        *suggestion_routes,
        *comment_routes,
        *revision_routes,
        *revision_api_routes,
        *review_routes,
        *guest_panel_routes,
        *guest_routes,
        *guest_api_routes,
        *review_settings_routes,
        *review_api_routes,
        *publishing_routes,
        *publishing_api_routes,
        *site_routes,
        *sandbox_routes,
        *bulk_api_routes,
        *bulk_routes,
        *feed_routes,
        *planning_api_routes,
        *calendar_routes,
        *beginning_routes,
        *publish_routes,
        *publication_routes,
        *queue_api_routes,
        *queue_routes,
        *rehearsal_api_routes,
        *rehearsal_routes,
        *preview_routes,
        *aftercare_routes,
        *aftercare_api_routes,
        *variant_api_routes,
        *variant_routes,
        *rules_api_routes,
        *rules_routes,
        *operation_routes,
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        # Inside the router an error would be answered before the transaction knows of it.
        exception_handlers={HTTPException: pass_on},
        middleware=[
            Middleware(logs.RequestLog, routes=routes, slow=slow),
            Middleware(SecurityHeadersMiddleware, settings),
            Middleware(ErrorsMiddleware),
            Middleware(db.SessionPerRequest, sessions=sessions),
            Middleware(IdentityMiddleware, settings),
            Middleware(WorkspaceMiddleware, settings),
            Middleware(CsrfMiddleware, settings),
        ],
    )
    app.state.settings = settings
    app.state.sessions = sessions
    app.state.store = open_store(settings)
    app.state.operations = OPERATIONS
    app.state.welcome = create_sample
    _hand_down(app.state)
    app.state.picture_doors = PictureDoors()
    app.state.readings = Readings()
    return app


def _hand_down(state: State) -> None:
    """Give lower layers what they need of those above them, which they must not know."""
    state.document_title = _document_title
    state.overdue_seconds = oldest_overdue_seconds
    state.arrive = arrive
    state.visible = seen_by
    state.send_invitation = inviting.send
    state.end_gifts = end_beyond
    state.note_member = note_member
    state.tell = tell
    state.spread_membership = spread_membership
    state.pills = looking.pills
    state.approved_content = approved_content
    state.account_names = lambda db, workspace_id: account_names(db, workspace_id, state.reach.channels)


def from_environment() -> Starlette:
    """Build the application of one web process; uvicorn calls this in each."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format, process="web")
    lifeline.hold_on()
    return create_app(settings)


@contextlib.contextmanager
def _at_a_signal_to_stop(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` on the event loop when the process is told to stop, before whoever handles the signal now.

    uvicorn waits for open responses first and tells the application afterwards; a stream of events never ends by
    itself.
    """
    if threading.current_thread() is not threading.main_thread():
        # Signals cannot be listened to here; without them the server's own time limit ends the streams.
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)


def _calm_the_collector() -> None:
    """Let Python look for circles of garbage less often, and not among what lives as long as the process.

    Thousands of open connections are objects that it would walk through again and again, each time holding up every
    keystroke for a tenth of a second; what a keystroke leaves behind is freed without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _who_is_where(hub: Hub) -> dict[str, frozenset[str]]:
    return {
        live.room.document_id: frozenset(str(peer.user["id"]) for peer in live.room.peers)
        for live in hub.live_rooms
        if live.room.peers
    }


def _seeing(sessions: db.Sessions) -> Sight:
    async def sees(document_ids: Collection[UUID], user_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
        async with sessions() as session:
            return await who_sees(session, document_ids, user_ids)

    return sees


async def _document_title(session: AsyncSession, document_id: UUID) -> str | None:
    document = await session.get(Document, document_id)
    return document.title if document is not None and document.trashed_at is None else None


async def _whose(sessions: db.Sessions, document_id: str, clients: Sequence[int]) -> Mapping[int, str]:
    """See realtime.ports.Whose."""
    try:
        return await owners_of(sessions, UUID(document_id), clients)
    except (SQLAlchemyError, OSError) as error:
        raise LogUnavailable from error
