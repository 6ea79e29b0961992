"""Addresses of bundled scripts and styles: each has a hash in its name, so browsers may keep it for ever."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

ROOT = Path(__file__).resolve().parents[2] / "static"
MANIFEST = ROOT / "dist" / "manifest.json"


def static_url(name: str) -> str:
    """Return the address of a bundle such as `app.css`; of its plain name while nothing has been built."""
    try:
        changed_ns = MANIFEST.stat().st_mtime_ns
    except FileNotFoundError:
        return f"/static/{name}"
    return f"/static/{_manifest(MANIFEST, changed_ns).get(name, name)}"


@lru_cache(maxsize=4)
def _manifest(path: Path, changed_ns: int) -> dict[str, str]:
    # Keyed by the time of its change, so that a rebuild shows without a restart.
    del changed_ns
    names: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return names


class HashedFiles(StaticFiles):
    """Files whose names change with their content, so that a browser never asks for one twice."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - only passed on
        """Return the file, to be kept for a year."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def static_routes() -> list[BaseRoute]:
    """Where bundles and icons are served; compressed, for they are most of a first visit."""
    return [
        Mount("/static/icons", StaticFiles(directory=ROOT / "icons"), name="icons"),
        Mount(
            "/static",
            GZipMiddleware(HashedFiles(directory=ROOT / "dist", check_dir=False), minimum_size=1024),
            name="static",
        ),
    ]
