"""Lists as CSV for spreadsheets and as JSON lines: all that a list finds, as the visitor may see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, abort, request

from receiver import current
from receiver.export.documents import export_documents
from receiver.export.export import ALL_FIELDS, Form, export
from receiver.search.call import call_json
from receiver.search.conversations import conversation_json
from receiver.search.masking import mask_event
from receiver.search.query import Search
from receiver.vocabulary.fields import FIELDS
from receiver.vocabulary.kinds import Kind
from receiver.web.api.calls import CALL_COLUMNS, CONVERSATION_COLUMNS, conversation_line
from receiver.web.api.lists import every, stream
from receiver.web.console import shown
from receiver.web.console.faxes import trusted_faxes
from receiver.web.console.lists import parsed
from receiver.web.console.numbers import EXPORTED, exported_numbers

exports = Blueprint("exports", __name__)

_ALL = 2**63 - 1
_OF_FAXES = [name for name in ALL_FIELDS if FIELDS[name].belongs_to(Kind.FAX)]


@exports.get("/export/<name>")
def get(name: str) -> Response:
    """A file of what the list of this name finds for `q`, newest first, however much it is."""
    text, form = request.args.get("q", "").strip(), _form()
    if name == "numbers":
        return stream(export_documents([exported_numbers(text)], form, EXPORTED, mark=True), form, name)
    if name not in _EXPORTS:
        abort(404, f"The lists that are exported are {', '.join(_EXPORTS)} and numbers.")
    wanted, wrong = parsed(text, calls=name == "calls")
    if wanted is None:
        abort(400, str(wrong))
    return stream(_EXPORTS[name](wanted, form, shown.masked()), form, name)


def _form() -> Form:
    asked = request.args.get("format", Form.CSV)
    if asked not in list(Form):
        abort(400, f"The formats are {' and '.join(Form)}.")
    return Form(asked)


def _events(wanted: Search, form: Form, mask: bool) -> Iterator[str]:
    return export(current.engine(), wanted, form, mask=mask, mark=True)


def _faxes(wanted: Search, form: Form, mask: bool) -> Iterator[str]:
    asked = trusted_faxes(wanted)
    if asked is None:
        return export_documents([], form, _OF_FAXES)
    return export(current.engine(), asked, form, fields=_OF_FAXES, mask=mask, mark=True)


def _calls(wanted: Search, form: Form, mask: bool) -> Iterator[str]:
    log = current.calls()

    def find(before: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        page = log.find(wanted, before=before, limit=limit)
        return [_seen(call_json(call), mask) for call in page.calls], page.next

    return export_documents(every(find, None, _ALL), form, CALL_COLUMNS, mark=True)


def _conversations(wanted: Search, form: Form, mask: bool) -> Iterator[str]:
    log = current.conversations()

    def find(before: Any, limit: int) -> tuple[list[dict[str, Any]], Any]:
        page = log.find(wanted, before=before, limit=limit)
        seen = (_seen(conversation_json(one), mask) for one in page.conversations)
        return [conversation_line(one) if form is Form.CSV else one for one in seen], page.next

    return export_documents(every(find, None, _ALL), form, CONVERSATION_COLUMNS, mark=True)


def _seen(document: dict[str, Any], mask: bool) -> dict[str, Any]:
    return mask_event(document) if mask else document


_EXPORTS: Mapping[str, Callable[[Search, Form, bool], Iterator[str]]] = {
    "events": _events,
    "calls": _calls,
    "conversations": _conversations,
    "faxes": _faxes,
}
