"""What a channel gets of an approved document."""

from dataclasses import replace
from uuid import uuid4

from server.assets.models import Asset
from server.documents.schema import mark, node, text
from server.publishing.channel import Capabilities
from server.publishing.planning.composing import Additions, ApprovedContent, compose
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
    ]
    approved = ApprovedContent(
        uuid4(), asset.workspace_id, None, bytes(32), "The fox", dict(node("doc", content=content).to_json())
    )

    post = compose(approved, RICH, {asset.id: asset}, Additions(tags=("fox",)))
    assert post.text == "Foxes\n\nIt jumps & runs."
    assert post.html == (
        "<h2>Foxes</h2><p>It <strong>jumps</strong> &amp; runs.</p>"
        '<img src="picture-1.jpg" alt="A fox"><img src="picture-2.jpg" alt="A fox">'
    )
    assert (post.title, post.summary, post.tags) == ("The fox", "Foxes It jumps & runs.", ("fox",))
    assert [(each.name, each.alt) for each in post.pictures] == [("picture-1.jpg", "A fox"), ("picture-2.jpg", "A fox")]
    assert post.pictures[0].key == f"{asset.workspace_id.hex}/{bytes(32).hex()}.jpg"

    plain = compose(approved, BoardChannel(Wall()), {asset.id: asset}, Additions())
    assert (plain.title, plain.pictures) == ("", ())
