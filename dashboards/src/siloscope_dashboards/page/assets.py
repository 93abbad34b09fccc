"""The built page: which file answers a path, and for how long a browser may keep it."""

import mimetypes
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

BUILT_AT = Path(__file__).parent.parent / "static"
INDEX = "index.html"
NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Siloscope</title>
<h1>The page is not built</h1>
<p>The API runs; its web page was not built when this was set up. Build it once, in the project's folder:</p>
<pre>make install</pre>
<p>then load this again. The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</html>
"""
_HASHED = re.compile(r"^assets/.+-[A-Za-z0-9_-]{8,}\.\w+$")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
# mimetypes reads the machine's tables, which may lack or mistake these; nosniff makes a wrong type fatal.
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class Asset:
    """One file of the page, as it is answered."""

    body: bytes
    media_type: str
    etag: str
    cache_control: str


class Assets:
    """The files below a folder; small enough to be read whole, and only when asked for.

    Args:
        folder: Where Vite built the page.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    @property
    def built(self) -> bool:
        """Whether there is a page at all."""
        return (self._folder / INDEX).is_file()

    def find(self, path: str) -> Asset | None:
        """Return the file of a path relative to the folder; None where there is none, or it lies outside."""
        if "\0" in path:
            return None
        file = (self._folder / path).resolve()
        if not file.is_relative_to(self._folder) or not file.is_file():
            return None
        body = file.read_bytes()
        return Asset(body, media_type(path), f'"{sha256(body).hexdigest()[:32]}"', _cache_control(path))


def media_type(path: str) -> str:
    """Return the media type that a path's ending says."""
    suffix = Path(path).suffix
    return _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def _cache_control(path: str) -> str:
    return _FOR_EVER if _HASHED.match(path) else _ASK_AGAIN
