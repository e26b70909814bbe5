"""The spool of the machine that answers: what waits, and what the database refused."""

from __future__ import annotations

from flask import Response, jsonify

from receiver import current
from receiver.access.scopes import Scope
from receiver.intake.spool import Spool
from receiver.search.events import iso
from receiver.search.set_aside import line_json, set_aside_json
from receiver.web.api import spool_shapes
from receiver.web.api.lists import FORMS, Document, columns_of, paged
from receiver.web.api.operation import LARGEST_ID, Given, operation
from receiver.web.api.parameters import BEFORE, FORMAT, LIMIT, MASK
from receiver.web.errors import problem

NOTHING = "no callback with this id was set aside"


@operation("/spool", "Show the spool of this process", spool_shapes.Spool)
def show_spool(_: Given) -> Response:
    """Callbacks waiting on the machine that answers, because the database could not take them."""
    state = current.spool().ask(Spool.state)
    return jsonify(waiting=state.waiting, set_aside=state.set_aside, oldest=iso(state.oldest))


@operation(
    "/spool/set-aside",
    "List what was set aside",
    spool_shapes.SetAsidePage,
    parameters=(LIMIT, BEFORE, FORMAT),
    forms=FORMS,
)
def list_set_aside(given: Given) -> Response:
    """Callbacks that the database refused, newest first, on the machine that answers."""

    def find(below: int | None, limit: int) -> tuple[list[Document], int | None]:
        page = current.spool().ask(lambda spool: spool.set_aside_page(before=below, limit=limit))
        return [line_json(line) for line in page.lines], page.next

    before = given.whole("before", 0, LARGEST_ID) or None
    return paged(given, "set_aside", find, before, columns_of(spool_shapes.SetAside))


@operation(
    "/spool/set-aside/{position}",
    "Show one of them",
    spool_shapes.WholeSetAside,
    parameters=(MASK,),
    path_schemas={"position": {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}},
    missing=NOTHING,
)
def show_set_aside(given: Given, position: int) -> Response:
    """One callback that the database refused, with its raw request."""
    found = None
    if 0 < position <= LARGEST_ID:
        found = current.spool().ask(lambda spool: spool.set_aside_at(position))
    if found is None:
        return problem(404, "not_found", NOTHING)
    return jsonify(set_aside_json(found, mask=given.flag("mask")))


@operation(
    "/spool/retry",
    "Try the database again",
    spool_shapes.Retried,
    method="POST",
    scope=Scope.OPERATE,
    body=spool_shapes.SetAsideIds,
)
def retry_set_aside(given: Given, asked: spool_shapes.SetAsideIds) -> Response:
    """Lets callbacks that were set aside wait for the database again. What it refuses is set aside again."""
    who = given.who
    return jsonify(retried=current.spool().ask(lambda spool: spool.retry(asked.ids, who=who)))


@operation(
    "/spool/drop",
    "Delete what was set aside",
    spool_shapes.DroppedSetAside,
    method="POST",
    scope=Scope.OPERATE,
    body=spool_shapes.SetAsideIds,
)
def drop_set_aside(given: Given, asked: spool_shapes.SetAsideIds) -> Response:
    """Deletes callbacks that were set aside. Nothing of them is kept."""
    who = given.who
    return jsonify(dropped=current.spool().ask(lambda spool: spool.drop(asked.ids, who=who)))
