"""The colours of static/css/tokens.css can be read, in both themes, by people who see less contrast.

WCAG 2.2: 4.5 for text (1.4.3), 3 for what must be told apart to use the page, such as the border of a field,
the focus ring and a person's caret (1.4.11).
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parents[2] / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
PEOPLE = range(12)
PAPER = ("color-canvas", "color-surface", "color-raised", "color-sunken", "color-hover")

Theme = Mapping[str, str]


def block(selector: str) -> dict[str, str]:
    """Return the custom properties of the first rule with exactly this selector, names without dashes in front."""
    found = re.search(rf"^\s*{re.escape(selector)} \{{(.*?)^\s*\}}", TOKENS, re.DOTALL | re.MULTILINE)
    assert found, f"tokens.css has no rule {selector}"
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", found.group(1)))


LIGHT = block(":root")
DARK_CHOSEN = block(':root[data-theme="dark"]')
DARK = LIGHT | DARK_CHOSEN
THEMES = {"light": LIGHT, "dark": DARK}


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, 0 to 1. Source: WCAG 2.2, "relative luminance"."""
    assert re.fullmatch(r"#[0-9a-f]{6}", colour), f"{colour} is not #rrggbb"
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def tinted(colour: str, paper: str, share: float) -> str:
    """Mix `share` of a colour into a paper, as color-mix(in srgb) does."""
    pairs = ((int(colour[at : at + 2], 16), int(paper[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(share * top + (1 - share) * under):02x}" for top, under in pairs)


TEXT_PAIRS = [
    *(("color-text", paper) for paper in PAPER),
    *(("color-text-muted", paper) for paper in PAPER),
    *(("color-accent", paper) for paper in PAPER),
    *(("color-danger", paper) for paper in PAPER),
    ("color-accent-hover", "color-canvas"),
    ("color-accent", "color-accent-soft"),
    ("color-accent-ink", "color-accent"),
    ("color-accent-ink", "color-accent-hover"),
    ("color-danger-ink", "color-danger"),
    ("color-danger-ink", "color-danger-hover"),
    *(
        (ink, paper)
        for paper in ("color-accent-soft", "color-danger-soft", "color-warning-soft", "color-success-soft")
        for ink in ("color-text", "color-text-muted")
    ),
    ("color-danger", "color-danger-soft"),
    ("color-warning", "color-warning-soft"),
    ("color-warning", "color-canvas"),
    ("color-success", "color-success-soft"),
    ("color-success", "color-canvas"),
    ("color-inverse-text", "color-inverse"),
    ("color-inverse-accent", "color-inverse"),
    ("color-mark-text", "color-mark"),
    ("color-text", "color-selection"),
    ("color-accent", "color-selection"),
    *(("presence-ink", f"presence-{person}") for person in PEOPLE),
]

SHAPE_PAIRS = [
    *(("color-line-strong", paper) for paper in PAPER),
    *(("color-focus", paper) for paper in PAPER),
    ("color-focus", "color-accent-soft"),
    *((f"presence-{person}", paper) for person in PEOPLE for paper in ("color-canvas", "color-surface")),
]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("ink", "paper"), TEXT_PAIRS)
def test_text_can_be_read(theme: str, ink: str, paper: str) -> None:
    tokens = THEMES[theme]
    assert contrast(tokens[ink], tokens[paper]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("shape", "paper"), SHAPE_PAIRS)
def test_shapes_can_be_told_from_their_paper(theme: str, shape: str, paper: str) -> None:
    tokens = THEMES[theme]
    assert contrast(tokens[shape], tokens[paper]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("person", PEOPLE)
def test_text_can_be_read_through_a_selection_of_somebody_else(theme: str, person: int) -> None:
    tokens = THEMES[theme]
    for paper in ("color-canvas", "color-surface"):
        tint = tinted(tokens[f"presence-{person}"], tokens[paper], 0.2)
        assert contrast(tokens["color-text"], tint) >= 4.5


def test_dark_is_the_same_by_system_and_by_choice() -> None:
    assert block(':root:not([data-theme="light"])') == DARK_CHOSEN


def test_dark_says_something_for_every_colour() -> None:
    colours = {name for name in LIGHT if name.startswith(("color-", "presence-", "shadow-"))}
    assert colours == set(DARK_CHOSEN)


def test_browser_bar_has_the_colour_of_the_canvas() -> None:
    page = (Path(__file__).parents[2] / "templates" / "base.html").read_text(encoding="utf-8")
    metas = dict(re.findall(r'content="(#[0-9a-f]{6})" media="\(prefers-color-scheme: (\w+)\)"', page))
    assert metas == {LIGHT["color-canvas"]: "light", DARK["color-canvas"]: "dark"}
