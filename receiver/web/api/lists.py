"""What lists of the API have in common: as JSON a page, as NDJSON or CSV a stream of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

from flask import Response, jsonify, request
from pydantic import BaseModel

from receiver.export.documents import export_documents
from receiver.export.export import Form
from receiver.search.events import DEFAULT_PAGE, LARGEST_PAGE
from receiver.web.api.operation import JSON, LARGEST_ID, Given
from receiver.web.api.parameters import CSV, NDJSON

Document = dict[str, Any]
C = TypeVar("C")

FORMS = {
    NDJSON: "Everything that matches, one JSON object a line.",
    CSV: "Everything that matches, for spreadsheets: no cell can start a formula.",
}
"""The media types beside JSON in which lists answer."""


def form_of(given: Given) -> Form | None:
    """How the list is exported, by `format` or else by the best type of the Accept header; None for JSON."""
    accepted = request.accept_mimetypes.best_match([JSON, NDJSON, CSV])
    by_header = {NDJSON: "ndjson", CSV: "csv"}.get(accepted or JSON, "json")
    form = given.choice("format", ("json", "ndjson", "csv"), by_header)
    return None if form == "json" else Form(form)


def stream(found: Iterator[str], form: Form, name: str) -> Response:
    """An export as an answer of any length, to be saved under this name."""
    first = next(found, "")  # now, while a failure can still be reported
    answer = Response(chain((first,), found), mimetype=NDJSON if form is Form.NDJSON else CSV)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return answer


def columns_of(document: type[BaseModel], *, without: str = "") -> list[str]:
    """The columns of a list of such documents: all their fields but the one that is a list of its own."""
    return [name for name in document.model_fields if name != without]


def whole(
    given: Given,
    name: str,
    documents: Sequence[Document],
    columns: Sequence[str],
    *,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The answer of a list without pages; `more` is what it says as JSON beside the list."""
    form = form_of(given)
    if form is None:
        return jsonify({name: documents, **(more or {})})
    return stream(export_documents([documents], form, columns), form, name)


def paged(
    given: Given,
    name: str,
    find: Callable[[C | None, int], tuple[Sequence[Document], C | None]],
    before: C | None,
    columns: Sequence[str],
    *,
    line: Callable[[Document], Document] = lambda document: document,
    more: Callable[[C | None], Document] = lambda following: {},
) -> Response:
    """The answer of a list with pages, which `find` finds: those below a cursor, and the next cursor.

    `line` makes what the columns of a CSV are taken from; `more` is what a JSON page says beside the list, by
    the next cursor.
    """
    form = form_of(given)
    if form is None:
        documents, following = find(before, given.whole("limit", DEFAULT_PAGE, LARGEST_PAGE))
        after = None if following is None else str(following)
        return jsonify({name: documents, "next": after, **more(following)})
    batches = every(find, before, given.whole("limit", LARGEST_ID, LARGEST_ID))
    if form is Form.CSV:
        batches = ([line(document) for document in batch] for batch in batches)
    return stream(export_documents(batches, form, columns), form, name)


def every(
    find: Callable[[C | None, int], tuple[Sequence[Document], C | None]],
    before: C | None,
    left: int,
) -> Iterator[Sequence[Document]]:
    """All pages below a cursor, until so many documents were found."""
    while left > 0:
        documents, before = find(before, min(left, LARGEST_PAGE))
        yield documents
        left -= len(documents)
        if before is None:
            return
