"""Layouts: what draws stays, byte for byte; what tells goes; what is not built rightly is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.assets import formats
from server.assets.formats import Broken, jpeg
from server.assets.formats.layout import pieces_of
from server.assets.kinds import Kind
from tests.server.assets import samples


def cleaned(kind: Kind, data: bytes) -> bytes:
    return b"".join(pieces_of(formats.read(kind, data), data, step_bytes=100))


@pytest.mark.parametrize("kind", Kind)
def test_a_picture_that_tells_nothing_stays_as_it_is(kind: Kind) -> None:
    data = samples.encoded(kind)
    layout = formats.read(kind, data)
    assert (layout.width, layout.height, layout.frames) == (48, 32, 1)
    assert cleaned(kind, data) == data
    assert layout.whole or kind is Kind.JPEG


@pytest.mark.parametrize("kind", Kind)
def test_what_tells_goes_and_every_pixel_stays(kind: Kind) -> None:
    data = samples.telling(kind)
    # XMP may be packed; Exif never is.
    assert samples.SECRET.encode() in data
    clean = cleaned(kind, data)
    assert samples.SECRET.encode() not in clean
    image = samples.decoded(clean)
    assert "xmp" not in image.info or not image.info["xmp"].strip(b"\0")
    assert not dict(image.getexif().get_ifd(0x8825))
    assert not image.getexif().get(0x010F)
    assert samples.frames_of(clean) == samples.frames_of(data)
    # Nothing is left to take out.
    assert formats.read(kind, clean).whole


@pytest.mark.parametrize("kind", [Kind.PNG, Kind.GIF, Kind.WEBP])
def test_an_animation_keeps_its_frames(kind: Kind) -> None:
    data = samples.animation(kind)
    layout = formats.read(kind, data)
    assert (layout.width, layout.height, layout.frames) == (24, 16, 3)
    assert samples.frames_of(cleaned(kind, data)) == samples.frames_of(data)
    assert len(samples.frames_of(data)) == 3


@pytest.mark.parametrize("kind", Kind)
def test_another_file_behind_the_end_is_cut_off(kind: Kind) -> None:
    data = samples.encoded(kind)
    clean = cleaned(kind, data + b"<html><script>alert(1)</script></html>" * 20)
    assert b"script" not in clean
    assert samples.frames_of(clean) == samples.frames_of(data)


@pytest.mark.parametrize("kind", [Kind.PNG, Kind.JPEG, Kind.WEBP])
def test_a_colour_profile_stays(kind: Kind) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    clean = cleaned(kind, samples.encoded(kind, icc_profile=profile, exif=samples.telling_exif()))
    assert samples.decoded(clean).info["icc_profile"] == profile
    assert samples.SECRET.encode() not in clean


@pytest.mark.parametrize("kind", Kind)
def test_a_file_that_ends_early_is_broken_or_still_complete(kind: Kind) -> None:
    data = samples.telling(kind)
    pixels = samples.frames_of(data)
    for length in range(16, len(data)):
        try:
            clean = cleaned(kind, data[:length])
        except Broken:
            continue
        if kind is not Kind.AVIF:
            # Nothing but a closing mark, a padding byte or what tells may be missing. (An AVIF's boxes are only found
            # incomplete at the length they give; drawing finds the rest.)
            assert samples.frames_of(clean) == pixels


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_read_or_refused_and_never_an_accident(kind: Kind, data: st.DataObject) -> None:
    whole = bytearray(samples.telling(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(4, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(16, len(whole)))])
    try:
        clean = cleaned(kind, damaged)
    except Broken:
        return
    assert len(clean) <= len(damaged) + 1


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    data = samples.encoded(Kind.JPEG, progressive=True)
    at = data.rindex(b"\xff\xda")
    scan = data[at:-2]
    with pytest.raises(Broken, match="scans"):
        formats.read(Kind.JPEG, data[:-2] + scan * jpeg.MAX_SCANS + b"\xff\xd9")


def test_a_file_of_countless_pieces_is_refused() -> None:
    chunks = [samples.png_header(1, 1)]
    chunks += [(b"pHYs", bytes(9)), (b"tEXt", b"x")] * 20_001
    with pytest.raises(Broken, match="pieces"):
        formats.read(Kind.PNG, samples.png(*chunks, (b"IDAT", b""), (b"IEND", b"")))


def test_an_animated_png_counts_the_frames_it_has_and_those_it_promises() -> None:
    many = samples.png(
        samples.png_header(9, 9), (b"acTL", b"\x7f\xff\xff\xff\0\0\0\0"), (b"IDAT", b"x"), (b"IEND", b"")
    )
    assert formats.read(Kind.PNG, many).frames == 0x7FFFFFFF


def test_a_webp_that_names_two_sizes_is_refused() -> None:
    data = bytearray(samples.telling(Kind.WEBP))
    assert data[12:16] == b"VP8X"
    data[24:27] = b"\xff\xff\0"
    with pytest.raises(Broken, match="two sizes"):
        formats.read(Kind.WEBP, bytes(data))
