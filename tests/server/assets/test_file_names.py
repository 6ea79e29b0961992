import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.assets.file_names import MAX_CHARACTERS, clean, inline
from server.assets.kinds import Kind


@pytest.mark.parametrize(
    ("given_name", "kind", "expected"),
    [
        ("holiday.png", Kind.PNG, "holiday.png"),
        ("holiday.JPEG", Kind.JPEG, "holiday.jpeg"),
        ("holiday.svg", Kind.PNG, "holiday.png"),
        ("holiday.png.html", Kind.WEBP, "holiday.png.webp"),
        ("../../../etc/passwd", Kind.GIF, "passwd.gif"),
        ("C:\\fakepath\\x.png", Kind.PNG, "x.png"),
        ("/", Kind.PNG, "picture.png"),
        ("", Kind.AVIF, "picture.avif"),
        (".png", Kind.PNG, "picture.png"),
        ("...", Kind.PNG, "picture.png"),
        ("\u200b\u202e.png", Kind.PNG, "picture.png"),
        ('a"\r\nSet-Cookie: x=1;.png', Kind.PNG, "a Set-Cookie x=1.png"),
        ("Urlaub in Köln.jpg", Kind.JPEG, "Urlaub in Köln.jpg"),
        ("Version 2.5 final", Kind.PNG, "Version 2.5 final.png"),
    ],
)
def test_a_name_is_bare_and_tells_what_the_bytes_are(given_name: str, kind: Kind, expected: str) -> None:
    assert clean(given_name, kind) == expected


@given(st.text(max_size=400), st.sampled_from(Kind))
def test_no_name_leaves_its_place(name: str, kind: Kind) -> None:
    cleaned = clean(name, kind)
    assert 0 < len(cleaned) <= MAX_CHARACTERS
    assert not set(cleaned) & set('/\\"\r\n\0')
    assert not cleaned.startswith(".")
    assert clean(cleaned, kind) == cleaned
    value = inline(cleaned)
    assert value.isascii()
    assert value.startswith("inline; ")


def test_a_name_that_is_not_ascii_is_sent_both_ways() -> None:
    assert inline("Köln.png") == "inline; filename=\"K_ln.png\"; filename*=UTF-8''K%C3%B6ln.png"
    assert inline("a.png") == 'inline; filename="a.png"'
