"""Contacts: names for the numbers that call and write."""

from __future__ import annotations

from flask import Response, jsonify

from receiver import current
from receiver.access.scopes import Scope
from receiver.contacts.book import MOST, contact_json
from receiver.search.masking import mask_event
from receiver.web.api import contact_shapes
from receiver.web.api.lists import FORMS, Document, columns_of, paged
from receiver.web.api.operation import LARGEST_ID, Given, operation
from receiver.web.api.parameters import BEFORE, FORMAT, LIMIT, MASK
from receiver.web.errors import problem

NO_CONTACT = "this number has no name"


@operation(
    "/contacts",
    "List the contacts",
    contact_shapes.ContactPage,
    parameters=(LIMIT, BEFORE, FORMAT, MASK),
    forms=FORMS,
)
def list_contacts(given: Given) -> Response:
    """All contacts, newest first."""
    book, mask = current.contacts(), given.flag("mask")

    def find(below: int | None, limit: int) -> tuple[list[Document], int | None]:
        found, following = book.page(below, min(limit, MOST))
        documents = [contact_json(one) for one in found]
        return [mask_event(one) for one in documents] if mask else documents, following

    before = given.whole("before", 0, LARGEST_ID) or None
    return paged(given, "contacts", find, before, columns_of(contact_shapes.Contact))


@operation(
    "/contacts/{number}",
    "Give a number a name",
    contact_shapes.Contact,
    method="PUT",
    scope=Scope.OPERATE,
    body=contact_shapes.NewName,
)
def put_contact(_: Given, asked: contact_shapes.NewName, number: str) -> Response:
    """It is shown wherever the number called or wrote. A name that the number had is replaced."""
    return jsonify(contact_json(current.contacts().put(number, asked.name)[0]))


@operation(
    "/contacts/{number}",
    "Take a number's name away",
    contact_shapes.RemovedContact,
    method="DELETE",
    scope=Scope.OPERATE,
    missing=NO_CONTACT,
)
def remove_contact(_: Given, number: str) -> Response:
    """Nothing else is removed: what came from the number stays in the log."""
    if not current.contacts().remove(number):
        return problem(404, "not_found", NO_CONTACT)
    return jsonify(removed=number)
