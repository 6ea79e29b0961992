"""Addresses of bundled scripts and styles: the build gives each a name with a hash, and browsers keep those for ever."""

import json
from functools import lru_cache
from pathlib import Path

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
