from uuid import UUID, uuid4

from sqlalchemy import delete
from sqlmodel import col

from server.assets.kinds import Kind
from server.db import Sessions
from server.workspaces.models import Member
from tests.server.assets import samples
from tests.server.assets.conftest import Browser, Studio, assert_refused


async def shown_url(studio: Studio, ada: Browser, data: bytes) -> str:
    url: str = (await ada.send(studio.document_id, data, "Köln.png")).json()["url"]
    return url


async def test_a_picture_is_sent_so_that_it_can_do_nothing_but_be_seen(studio: Studio, ada: Browser) -> None:
    shown = await ada.client.get(await shown_url(studio, ada, samples.encoded(Kind.PNG)))
    assert shown.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert shown.headers["Content-Disposition"] == "inline; filename=\"K_ln.png\"; filename*=UTF-8''K%C3%B6ln.png"
    assert int(shown.headers["Content-Length"]) == len(shown.content)


async def test_only_members_see_it(studio: Studio, ada: Browser, sessions: Sessions) -> None:
    url = await shown_url(studio, ada, samples.encoded(Kind.PNG))
    bo = await studio.member()
    assert (await bo.client.get(url)).status_code == 200
    etag = (await bo.client.get(url)).headers["ETag"]
    eve = await studio.stranger()
    json = {"Accept": "application/json"}
    theirs = await eve.client.get(url, headers={**json, "If-None-Match": etag, "Range": "bytes=0-0"})
    assert_refused(theirs, 404, "nothing at this address")
    assert (await eve.client.get(f"/assets/{uuid4()}", headers=json)).json() == theirs.json()
    nobody = await studio.browser(None)
    assert_refused(await nobody.client.get(url, headers=json), 401, "sign in")
    assert (await nobody.client.get(url, headers={"Accept": "image/avif,*/*"})).status_code == 303
    assert bo.user is not None
    async with sessions.begin() as db:
        await db.execute(delete(Member).where(col(Member.user_id) == bo.user.id))
    assert (await bo.client.get(url, headers=json)).status_code == 404


async def test_who_has_it_already_gets_no_bytes(studio: Studio, ada: Browser) -> None:
    url = await shown_url(studio, ada, samples.encoded(Kind.PNG))
    etag = (await ada.client.get(url)).headers["ETag"]
    again = await ada.client.get(url, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert "immutable" in again.headers["Cache-Control"]


async def test_a_part_can_be_asked_for(studio: Studio, ada: Browser) -> None:
    data = samples.encoded(Kind.PNG)
    url = await shown_url(studio, ada, data)
    some = await ada.client.get(url, headers={"Range": "bytes=3-9"})
    assert (some.status_code, some.content) == (206, data[3:10])
    assert some.headers["Content-Range"] == f"bytes 3-9/{len(data)}"
    last = await ada.client.get(url, headers={"Range": "bytes=-4"})
    assert last.content == data[-4:]
    behind = await ada.client.get(url, headers={"Range": f"bytes={len(data)}-"})
    assert (behind.status_code, behind.headers["Content-Range"]) == (416, f"bytes */{len(data)}")
    changed = await ada.client.get(url, headers={"Range": "bytes=3-9", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, data)


async def test_head_tells_the_length_and_sends_nothing(studio: Studio, ada: Browser) -> None:
    data = samples.encoded(Kind.PNG)
    head = await ada.client.head(await shown_url(studio, ada, data))
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(data)))


async def test_addresses_that_are_no_ids_lead_nowhere(ada: Browser) -> None:
    for path in ("/assets/..%2f..%2fetc%2fpasswd", "/assets/1", f"/assets/{UUID(int=0)}"):
        assert (await ada.client.get(path)).status_code == 404
