"""The words and the HTML of a page, without a database."""

import pytest

from server.publishing.site.markup import is_beginning, paragraphs, plain, shown_html
from server.publishing.site.pages import Shown

_FOX = Shown("fox.jpg", "A fox", "abc", "webp", 960, 640, (480, 960))


def test_words_stand_as_they_are_read() -> None:
    html = "<h2>Foxes</h2><p>They are <b>red</b>, or<br>grey.</p><ul><li>one</li><li>two</li></ul>"

    assert plain(html, characters=100) == "Foxes They are red, or grey. one two"
    assert plain(html, characters=24) == "Foxes They are red, or…"


@pytest.mark.parametrize(
    ("summary", "begins"),
    [
        ("They are red, or grey. They jump…", True),
        ("They are red, or grey. They jump far.", True),
        ("They are red, or grey. • They 1. jump far.", True),
        ("All about foxes.", False),
        ("", True),
    ],
)
def test_a_summary_that_is_only_the_beginning_is_known(summary: str, *, begins: bool) -> None:
    assert is_beginning(summary, "<p>They are <b>red</b>, or grey.</p><p>They jump far.</p>") is begins


def test_plain_text_becomes_paragraphs() -> None:
    assert paragraphs("A <b>\nB\n\nC") == "<p>A &lt;b&gt;<br>B</p><p>C</p>"


def test_the_first_picture_that_stands_nowhere_is_left_for_the_cover_and_the_rest_come_below() -> None:
    one, two, three = (Shown(name, name, name, "webp", 480, 320, (480,)) for name in ("one", "two", "three"))

    html = shown_html('<p>Text</p><img src="two">', [one, two, three], lambda file: f"/at/{file}")

    assert html.index("/at/two-480.webp") < html.index("/at/three-480.webp")
    assert "/at/one" not in html


def test_elsewhere_a_picture_has_one_size_and_a_whole_address() -> None:
    html = shown_html('<img src="fox.jpg">', [_FOX], lambda file: f"/at/{file}", base="https://studio.example/p/x")

    assert html.startswith('<img src="https://studio.example/at/abc-960.webp"')
    assert "srcset" not in html


@pytest.mark.parametrize(
    "evil",
    [
        "<svg onload=x()><a href='x'>y</a></svg>",
        '<a href="JaVaScRiPt:x()">y</a>',
        '<a href=" &#1;javascript:x()">y</a>',
        '<p style="position:fixed" onmouseover="x()">y</p>',
        '<a href="data:text/html,x()">y</a>',
        "<style>p{}</style><!-- x() --><noscript>x()</noscript>",
        '<input type="text" onfocus="x()" autofocus>',
        "<form action='https://elsewhere.example/x()'><button>y</button></form>",
    ],
)
def test_nothing_that_runs_or_sends_gets_out(evil: str) -> None:
    html = shown_html(evil, [], str)

    for word in ("x()", "onload", "style", "javascript", "autofocus", "<form", "<svg"):
        assert word not in html.lower()
