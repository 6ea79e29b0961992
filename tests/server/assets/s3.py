"""A bucket over HTTP: enough of S3 to put, get, list and delete, in several parts too.

Source: Amazon S3 API reference; answers are as short as the client allows.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape, unescape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Bucket:
    """What lies in it, and what was asked."""

    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    authorizations: list[str] = field(default_factory=list)
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))
    failing: bool = False

    def app(self) -> Starlette:
        """The bucket `pictures` as an application."""
        methods = ["GET", "HEAD", "PUT", "POST"]
        return Starlette(
            routes=[
                Route("/pictures", self._all, methods=["GET", "POST"]),
                Route("/pictures/{key:path}", self._one, methods=methods),
            ]
        )

    async def _all(self, request: Request) -> Response:
        if request.method == "POST" and "delete" in request.query_params:
            keys = re.findall(r"<Key>([^<]*)</Key>", (await request.body()).decode())
            for key in keys:
                self.objects.pop(unescape(key), None)
            deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return _xml(f"<DeleteResult>{deleted}</DeleteResult>")
        return self._list(request)

    def _list(self, request: Request) -> Response:
        prefix = request.query_params.get("prefix", "")
        stamp = self.changed.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{stamp}</LastModified><ETag>x</ETag>"
            f"<Size>{len(data)}</Size></Contents>"
            for key, data in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return _xml(f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")

    async def _one(self, request: Request) -> Response:
        key = request.path_params["key"]
        query = request.query_params
        self.authorizations.append(request.headers.get("authorization", ""))
        if self.failing:
            return Response(status_code=403)
        if request.method == "POST" and "uploads" in query:
            self.parts[key] = {}
            return _xml("<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
        if request.method == "POST":
            self.objects[key] = b"".join(data for _, data in sorted(self.parts.pop(key).items()))
            return _xml("<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")
        if request.method == "PUT":
            data = await request.body()
            if "partNumber" in query:
                self.parts[key][int(query["partNumber"])] = data
            else:
                self.objects[key] = data
            return Response(headers={"ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'})
        return self._get(request, key)

    def _get(self, request: Request, key: str) -> Response:
        data = self.objects.get(key)
        if data is None:
            return Response(status_code=404)
        headers = {"ETag": '"x"', "Last-Modified": format_datetime(self.changed, usegmt=True)}
        asked = request.headers.get("range")
        if asked is None:
            return Response(data, headers=headers)
        start, _, last = asked.removeprefix("bytes=").partition("-")
        part = data[int(start) : int(last) + 1]
        headers["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(data)}"
        return Response(part, status_code=206, headers=headers)


def _xml(body: str) -> Response:
    return Response(f'<?xml version="1.0"?>{body}', media_type="application/xml")
