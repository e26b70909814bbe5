"""Answering with a kept document: somebody else's file, which may do nothing in a browser."""

from __future__ import annotations

from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import FileWrapper

from receiver import current
from receiver.archive.documents import Item
from receiver.archive.store import preview_of

_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
_PIECE = 64 * 1024


def kept_document(item: Item, name: str) -> Response:
    """The bytes of a document that is kept, as a file to save, wholly or in part. `StoreError`."""
    assert item.sha256 is not None and item.media_type is not None  # noqa: S101, PT018  # it is kept
    return _answer(item.sha256, item.media_type, item.size, name)


def kept_preview(item: Item) -> Response:
    """The picture of its first page. `StoreError`."""
    assert item.sha256 is not None  # noqa: S101  # it is kept
    return _answer(preview_of(item.sha256), "image/png", None, "preview.png")


def saved(response: Response, media_type: str, name: str) -> Response:
    """An answer with somebody else's file: it may run nothing, and its type is what we say."""
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = _SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _answer(stored: str, media_type: str, size: int | None, name: str) -> Response:
    file = current.archive_store().open(stored)
    response = saved(Response(FileWrapper(file, _PIECE), direct_passthrough=True), media_type, name)
    response.set_etag(stored)
    if size is not None:
        response.content_length = size
        try:
            response.make_conditional(request, accept_ranges=True, complete_length=size)
        except HTTPException:
            file.close()
            raise
    return response
