import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, select
from sqlmodel import col

from server.accounts.models import User, utc_now
from server.assets import routes as asset_routes
from server.assets import uploads
from server.assets.kinds import Kind
from server.assets.models import Asset
from server.db import Sessions
from server.documents.models import Document
from server.settings import Settings
from server.workspaces.models import Member, Role
from tests.factories import name_on
from tests.server.assets import samples
from tests.server.assets.conftest import Browser, Studio, assert_refused

BOUNDARY = "x" * 20
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(data: bytes, *, disposition: str = 'form-data; name="file"; filename="a.png"') -> bytes:
    return b"".join(
        [
            f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n".encode(),
            b"Content-Type: image/png\r\n\r\n",
            data,
        ]
    )


END = f"\r\n--{BOUNDARY}--\r\n".encode()


async def rows(sessions: Sessions) -> list[Asset]:
    async with sessions() as db:
        return list(await db.scalars(select(Asset).order_by(col(Asset.created_at))))


def objects(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "assets").rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", Kind)
async def test_a_picture_comes_in_and_is_shown(
    studio: Studio, ada: Browser, kind: Kind, sessions: Sessions, settings: Settings
) -> None:
    data = samples.encoded(kind)
    answer = await ada.send(studio.document_id, data, f"drawing{kind.extension}", kind.media_type)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body == {
        "id": body["id"],
        "url": f"/assets/{body['id']}",
        "width": 48,
        "height": 32,
        "media_type": kind.media_type,
    }
    [row] = await rows(sessions)
    assert (row.workspace_id, row.document_id, row.created_by) == (
        studio.workspace.id,
        studio.document_id,
        studio.ada.id,
    )
    [path] = objects(settings)
    assert path.read_bytes() == data
    assert path.name == hashlib.sha256(data).hexdigest() + kind.extension
    shown = await ada.client.get(body["url"])
    assert (shown.status_code, shown.content) == (200, data)
    assert shown.headers["Content-Type"] == kind.media_type


@pytest.mark.parametrize(
    ("data", "name", "media_type", "word"),
    [
        (samples.SVG, "drawing.png", "image/png", "SVG"),
        (samples.SVG, "drawing.svg", "image/svg+xml", "SVG"),
        (samples.HTML, "page.jpg", "image/jpeg", "web page"),
        (samples.PDF, "paper.png", "image/png", "PDF"),
        (b"MZ\x90\0", "run.png", "image/png", "not a picture"),
    ],
)
async def test_what_is_no_picture_is_refused_whatever_it_claims(
    studio: Studio, ada: Browser, settings: Settings, data: bytes, name: str, media_type: str, word: str
) -> None:
    answer = await ada.send(studio.document_id, data, name, media_type)
    assert_refused(answer, 415, word)
    assert answer.json()["type"] == "urn:quillroom:problem:not-a-picture"
    assert not objects(settings)
    assert not await rows(studio.sessions)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.html", "text/html"), ("a.jpg", "image/jpeg"), ("a.svg", "image/svg+xml"), ("a", "")],
)
async def test_a_wrong_claim_is_put_right(studio: Studio, ada: Browser, name: str, media_type: str) -> None:
    answer = await ada.send(studio.document_id, samples.encoded(Kind.PNG), name, media_type)
    assert answer.json()["media_type"] == "image/png"
    shown = await ada.client.get(answer.json()["url"])
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["Content-Disposition"] == 'inline; filename="a.png"'


async def test_a_path_in_the_name_leads_nowhere(
    studio: Studio, ada: Browser, sessions: Sessions, settings: Settings
) -> None:
    for name in ("../../../../tmp/evil.png", "..\\..\\evil.png", "/etc/cron.d/evil.png"):
        assert (await ada.send(studio.document_id, samples.encoded(Kind.PNG), name)).status_code == 201
    [row] = await rows(sessions)
    assert row.file_name == "evil.png"
    [path] = objects(settings)
    assert path.parent.parent == settings.data_dir / "assets"


async def test_where_it_was_taken_is_not_stored(studio: Studio, ada: Browser, settings: Settings) -> None:
    answer = await ada.send(studio.document_id, samples.telling(Kind.JPEG, orientation=6), "a.jpg", "image/jpeg")
    assert (answer.json()["width"], answer.json()["height"]) == (32, 48)
    [path] = objects(settings)
    assert samples.SECRET.encode() not in path.read_bytes()


async def test_the_same_picture_is_kept_once_in_a_workspace(
    studio: Studio, ada: Browser, sessions: Sessions, settings: Settings
) -> None:
    data = samples.encoded(Kind.PNG)
    other = await studio.document()
    bo = await studio.member()
    first = await ada.send(studio.document_id, data, "first.png")
    again = await bo.send(other, data, "again.png")
    assert again.json() == first.json()
    [row] = await rows(sessions)
    assert (row.document_id, row.file_name, row.created_by) == (other, "first.png", studio.ada.id)
    assert len(objects(settings)) == 1


async def test_workspaces_share_nothing(studio: Studio, ada: Browser, sessions: Sessions, settings: Settings) -> None:
    from tests.factories import make_team

    eve, workspace = await make_team(sessions, name="Eve")
    theirs = await studio.document(workspace.id)
    data = samples.encoded(Kind.PNG)
    one = await ada.send(studio.document_id, data)
    two = await (await studio.browser(eve)).send(theirs, data)
    assert one.json()["id"] != two.json()["id"]
    assert len(objects(settings)) == 2


async def test_many_at_once_are_one_asset(studio: Studio, ada: Browser, sessions: Sessions) -> None:
    import anyio

    data = samples.encoded(Kind.PNG)
    ids: list[str] = []

    async def send() -> None:
        ids.append((await ada.send(studio.document_id, data)).json()["id"])

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(send)
    assert len(ids) == 6
    assert len(set(ids)) == 1
    assert len(await rows(sessions)) == 1


async def test_bytes_that_vanished_are_put_back_by_the_next_upload(
    studio: Studio, ada: Browser, settings: Settings
) -> None:
    data = samples.encoded(Kind.PNG)
    url = (await ada.send(studio.document_id, data)).json()["url"]
    objects(settings)[0].unlink()
    gone = await ada.client.get(url, headers={"Accept": "application/json"})
    assert gone.status_code == 404
    assert "log" in gone.json()["detail"]
    assert (await ada.send(studio.document_id, data)).json()["url"] == url
    assert (await ada.client.get(url)).content == data


# Who may


async def test_a_stranger_learns_nothing_of_the_document(studio: Studio) -> None:
    eve = await studio.stranger()
    existing = await eve.send(studio.document_id, samples.encoded(Kind.PNG))
    missing = await eve.send(uuid4(), samples.encoded(Kind.PNG))
    assert_refused(existing, 404, "nothing at this address")
    assert existing.json() == missing.json()


async def test_nobody_must_sign_in(studio: Studio) -> None:
    nobody = await studio.browser(None)
    assert_refused(await nobody.send(studio.document_id, samples.encoded(Kind.PNG)), 401, "sign in")


async def test_a_guest_only_looks(studio: Studio, ada: Browser, sessions: Sessions) -> None:
    guest = await studio.member(Role.GUEST)
    assert_refused(await guest.send(studio.document_id, samples.encoded(Kind.PNG)), 404, "nothing at this address")
    hidden = (await ada.send(await studio.document(), samples.encoded(Kind.JPEG))).json()["url"]
    assert (await guest.client.get(hidden)).status_code == 404
    async with sessions.begin() as db:
        document = await db.get_one(Document, studio.document_id)
        named = (await db.scalars(select(Member).where(col(Member.role) == Role.GUEST.value))).one()
        await name_on(db, document, await db.get_one(User, named.user_id))
    assert_refused(await guest.send(studio.document_id, samples.encoded(Kind.PNG)), 403, "permission")
    assert len(await rows(sessions)) == 1
    url = (await ada.send(studio.document_id, samples.encoded(Kind.PNG))).json()["url"]
    assert (await guest.client.get(url)).status_code == 200


async def test_a_document_in_the_trash_takes_no_pictures(studio: Studio, ada: Browser) -> None:
    trashed = await studio.document(trashed_at=utc_now())
    assert_refused(await ada.send(trashed, samples.encoded(Kind.PNG)), 409, "Restore")


async def test_another_site_cannot_upload(studio: Studio, ada: Browser, sessions: Sessions) -> None:
    files = {"file": ("a.png", samples.encoded(Kind.PNG), "image/png")}
    url = f"/documents/{studio.document_id}/assets"
    accept = {"Accept": "application/json"}
    assert_refused(await ada.client.post(url, files=files, headers=accept), 403, "out of date")
    foreign = {"Origin": "https://evil.example", "X-CSRF-Token": await ada.token(), **accept}
    assert_refused(await ada.client.post(url, files=files, headers=foreign), 403, "another site")
    assert not await rows(sessions)


async def test_somebody_sent_away_while_uploading_brings_nothing(
    studio: Studio, sessions: Sessions, settings: Settings
) -> None:
    bo = await studio.member()

    async def body() -> AsyncIterator[bytes]:
        yield part(samples.encoded(Kind.PNG))
        assert bo.user is not None
        async with sessions.begin() as db:
            await db.execute(delete(Member).where(col(Member.user_id) == bo.user.id))
        yield END

    assert_refused(await bo.post(studio.document_id, content=body(), headers=MULTIPART), 404, "nothing")
    assert not objects(settings)
    assert not await rows(sessions)


async def test_an_upload_under_way_holds_no_connection(studio: Studio, ada: Browser) -> None:
    pool = studio.app.state.sessions.kw["bind"].pool

    async def body() -> AsyncIterator[bytes]:
        assert pool.checkedout() == 0
        yield part(samples.encoded(Kind.PNG)) + END

    assert (await ada.post(studio.document_id, content=body(), headers=MULTIPART)).status_code == 201


# Forms that are no upload


async def test_a_form_without_the_file_is_told_which_field(studio: Studio, ada: Browser) -> None:
    wrong = await ada.post(studio.document_id, files={"picture": ("a.png", b"x", "image/png")})
    assert_refused(wrong, 422, "field “file”")
    plain = await ada.post(studio.document_id, content=part(b"x", disposition='form-data; name="file"') + END,
                           headers=MULTIPART)  # fmt: skip
    assert_refused(plain, 422, "field “file”")


async def test_two_files_are_refused(studio: Studio, ada: Browser, sessions: Sessions) -> None:
    data = samples.encoded(Kind.PNG)
    files = [("file", ("a.png", data, "image/png")), ("file", ("b.png", data, "image/png"))]
    assert_refused(await ada.post(studio.document_id, files=files), 422, "Only one picture")
    assert not await rows(sessions)


async def test_an_empty_file_is_refused(studio: Studio, ada: Browser) -> None:
    assert_refused(await ada.send(studio.document_id, b""), 422, "empty")
    nameless = part(b"", disposition='form-data; name="file"; filename=""') + END
    assert_refused(await ada.post(studio.document_id, content=nameless, headers=MULTIPART), 422, "no file")


async def test_a_file_without_a_name_gets_one(studio: Studio, ada: Browser, sessions: Sessions) -> None:
    body = part(samples.encoded(Kind.PNG), disposition='form-data; name="file"; filename=""') + END
    assert (await ada.post(studio.document_id, content=body, headers=MULTIPART)).status_code == 201
    assert (await rows(sessions))[0].file_name == "picture.png"


@pytest.mark.parametrize(
    ("content", "headers", "status", "word"),
    [
        (b"", {"Content-Type": "image/png"}, 415, "multipart/form-data"),
        (b"x", {"Content-Type": "multipart/form-data"}, 415, "multipart/form-data"),
        (b"x", {"Content-Type": "multipart/form-data; boundary=" + "y" * 300}, 415, "multipart/form-data"),
        (b"file=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "multipart/form-data"),
        (b"", MULTIPART, 422, "ended before"),
        (b"nonsense", MULTIPART, 422, "could not be read"),
        (part(b"half of a pict"), MULTIPART, 422, "ended before"),
        (part(b"x", disposition="form-data; name=" + "n" * 10_000), MULTIPART, 422, "could not be read"),
        (
            b"\r\n".join(part(b"", disposition=f'form-data; name="{n}"') for n in range(40)),
            MULTIPART,
            422,
            "too many",
        ),
    ],
    ids=[
        "no-form",
        "no-boundary",
        "long-boundary",
        "other-form",
        "no-body",
        "nonsense",
        "half",
        "long-header",
        "parts",
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(
    studio: Studio, ada: Browser, content: bytes, headers: dict[str, str], status: int, word: str
) -> None:
    assert_refused(await ada.post(studio.document_id, content=content, headers=headers), status, word)


# Sizes


async def test_a_declared_length_over_the_limit_is_refused_unread(studio: Studio, ada: Browser) -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {**MULTIPART, "Content-Length": "999999999999"}
    assert_refused(await ada.post(studio.document_id, content=body(), headers=headers), 413, "MB")


async def test_a_stream_without_a_length_is_cut_off_at_the_limit(
    studio: Studio, ada: Browser, settings: Settings
) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield part(b"\x89PNG\r\n\x1a\n")
        while True:
            sent += 10_000
            yield bytes(10_000)

    assert_refused(await ada.post(studio.document_id, content=body(), headers=MULTIPART), 413, "larger than 0.2 MB")
    assert sent <= settings.max_upload_bytes + 20_000
    assert not objects(settings)


async def test_other_fields_count_too(studio: Studio, ada: Browser, settings: Settings) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield part(b"", disposition='form-data; name="note"')
        while True:
            sent += 10_000
            yield bytes(10_000)

    assert_refused(await ada.post(studio.document_id, content=body(), headers=MULTIPART), 413, "MB")
    assert sent <= settings.max_upload_bytes + 40_000


async def test_a_picture_of_exactly_the_limit_passes(studio: Studio, ada: Browser, settings: Settings) -> None:
    import os

    from PIL import Image

    noise = samples.encoded(Kind.PNG, Image.frombytes("L", (400, 400), os.urandom(160_000)))
    settings_bytes = len(noise)
    studio.app.state.settings = settings.model_copy(update={"max_upload_bytes": settings_bytes})
    assert (await ada.send(studio.document_id, noise)).status_code == 201
    studio.app.state.settings = settings.model_copy(update={"max_upload_bytes": settings_bytes - 1})
    assert_refused(await ada.send(studio.document_id, noise), 413, "larger")


async def test_a_bomb_is_refused_and_the_server_stays_as_it_was(
    studio: Studio, ada: Browser, sessions: Sessions
) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_refused(await ada.send(studio.document_id, samples.png_bomb()), 413, "megapixels")
    assert_refused(await ada.send(studio.document_id, samples.gif_bomb(frames=600, width=900, height=900)), 413,
                   "frames")  # fmt: skip
    # Kilobytes on Linux: either would need gigabytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert not await rows(sessions)
    assert (await ada.send(studio.document_id, samples.encoded(Kind.PNG))).status_code == 201


async def test_a_broken_picture_says_what_to_do(studio: Studio, ada: Browser) -> None:
    assert_refused(await ada.send(studio.document_id, samples.encoded(Kind.JPEG)[:-200]), 422, "Save it again")


async def test_a_store_that_does_not_answer_adds_nothing(
    studio: Studio, ada: Browser, sessions: Sessions, settings: Settings
) -> None:
    directory = settings.data_dir / "assets"
    directory.rmdir()
    directory.write_text("in the way")
    answer = await ada.send(studio.document_id, samples.encoded(Kind.PNG))
    assert_refused(answer, 503, "try again")
    assert answer.headers["Retry-After"]
    assert not await rows(sessions)


async def test_a_sender_who_falls_silent_is_let_go(
    studio: Studio, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    import anyio

    monkeypatch.setattr(uploads, "SILENCE_SECONDS", 0.05)

    async def body() -> AsyncIterator[bytes]:
        yield part(b"\x89PNG")
        await anyio.sleep_forever()

    assert_refused(await ada.post(studio.document_id, content=body(), headers=MULTIPART), 408, "Try again")


async def test_a_sender_who_trickles_is_let_go(studio: Studio, ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    import anyio

    monkeypatch.setattr(uploads, "TOTAL_SECONDS", 0.2)

    async def body() -> AsyncIterator[bytes]:
        yield part(b"\x89PNG")
        while True:
            await anyio.sleep(0.01)
            yield b"x"

    assert_refused(await ada.post(studio.document_id, content=body(), headers=MULTIPART), 408, "faster")


async def test_who_waits_too_long_behind_other_pictures_is_asked_to_come_back(
    studio: Studio, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    import anyio

    busy = anyio.Semaphore(1)
    await busy.acquire()
    monkeypatch.setattr(asset_routes, "_EXAMINING", busy)
    monkeypatch.setattr(asset_routes, "EXAMINE_WAIT_SECONDS", 0.05)
    assert_refused(await ada.send(studio.document_id, samples.encoded(Kind.PNG)), 503, "moment")
    busy.release()
    assert (await ada.send(studio.document_id, samples.encoded(Kind.PNG))).status_code == 201
