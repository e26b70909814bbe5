"""Contacts: names for the numbers that call and write, kept by hand or read from a file."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver import current
from receiver.access.scopes import Scope
from receiver.contacts.book import LARGEST_LIST, Kept, contact_json
from receiver.contacts.entry import LONGEST_NAME, ContactError
from receiver.contacts.importing import import_file, imported_words
from receiver.export.documents import export_documents
from receiver.export.export import Form
from receiver.vocabulary.printable import sentence
from receiver.web.api.lists import stream
from receiver.web.console import guard, relay, shown
from receiver.web.console.addresses import own_address
from receiver.web.private import LARGEST_FORM

contacts = Blueprint("contacts", __name__)

LARGEST_UPLOAD = LARGEST_FORM
"""Bytes of a file; the command takes larger ones."""
_DONE = {
    "saved": "Saved. The name is shown wherever the number called or wrote.",
    "removed": "Removed. What came from the number stays in the log.",
}


@contacts.get("/contacts")
def show_list() -> Response:
    """The contacts by name; `name` looks for one, `number` is put into the form."""
    return _page(number=request.args.get("number", ""))


@contacts.get("/contacts.csv")
def export() -> Response:
    """All of them as a file, which can be read in again."""
    found = [shown.document(contact_json(one)) for one in current.contacts().named()]
    return stream(export_documents([found], Form.CSV, ("name", "number"), mark=True), Form.CSV, "contacts")


@contacts.post("/contacts")
def add() -> Response:
    """Give a number a name."""
    guard.require_scope(Scope.OPERATE)
    number, name = request.form.get("number", ""), request.form.get("name", "")
    try:
        current.contacts().put(number, name)
    except ContactError as error:
        return _page(400, number=number, new_name=name, wrong=sentence(str(error)))
    if back := request.form.get("next"):
        return redirect(own_address(back), 303)
    return redirect(url_for(".show_list", done="saved"), 303)


@contacts.get("/contacts/<int:contact_id>")
def show(contact_id: int) -> Response:
    """One contact, to be renamed or removed."""
    return _one(_found(contact_id))


@contacts.post("/contacts/<int:contact_id>")
def change(contact_id: int) -> Response:
    """Rename it, or remove it."""
    guard.require_scope(Scope.OPERATE)
    contact, book = _found(contact_id), current.contacts()
    if request.form.get("action") == "remove":
        book.remove(contact.number)
        return redirect(url_for(".show_list", done="removed"), 303)
    try:
        book.rename(contact_id, request.form.get("name", ""))
    except ContactError as error:
        return _one(contact, 400, wrong=sentence(str(error)))
    return redirect(url_for(".show_list", done="saved"), 303)


@contacts.post("/contacts/file")
def take_file() -> Response:
    """Read a file of contacts, or only say what it would do."""
    guard.require_scope(Scope.OPERATE)
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(400, file_wrong="Choose a file first.")
    try:
        imported = import_file(current.contacts(), file.read(), dry_run="dry_run" in request.form)
    except ContactError as error:
        return _page(400, file_wrong=sentence(str(error)))
    problems = [] if shown.masked() else imported.problems
    return _page(imported=sentence(imported_words(imported)), problems=problems)


def _found(contact_id: int) -> Kept:
    contact = current.contacts().with_id(contact_id) if contact_id < 2**63 else None
    if contact is None:
        abort(404, "There is no such contact. It may have been removed.")
    return contact


def _page(status: int = 200, *, number: str = "", new_name: str = "", **given: Any) -> Response:
    book, name = current.contacts(), request.args.get("name", "").strip().replace("\x00", "")
    found = book.named(name, limit=LARGEST_LIST)
    return make_response(
        render_template(
            "contacts.html",
            page="contacts",
            contacts=[shown.document(contact_json(one)) | {"id": one.id} for one in found],
            count=book.count(),
            largest=LARGEST_LIST,
            name=name,
            number=number,
            new_name=new_name,
            next=request.values.get("next", ""),
            longest=LONGEST_NAME,
            megabytes=LARGEST_UPLOAD >> 20,
            may=relay.may,
            done=_DONE.get(request.args.get("done", "")),
            **given,
        ),
        status,
    )


def _one(contact: Kept, status: int = 200, *, wrong: str | None = None) -> Response:
    return make_response(
        render_template(
            "contact.html",
            page="contacts",
            contact=shown.document(contact_json(contact)),
            search=f"number:{contact.number}",
            longest=LONGEST_NAME,
            may=relay.may,
            wrong=wrong,
        ),
        status,
    )
