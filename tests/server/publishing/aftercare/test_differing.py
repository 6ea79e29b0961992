"""What would change for readers, before it is done."""

from dataclasses import replace

from server.publishing.aftercare.differing import Fact, difference
from server.publishing.posts import FrozenPicture, FrozenPost

POST = FrozenPost(
    "Foxes", "It jumps.\n\nIt runs.", "<p>It jumps.</p><p>It runs.</p>", tags=("fox",), replies=("More.",)
)
PICTURE = FrozenPicture("key", "fox.png", "image/png", 1, 1, 1, "A fox")


def test_the_same_post_is_no_difference() -> None:
    assert difference(POST, replace(POST)).is_empty


def test_words_are_told_apart_in_each_part() -> None:
    found = difference(POST, replace(POST, text="It jumps.\n\nIt sleeps.", replies=("More.", "<b>Even</b> more.")))

    assert [(part.name, part.is_same) for part in found.parts] == [("Text", False), ("Post 2", True), ("Post 3", False)]
    assert "<del>runs</del><ins>sleeps</ins>" in found.parts[0].html
    # People's own signs are no markup of ours.
    assert "&lt;b&gt;Even&lt;/b&gt;" in found.parts[2].html


def test_what_stands_around_the_text_is_told_in_words() -> None:
    after = replace(
        POST, title="A fox", tags=(), link="https://fox.test/", pictures=(PICTURE,), options={"flair": "Red"}
    )

    assert difference(POST, after).facts == (
        Fact("Title", "Foxes", "A fox"),
        Fact("Tags", "fox", "none"),
        Fact("Link", "none", "https://fox.test/"),
        Fact("Pictures", "none", "1: A fox"),
        Fact("Flair", "none", "Red"),
    )


def test_another_form_of_the_same_words_is_told_as_that() -> None:
    found = difference(POST, replace(POST, html="<h2>It jumps.</h2><p>It runs.</p>"))

    assert found.form_only
    assert not found.is_empty
