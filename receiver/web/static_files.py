"""The console's style sheet, scripts and icon, under names that never mean anything else.

The path holds a hash of all of them, so browsers may keep them for a year, with the modules that a script
imports by a relative path. They are read and compressed once.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Response, abort, request

from receiver.web.compression import gzipped, takes_gzip

_FOLDER = Path(__file__).parent / "static"
_FOR_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes
    media_type: str


def version() -> str:
    """What the path holds: other files have another."""
    return _read()[0]


def static_file(version: str, filename: str) -> Response:
    """One of the files. A page of another release, open while this one was started, gets what there is now,
    and must not keep it under that name."""
    current, files = _read()
    found = files.get(filename)
    if found is None:
        abort(404)
    answer = Response(found.content, mimetype=found.media_type)
    answer.vary.add("Accept-Encoding")
    if takes_gzip(request):
        answer.set_data(found.compressed)
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Cache-Control"] = _FOR_A_YEAR if version == current else "no-cache"
    return answer


@cache
def _read() -> tuple[str, dict[str, _File]]:
    digest, files = hashlib.sha256(), {}
    for path in sorted(_FOLDER.iterdir()):
        content = path.read_bytes()
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(content).digest())
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        files[path.name] = _File(content, gzipped(content), media_type)
    return digest.hexdigest()[:12], files
