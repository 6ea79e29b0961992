"""The worker process, put together: every domain's jobs, at their times and when nudged.

A job reads from its rows what is due. To run it twice, late or not at all changes nothing that the next run does not
mend, so arq neither retries nor keeps results.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from typing import Any

import psutil
import structlog
from arq import cron
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from prometheus_client import start_http_server

from server import db, metrics
from server.accounts import jobs as account_jobs
from server.assets import jobs as asset_jobs
from server.assets.storage import open_store
from server.audit import ledger
from server.documents import jobs as document_jobs
from server.documents import sizes
from server.documents.access import seen_by
from server.documents.models import utc_now
from server.events import Events
from server.notifications import jobs as notification_jobs
from server.notifications.noting import EVENT
from server.publishing.accounts import jobs as publishing_jobs
from server.publishing.accounts import refreshing
from server.publishing.bulk import keeping
from server.publishing.planning import banners, planning
from server.publishing.pressing import Press
from server.publishing.publisher.pace import Pace
from server.publishing.registry import open_reach
from server.publishing.rehearsal import telling
from server.publishing.rehearsal.reading import Means
from server.queue import QUEUE_NAME, deserialize, redis_settings, serialize
from server.review import jobs as review_jobs
from server.revisions import jobs as revision_jobs
from server.settings import Settings
from server.suggestions import jobs as suggestion_jobs
from server.workspaces import jobs as workspace_jobs

JOB_LIMIT_SECONDS = 600
PUBLISHING_SECONDS = set(range(0, 60, 5))
TENDING_SECONDS = {3, 13, 23, 33, 43, 53}
WATCHING_SECONDS = {18, 48}
# A worker that goes has this long to finish what it does; what it does not finish, the next run does.
STOP_LIMIT_SECONDS = 10
CHAIN_SECONDS = set(range(3, 60, 5))
COMPACTION_MINUTES = set(range(0, 60, 5))
CLEAN_UP_MINUTES = {17}
MAIL_SECONDS = {5, 25, 45}
SUGGESTION_SECONDS = {10, 30, 50}
RESEAL_MINUTES = {27}
# After accounts are looked after, and between two runs of what finds publications late.
TELLING_SECONDS = {12, 27, 42, 57}
DIGEST_MINUTES = {1, 16, 31, 46}

log = structlog.get_logger(__name__)

# arq hands its own dictionary to every job; its types say no more.
Context = dict[Any, Any]
Job = Callable[..., Awaitable[object]]


async def compact_documents(ctx: Context) -> None:
    """Fold the logs of documents that have grown long, once their revisions have what only the rows tell."""
    await revision_jobs.record_before_folding(ctx["sessions"])
    folded = await document_jobs.compact_documents(ctx["pool"])
    if folded:
        log.info("documents compacted", documents=folded)


async def clean_up(ctx: Context) -> None:
    """Remove what has expired: sessions, links, invitations, old notices and mails, guests of what is gone."""
    async with db.transaction(ctx["sessions"]) as session:
        accounts = await account_jobs.clean_up(session)
        workspaces = await workspace_jobs.clean_up(session)
        notices = await notification_jobs.clean_up(session)
        guests = await document_jobs.clean_up(session)
        imports = await keeping.forget_expired(session)
    log.info(
        "cleaned up",
        account_rows=accounts,
        workspace_rows=workspaces,
        notice_rows=notices,
        guest_rows=guests,
        imports=imports,
    )


async def clean_up_pictures(ctx: Context) -> None:
    """Remove pictures that no document shows any more, and files that no row knows."""
    removed = await asset_jobs.clean_up(ctx["sessions"], ctx["store"])
    log.info("pictures cleaned up", rows=removed.rows, objects=removed.objects)


async def record_revisions(ctx: Context) -> None:
    """Keep what people wrote as revisions, once they pause or after some minutes."""
    recorded = await revision_jobs.record_revisions(ctx["sessions"])
    if recorded:
        log.info("revisions recorded", documents=recorded)


async def thin_revisions(ctx: Context) -> None:
    """Remove old revisions that came by themselves, but for one an hour, and then one a day."""
    removed = await revision_jobs.thin_revisions(ctx["sessions"])
    log.info("revisions thinned", removed=removed)


async def deliver_mail(ctx: Context) -> None:
    """Send the mail that is due."""
    await notification_jobs.deliver_mail(ctx["sessions"], ctx["settings"], seen_by)


async def tell_suggestions(ctx: Context) -> None:
    """Tell whom it concerns what was suggested and decided."""
    people = await suggestion_jobs.tell_suggestions(ctx["sessions"], ctx["events"])
    if people:
        log.info("suggestions told", people=people)


async def watch_reviews(ctx: Context) -> None:
    """Remind those whose review is awaited, and ask somebody else after the deadline."""
    people = await review_jobs.watch_deadlines(ctx["sessions"], ctx["events"])
    if people:
        log.info("reviews pressed for", people=people)


async def gather_digests(ctx: Context) -> None:
    """Make the daily mails."""
    made = await notification_jobs.gather_digests(ctx["sessions"], ctx["settings"])
    if made:
        log.info("digests gathered", mails=made)


async def tend_accounts(ctx: Context) -> None:
    """Renew the tokens of accounts that end before long, and look whether accounts still work."""
    sessions, reach = ctx["sessions"], ctx["reach"]
    await publishing_jobs.forget_consents(sessions)
    renewed = await refreshing.refresh_due(sessions, reach)
    checked = await refreshing.check_due(sessions, reach)
    if renewed or checked:
        log.info("accounts tended", renewed=renewed, checked=checked)


async def tell_calendars(ctx: Context) -> None:
    """Let open calendars show what nobody did: accounts that must be connected again, publications that are late."""
    now = utc_now()
    since = ctx.get("calendars_told_at", now - timedelta(minutes=2))
    for workspace_id in await banners.changed(ctx["sessions"], since):
        await ctx["events"].publish(workspace_id, planning.EVENT, {})
    # What is being written now bears an earlier time than its commit.
    ctx["calendars_told_at"] = now - timedelta(seconds=30)


async def publish_due(ctx: Context) -> None:
    """Send what is planned for now to its channels."""
    taken = await ctx["press"].run()
    if taken:
        log.info("publications taken up", publications=taken)


async def foretell(ctx: Context) -> None:
    """Tell people what will not go out in the next days as it stands."""
    means = Means(ctx["reach"], ctx["store"], Pace(ctx["redis_for_events"]))
    people = await telling.foretell(ctx["sessions"], means, utc_now())
    for person in people:
        await ctx["events"].publish_to(person, EVENT, {})
    if people:
        log.info("foretold", people=len(people))


async def chain_ledger(ctx: Context) -> None:
    """Put into the ledgers' chains what was noted for them."""
    await ledger.chain_waiting(ctx["sessions"])


async def tend_published(ctx: Context) -> None:
    """Change and take down published posts where people asked for it."""
    taken = await ctx["press"].tend()
    if taken:
        log.info("published posts tended", changes=taken)


async def watch_published(ctx: Context) -> None:
    """Look how published posts fare."""
    looked = await ctx["press"].watch()
    if looked:
        log.info("published posts looked at", looks=looked)


async def reseal_secrets(ctx: Context) -> None:
    """Encrypt with the newest key what older ones encrypted."""
    resealed = await publishing_jobs.reseal(ctx["sessions"], ctx["reach"])
    if resealed:
        log.info("secrets encrypted with the newest key", accounts=resealed)


async def measure_storage(ctx: Context) -> None:
    """Measure what the database holds, for the figures."""
    measured = await sizes.measure(ctx["pool"])
    metrics.STORED_DOCUMENTS.set(measured.documents)
    metrics.STORED_BYTES.labels("log").set(measured.log_bytes)
    metrics.STORED_BYTES.labels("snapshots").set(measured.snapshot_bytes)
    metrics.RESIDENT_BYTES.labels("worker").set(psutil.Process().memory_info().rss)


def create_worker(settings: Settings) -> Worker:
    """Build the worker; `run()` works until it is told to stop."""

    async def start(ctx: Context) -> None:
        engine = db.create_engine(settings.database_url)
        ctx["engine"] = engine
        ctx["sessions"] = db.create_sessions(engine)
        ctx["pool"] = await db.create_pool(settings.database_url, max_size=4)
        ctx["redis_for_events"] = db.create_redis(settings.redis_url)
        ctx["events"] = Events(ctx["redis_for_events"])
        ctx["store"] = open_store(settings)
        ctx["settings"] = settings
        ctx["reach"] = open_reach(settings, ctx["sessions"], ctx["store"])
        ctx["press"] = Press(
            sessions=ctx["sessions"],
            reach=ctx["reach"],
            store=ctx["store"],
            redis=ctx["redis_for_events"],
            events=ctx["events"],
        )
        ctx["at_end"] = contextlib.ExitStack()
        if settings.worker_metrics_port:
            server, thread = start_http_server(settings.worker_metrics_port, settings.host)
            ctx["at_end"].callback(thread.join)
            ctx["at_end"].callback(server.server_close)
            ctx["at_end"].callback(server.shutdown)

    async def stop(ctx: Context) -> None:
        ctx["at_end"].close()
        await ctx["reach"].http.client.aclose()
        await ctx["redis_for_events"].aclose()
        await ctx["pool"].close()
        await ctx["engine"].dispose()

    jobs: dict[str, Job] = {
        "compact_documents": compact_documents,
        "clean_up": clean_up,
        "clean_up_pictures": clean_up_pictures,
        "record_revisions": record_revisions,
        "thin_revisions": thin_revisions,
        "deliver_mail": deliver_mail,
        "tell_suggestions": tell_suggestions,
        "watch_reviews": watch_reviews,
        "gather_digests": gather_digests,
        "tend_accounts": tend_accounts,
        "tell_calendars": tell_calendars,
        "publish_due": publish_due,
        "tend_published": tend_published,
        "watch_published": watch_published,
        "chain_ledger": chain_ledger,
        "foretell": foretell,
        "reseal_secrets": reseal_secrets,
        "measure_storage": measure_storage,
    }
    timed = {name: _timed(name, job) for name, job in jobs.items()}
    return Worker(
        functions=[
            func(job, name=name, timeout=JOB_LIMIT_SECONDS, max_tries=1, keep_result=0) for name, job in timed.items()
        ],
        cron_jobs=[
            cron(timed["compact_documents"], name="compact_documents_timed", minute=COMPACTION_MINUTES, keep_result=0),
            # The first run after a start finds what a long stop has left.
            cron(timed["clean_up"], name="clean_up_timed", minute=CLEAN_UP_MINUTES, keep_result=0, run_at_startup=True),
            # Lists the whole store, which costs money at some: once a day, and never because of a restart.
            cron(timed["clean_up_pictures"], name="clean_up_pictures_timed", hour={3}, minute={41}, keep_result=0),
            cron(
                timed["record_revisions"], name="record_revisions_timed", second=15, keep_result=0, run_at_startup=True
            ),
            cron(timed["thin_revisions"], name="thin_revisions_timed", minute=CLEAN_UP_MINUTES, keep_result=0),
            # Notices wait for their time, so no nudge could send them.
            cron(timed["deliver_mail"], name="deliver_mail_timed", second=MAIL_SECONDS, keep_result=0),
            # A sitting ends by itself, so no nudge could tell of it.
            cron(timed["tell_suggestions"], name="tell_suggestions_timed", second=SUGGESTION_SECONDS, keep_result=0),
            cron(timed["watch_reviews"], name="watch_reviews_timed", second={20}, keep_result=0),
            cron(timed["gather_digests"], name="gather_digests_timed", minute=DIGEST_MINUTES, keep_result=0),
            cron(timed["tend_accounts"], name="tend_accounts_timed", second={40}, keep_result=0, run_at_startup=True),
            cron(timed["tell_calendars"], name="tell_calendars_timed", second=TELLING_SECONDS, keep_result=0),
            # Its time is a minute's beginning; a nudge that was lost must not make it late.
            cron(
                timed["publish_due"],
                name="publish_due_timed",
                second=PUBLISHING_SECONDS,
                keep_result=0,
                unique=False,
                run_at_startup=True,
            ),
            # Once a day, early: there is time to act. What is new before tomorrow's is in the page of the rehearsal.
            cron(timed["foretell"], name="foretell_timed", hour={4}, minute={11}, keep_result=0),
            cron(timed["chain_ledger"], name="chain_ledger_timed", second=CHAIN_SECONDS, keep_result=0),
            # A nudge that was lost must not leave a post standing that somebody wants gone.
            cron(
                timed["tend_published"],
                name="tend_published_timed",
                second=TENDING_SECONDS,
                keep_result=0,
                unique=False,
                run_at_startup=True,
            ),
            cron(
                timed["watch_published"],
                name="watch_published_timed",
                second=WATCHING_SECONDS,
                keep_result=0,
                unique=False,
            ),
            # After a start with a new key at once: the old one can go then.
            cron(
                timed["reseal_secrets"],
                name="reseal_secrets_timed",
                minute=RESEAL_MINUTES,
                keep_result=0,
                run_at_startup=True,
            ),
            # In each worker: what another one has measured would not be among the figures of this.
            cron(
                timed["measure_storage"],
                name="measure_storage_timed",
                second=30,
                keep_result=0,
                unique=False,
                run_at_startup=True,
            ),
        ],
        queue_name=QUEUE_NAME,
        redis_settings=redis_settings(settings.redis_url),
        job_serializer=serialize,
        job_deserializer=deserialize,
        on_startup=start,
        on_shutdown=stop,
        job_completion_wait=STOP_LIMIT_SECONDS,
        health_check_interval=60,
        log_results=False,
        timezone=UTC,
    )


def _timed(name: str, job: Job) -> WorkerCoroutine:
    """Count how long a job took and how it ended. arq takes coroutine functions only, and knows them by name."""

    async def run(ctx: Context, *args: object, **kwargs: object) -> None:
        begun, outcome = time.perf_counter(), "failed"
        try:
            await job(ctx, *args, **kwargs)
            outcome = "done"
        finally:
            metrics.JOB_SECONDS.labels(name, outcome).observe(time.perf_counter() - begun)

    run.__qualname__ = name
    return run
