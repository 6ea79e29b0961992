"""What a channel gets of an approved document."""

from dataclasses import replace
from uuid import uuid4

from server.assets.models import Asset
from server.documents.schema import mark, node, text
from server.publishing.channel import Capabilities, Field
from server.publishing.planning.composing import ApprovedContent, added, compose, left_out, signed
from server.publishing.posts import Additions
from tests.server.publishing.board import BoardChannel, Wall

RICH = replace(BoardChannel(Wall()), capabilities=Capabilities(titles=True, rich_text=True, pictures=True))


def test_text_and_html_carry_nothing_of_ours_and_pictures_have_names_of_their_own() -> None:
    asset = Asset(
        id=uuid4(), workspace_id=uuid4(), sha256=bytes(32), media_type="image/jpeg", width=4, height=3, size_bytes=9
    )
    picture = node("image", {"src": f"/assets/{asset.id}", "alt": "A fox", "id": "p1"})
    content = [
        node("heading", {"level": 2, "id": "h1"}, [text("Foxes")]),
        node("paragraph", {"id": "b1"}, [text("It "), text("jumps", [mark("bold")]), text(" & runs.")]),
        picture,
        picture,
        node("image", {"src": "https://elsewhere.test/a.png"}),
        # Nobody saw it in the review, and nobody signed it, whatever host is said.
        node("image", {"src": f"https://elsewhere.test/assets/{asset.id}"}),
    ]
    approved = ApprovedContent(
        uuid4(), asset.workspace_id, None, bytes(32), "The fox", dict(node("doc", content=content).to_json())
    )

    said = approved.on(uuid4())
    post = compose(said, RICH, {asset.id: asset}, Additions(tags=("fox",)))
    assert post.text == "Foxes\n\nIt jumps & runs."
    assert post.html == (
        "<h2>Foxes</h2><p>It <strong>jumps</strong> &amp; runs.</p>"
        '<img src="picture-1.jpg" alt="A fox"><img src="picture-2.jpg" alt="A fox">'
    )
    assert (post.title, post.summary, post.tags) == ("The fox", "Foxes It jumps & runs.", ("fox",))
    assert [(each.name, each.alt) for each in post.pictures] == [("picture-1.jpg", "A fox"), ("picture-2.jpg", "A fox")]
    assert post.pictures[0].key == f"{asset.workspace_id.hex}/{bytes(32).hex()}.jpg"

    plain = compose(said, BoardChannel(Wall()), {asset.id: asset}, Additions())
    assert (plain.title, plain.pictures) == ("", ())
    # What is not sent is said.
    assert [each.sentence for each in left_out(said, RICH, {asset.id: asset})] == [
        "2 pictures at another address will be left out. Upload it to the document to send it."
    ]
    assert [each.sentence[:35] for each in left_out(said, RICH, {})] == [
        "2 pictures at another address will ",
        "2 pictures whose file is gone will ",
    ]


def test_what_an_account_says_itself_goes_out_there_unless_something_else_is_wished() -> None:
    account = uuid4()
    body = dict(node("doc", content=[node("paragraph", content=[text(each)]) for each in ("One", "Two")]).to_json())
    reply = node("paragraph", content=[text("And then.")]).to_json()
    own = {
        "title": "Our fox",
        "body": [{"type": "paragraph", "content": [{"type": "text", "text": "First"}]}, [1, 1]],
        "link": "https://example.org",
        "tags": ["fox"],
        "options": {"mood": "glad", "unknown": "x"},
        "replies": [[reply]],
    }
    approved = ApprovedContent(uuid4(), uuid4(), None, bytes(32), "The fox", body, {str(account): own})
    channel = replace(RICH, options=(Field("mood", "Mood", required=False), Field("place", "Place", required=False)))

    said = approved.on(account)
    post = compose(said, channel, {}, added(said, channel, Additions(options={"place": "here"})))
    assert (post.title, post.text, post.replies) == ("Our fox", "First\n\nTwo", ("And then.",))
    assert (post.link, post.tags) == ("https://example.org", ("fox",))
    assert post.options == {"mood": "glad", "place": "here"}
    assert added(said, channel, Additions("", (), {"mood": ""})) == Additions("", (), {"mood": ""})

    other = compose(approved.on(uuid4()), channel, {}, Additions())
    assert (other.title, other.text, other.replies, other.link) == ("The fox", "One\n\nTwo", (), None)


def test_only_pictures_that_were_signed_go_out() -> None:
    shown, other, changed = (
        Asset(
            id=uuid4(),
            workspace_id=uuid4(),
            sha256=bytes([number]) * 32,
            media_type="image/png",
            width=4,
            height=3,
            size_bytes=9,
        )
        for number in range(3)
    )
    approved = ApprovedContent(
        uuid4(),
        uuid4(),
        None,
        bytes(32),
        "The fox",
        {},
        pictures={str(shown.id): shown.sha256.hex(), str(changed.id): "00" * 32},
    )
    assets = {asset.id: asset for asset in (shown, other, changed)}
    assert signed(approved, assets) == {shown.id: shown}
    assert signed(replace(approved, pictures=None), assets) == assets
