import io
import struct
import tempfile
from collections.abc import Iterator
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from server.assets.kinds import Kind
from server.assets.pictures import ANIMATION_FACTOR, Picture, examine
from server.assets.refusals import BrokenPicture, NotAPicture, TooManyPixels
from tests.server.assets import samples

MAX_PIXELS = 1_000_000


def upload(data: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()
    file.write(data)
    file.flush()
    return file


def looked_at(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[Picture, bytes]:
    picture = examine(upload(data), max_pixels=max_pixels)
    with picture.file:
        content = picture.file.read()
    assert picture.size_bytes == len(content)
    return picture, content


def refused(data: bytes, kind: type[Exception], *, max_pixels: int = MAX_PIXELS) -> str:
    file = upload(data)
    with pytest.raises(kind) as caught:
        examine(file, max_pixels=max_pixels)
    assert file.closed
    return str(caught.value)


def shade_at(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return tuple(image.convert("RGB").crop((x, y, x + 1, y + 1)).tobytes())


@pytest.mark.parametrize("kind", Kind)
def test_a_picture_is_kept_as_it_came(kind: Kind) -> None:
    data = samples.encoded(kind)
    picture, content = looked_at(data)
    assert (picture.kind, picture.width, picture.height) == (kind, 48, 32)
    assert content == data


@pytest.mark.parametrize("kind", [Kind.PNG, Kind.GIF, Kind.WEBP, Kind.AVIF])
def test_an_animation_is_kept_as_it_came(kind: Kind) -> None:
    data = samples.animation(kind)
    picture, content = looked_at(data)
    assert content == data
    assert (picture.width, picture.height) == (24, 16)


@pytest.mark.parametrize("kind", Kind)
def test_where_it_was_taken_is_gone(kind: Kind) -> None:
    data = samples.telling(kind)
    _, content = looked_at(data)
    assert samples.SECRET.encode() not in content
    assert b"GPS" not in content
    assert not dict(samples.decoded(content).getexif().get_ifd(0x8825))
    assert samples.frames_of(content) == samples.frames_of(data)


@pytest.mark.parametrize("kind", [Kind.PNG, Kind.JPEG, Kind.WEBP])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_sideways_gives_an_upright_picture(kind: Kind, orientation: int) -> None:
    original = samples.drawing()
    options = {"quality": 95} if kind is Kind.JPEG else {"lossless": True} if kind is Kind.WEBP else {}
    data = samples.encoded(kind, original, exif=samples.telling_exif(orientation), **options)
    picture, content = looked_at(data)
    image = samples.decoded(content)
    upright = ImageOps.exif_transpose(samples.decoded(data))
    assert image.size == upright.size == (picture.width, picture.height)
    assert image.size == ((32, 48) if orientation > 4 else (48, 32))
    assert image.getexif().get(0x0112, 1) == 1
    assert samples.SECRET.encode() not in content
    for x in (4, image.width - 4):
        for y in (4, image.height - 4):
            here, there = shade_at(image, x, y), shade_at(upright, x, y)
            assert all(
                abs(one - other) < (12 if kind is Kind.JPEG else 1) for one, other in zip(here, there, strict=True)
            )


def test_a_turned_jpeg_is_as_large_as_before() -> None:
    data = samples.encoded(Kind.JPEG, samples.drawing(800, 600), quality=92, subsampling=0)
    turned, content = looked_at(samples.encoded(Kind.JPEG, samples.drawing(800, 600), quality=92, subsampling=0,
                                                exif=samples.telling_exif(6)))  # fmt: skip
    assert (turned.width, turned.height) == (600, 800)
    assert len(content) < 1.2 * len(data)


def test_an_avif_that_browsers_turn_has_the_size_that_people_see() -> None:
    data = samples.encoded(Kind.AVIF, exif=samples.telling_exif(6))
    picture, content = looked_at(data)
    assert (picture.width, picture.height) == (32, 48)
    assert samples.SECRET.encode() not in content


@pytest.mark.parametrize("data", [samples.SVG, samples.HTML, samples.PDF, b"x", b"\x89PNG", b"GIF8"])
def test_what_is_no_picture_is_refused_in_words(data: bytes) -> None:
    assert refused(data, NotAPicture).endswith(".")


@pytest.mark.parametrize("kind", Kind)
def test_half_a_picture_is_refused(kind: Kind) -> None:
    data = samples.encoded(kind, samples.drawing(200, 100))
    for share in (0.1, 0.5, 0.9, 0.99):
        refused(data[: max(16, int(len(data) * share))], BrokenPicture)


def test_a_tiny_file_of_huge_extent_is_refused_before_it_is_decoded() -> None:
    bomb = samples.png_bomb()
    assert len(bomb) < 100_000
    assert "40 megapixels" in refused(bomb, TooManyPixels, max_pixels=40_000_000)


@pytest.mark.parametrize(
    "data",
    [
        samples.gif_bomb(frames=1, width=65535, height=65535),
        # WebP and its decoder's canvas: 16384 x 16384, two gigabytes when it is merely opened.
        b"RIFF" + struct.pack("<I", 22 + 40) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff\x3f\0" * 2
        + b"ANMF" + struct.pack("<I", 32) + bytes(32),
        samples.png(samples.png_header(0x7FFFFFFF, 0x7FFFFFFF), (b"IDAT", b""), (b"IEND", b"")),
    ],
    ids=["gif", "webp", "png"],
)  # fmt: skip
def test_huge_extents_are_refused_before_a_decoder_sees_them(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.Image.open", lambda *_, **__: pytest.fail("a decoder was asked"))
    refused(data, TooManyPixels, max_pixels=40_000_000)


def test_a_jpeg_that_says_it_is_huge_is_refused() -> None:
    data = bytearray(samples.encoded(Kind.JPEG))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xdc\xff\xdc"
    refused(bytes(data), TooManyPixels, max_pixels=40_000_000)


def test_an_animation_is_bounded_by_all_its_frames_together() -> None:
    width = height = 100
    allowed = MAX_PIXELS * ANIMATION_FACTOR // (width * height)
    sentence = refused(samples.gif_bomb(frames=allowed + 1, width=width, height=height), TooManyPixels)
    assert "animation" in sentence
    refused(
        samples.png(samples.png_header(9, 9), (b"acTL", b"\x7f\xff\xff\xff\0\0\0\0"), (b"IDAT", b"x"), (b"IEND", b"")),
        TooManyPixels,
    )


def test_a_picture_at_the_bound_passes() -> None:
    data = samples.encoded(Kind.PNG, samples.drawing(40, 25))
    looked_at(data, max_pixels=1000)
    refused(data, TooManyPixels, max_pixels=999)


def test_a_picture_that_is_also_another_file_keeps_only_the_picture() -> None:
    data = samples.encoded(Kind.PNG)
    archive = b"PK\3\4" + b"evil.exe" * 10 + b"<script>alert(1)</script>"
    _, content = looked_at(data + archive)
    assert content == data
    commented = samples.encoded(Kind.GIF, comment=b"*/=1;alert(document.domain)//")
    assert b"alert" in commented
    assert b"alert" not in looked_at(commented)[1]


def test_a_text_chunk_that_unpacks_to_gigabytes_is_never_unpacked() -> None:
    import zlib

    bomb = zlib.compress(bytes(200_000_000), 9)
    data = samples.encoded(Kind.PNG)
    at = data.index(b"IDAT") - 4
    chunk = samples.png((b"zTXt", b"x\0\0" + bomb))[8:]
    assert looked_at(data[:at] + chunk + data[at:])[1] == data


def damaged_pictures() -> Iterator[tuple[Kind, bytes]]:
    for kind in Kind:
        yield kind, samples.telling(kind, orientation=None if kind is Kind.GIF else 6)
        if kind is not Kind.JPEG:
            yield kind, samples.animation(kind)


@given(st.sampled_from(list(damaged_pictures())), st.data())
@settings(max_examples=400, deadline=None)
def test_a_damaged_picture_is_kept_whole_or_refused_and_never_an_accident(
    sample: tuple[Kind, bytes], data: st.DataObject
) -> None:
    damaged = bytearray(sample[1])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture, content = looked_at(bytes(damaged), max_pixels=100_000)
    except (BrokenPicture, NotAPicture, TooManyPixels):
        return
    image = samples.decoded(content)
    assert image.format == picture.kind.value
    assert picture.width * picture.height <= 100_000


def test_the_upload_is_given_on_and_not_copied_when_nothing_tells() -> None:
    file = upload(samples.encoded(Kind.PNG))
    picture = examine(file, max_pixels=MAX_PIXELS)
    assert picture.file is file
    file.close()


def test_pillow_reads_what_was_written(tmp_path: object) -> None:
    del tmp_path
    _, content = looked_at(samples.telling(Kind.AVIF))
    assert samples.decoded(content).size == (48, 32)
    assert io.BytesIO(content).read(12)[4:8] == b"ftyp"
