"""Receiving one file of a multipart form: straight to disk, bounded in bytes and in time."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO, Final

import anyio
from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from server.assets.refusals import FileTooLarge
from server.errors import Invalid, Unsupported

FIELD: Final = "file"
# What a form has around the file: boundaries, part headers, a few small fields of no interest.
FRAME_BYTES: Final = 16 * 1024
MAX_HEADER_BYTES: Final = 8 * 1024
MAX_PARTS: Final = 16
SILENCE_SECONDS: Final = 60
TOTAL_SECONDS: Final = 15 * 60
_WRITE_BYTES: Final = 256 * 1024

_HOW: Final = f"Send the picture as multipart/form-data, in the field “{FIELD}”."
_CUT_OFF: Final = "The upload ended before the file was complete. Try again."


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file on disk, open, and the name it came with. What it is must still be found out."""

    file: IO[bytes]
    name: str
    size_bytes: int


async def receive(request: Request, *, max_bytes: int) -> Upload:
    """Read the file of the form. The caller closes it.

    Raises Unsupported for another kind of body, Invalid for a form without exactly one file, FileTooLarge as soon as
    that is known, and HTTPException 408 if the sender is silent or slow for too long.
    """
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Unsupported(_HOW)
    declared = request.headers.get("Content-Length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > max_bytes + FRAME_BYTES:
        raise FileTooLarge(max_bytes)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed on
    try:
        parts = _Parts(boundary, max_bytes=max_bytes)
        with anyio.move_on_after(TOTAL_SECONDS) as total:
            async for chunk in _chunks(request):
                parts.feed(chunk)
                if len(parts.waiting) >= _WRITE_BYTES:
                    await to_thread.run_sync(file.write, parts.take())
        if total.cancelled_caught:
            # Raised in here, so that the file is closed on this way out too.
            raise HTTPException(408, "The upload took too long. Try again with a faster connection.")  # noqa: TRY301
        await to_thread.run_sync(file.write, parts.take())
        name = parts.finish()
        await to_thread.run_sync(file.flush)
    except BaseException:
        file.close()
        raise
    return Upload(file=file, name=name, size_bytes=parts.size_bytes)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    while True:
        try:
            with anyio.fail_after(SILENCE_SECONDS):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise HTTPException(408, "Nothing arrived for a minute. Try again.") from error
        yield chunk


class _Parts:
    """Pulls the one file out of a form. Other fields are read over; more than one file is refused."""

    def __init__(self, boundary: bytes, *, max_bytes: int) -> None:
        self.waiting = bytearray()  # bytes of the file that are not on disk yet
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._total = self._parts = self._header_bytes = 0
        self._header_name, self._header_value = bytearray(), bytearray()
        self._disposition = b""
        self._name: str | None = None
        self._in_file = self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._add_header_name,
                    "on_header_value": self._add_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._add_data,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise Unsupported(_HOW) from error

    def feed(self, chunk: bytes) -> None:
        """Take what arrived. Raises Invalid, FileTooLarge."""
        self._total += len(chunk)
        if self._total > self._max_bytes + FRAME_BYTES:
            raise FileTooLarge(self._max_bytes)
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Invalid(sentence=f"The form could not be read. {_HOW}") from error

    def take(self) -> bytes:
        """Return what must go to disk now."""
        data = bytes(self.waiting)
        self.waiting.clear()
        return data

    def finish(self) -> str:
        """Return the file's name. Raises Invalid if there was no file, an empty one, or only a part of one."""
        if not self._ended:
            raise Invalid(sentence=_CUT_OFF)
        if self._name is None or (not self._name and self.size_bytes == 0):
            raise Invalid({FIELD: "Choose a picture."}, f"There is no file in the form. {_HOW}")
        if self.size_bytes == 0:
            raise Invalid({FIELD: "It is empty."}, "The file is empty. Choose another one.")
        return self._name

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Invalid(sentence=f"The form has too many fields. {_HOW}")
        self._header_bytes, self._disposition, self._in_file = 0, b"", False
        self._header_name.clear()
        self._header_value.clear()

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += self._header(data, start, end)

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += self._header(data, start, end)

    def _header(self, data: bytes, start: int, end: int) -> bytes:
        self._header_bytes += end - start
        if self._header_bytes > MAX_HEADER_BYTES:
            raise Invalid(sentence=f"The form could not be read. {_HOW}")
        return data[start:end]

    def _end_header(self) -> None:
        if bytes(self._header_name).lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD.encode() or b"filename" not in options:
            return
        if self._name is not None:
            raise Invalid({FIELD: "Send one at a time."}, "Only one picture can be sent at a time.")
        self._in_file, self._name = True, options[b"filename"].decode("utf-8", "replace")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if not self._in_file:
            return
        self.size_bytes += end - start
        if self.size_bytes > self._max_bytes:
            raise FileTooLarge(self._max_bytes)
        self.waiting += data[start:end]

    def _end(self) -> None:
        self._ended = True
