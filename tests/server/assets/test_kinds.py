import pytest

from server.assets.kinds import Kind, advice, recognise
from tests.server.assets import samples


@pytest.mark.parametrize("kind", Kind)
def test_a_picture_is_recognised_by_its_bytes(kind: Kind) -> None:
    assert recognise(samples.encoded(kind)) is kind
    assert Kind.from_media_type(kind.media_type) is kind


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (samples.SVG, "SVG"),
        (b"\xef\xbb\xbf\n <svg onload='alert(1)'/>", "SVG"),
        ('<?xml version="1.0" encoding="utf-16"?><SVG/>'.encode("utf-16"), "SVG"),
        (b"<!-- a long comment --><svg/>", "SVG"),
        (samples.HTML, "web page"),
        (b"<SCRIPT>alert(1)</SCRIPT>", "web page"),
        (b"<note/>", "XML"),
        (samples.PDF, "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "video"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"BM\0\0", "BMP"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"PK\3\4", "archive"),
        (b"MZ\x90\0", "not a picture"),
        (b"just words", "not a picture"),
        (b"\0", "not a picture"),
        (b"", "not a picture"),
    ],
)
def test_everything_else_is_named_and_told_what_to_do(head: bytes, word: str) -> None:
    assert recognise(head) is None
    sentence = advice(head)
    assert word in sentence
    assert sentence.endswith(".")
