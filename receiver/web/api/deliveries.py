"""Deliveries and replays: what went where, another try, and the same once more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flask import Response, jsonify

from receiver import current
from receiver.access.scopes import Scope
from receiver.relay.delivery import DeliveryState
from receiver.relay.replay import Replay
from receiver.relay.shown import attempt_json, delivery_json, replay_json
from receiver.relay.targets import UnknownTarget
from receiver.search.mistakes import SearchError
from receiver.search.query import Search
from receiver.web.api import delivery_shapes
from receiver.web.api.lists import FORMS, Document, columns_of, paged
from receiver.web.api.operation import LARGEST_ID, BadRequest, Given, Parameter, operation
from receiver.web.api.parameters import BEFORE, FORMAT, LIMIT, MASK
from receiver.web.errors import problem

NO_DELIVERY = "there is no delivery with this id"
_NOTHING_DONE = "there is no delivery with one of these ids; the message names it, and nothing is done"
_ID = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
_FILTERS = (
    Parameter("target", "Only to the target of this name."),
    Parameter("state", "Only in this state.", {"type": "string", "enum": [*DeliveryState]}),
    Parameter("event_id", "Only of this event.", _ID),
    Parameter("replay_id", "Only of this replay.", _ID),
    LIMIT,
    BEFORE,
    FORMAT,
    MASK,
)


@operation("/deliveries", "List deliveries", delivery_shapes.DeliveryPage, parameters=_FILTERS, forms=FORMS)
def list_deliveries(given: Given) -> Response:
    """Newest first. What ended longer ago than DELIVERY_LOG, 30 days by default, is gone."""
    state, mask = given.words.get("state"), given.flag("mask")
    if state is not None:
        given.choice("state", [*DeliveryState], "")
    wanted = partial(
        current.deliveries().find,
        target_id=_target_id(given),
        state=None if state is None else DeliveryState(state),
        event_id=given.whole("event_id", 0, LARGEST_ID) or None,
        replay_id=given.whole("replay_id", 0, LARGEST_ID) or None,
    )

    def find(below: int | None, limit: int) -> tuple[list[Document], int | None]:
        page = wanted(before=below, limit=limit)
        return [delivery_json(one, mask=mask) for one in page.deliveries], page.next

    before = given.whole("before", 0, LARGEST_ID) or None
    columns = columns_of(delivery_shapes.Delivery)
    return paged(given, "deliveries", find, before, columns)


@operation(
    "/deliveries/{delivery_id}",
    "Show one delivery",
    delivery_shapes.WholeDelivery,
    parameters=(MASK,),
    path_schemas={"delivery_id": _ID},
    missing=NO_DELIVERY,
)
def show_delivery(given: Given, delivery_id: int) -> Response:
    """One delivery with each attempt at it. The answers in it are the other side's words."""
    mask = given.flag("mask")
    found = current.deliveries().get(delivery_id) if 0 < delivery_id <= LARGEST_ID else None
    if found is None:
        return problem(404, "not_found", NO_DELIVERY)
    attempts = [attempt_json(one, mask=mask) for one in current.deliveries().attempts(delivery_id)]
    return jsonify(delivery_json(found, mask=mask) | {"log": attempts})


@operation(
    "/deliveries/retry",
    "Try deliveries again",
    delivery_shapes.RetriedDeliveries,
    method="POST",
    scope=Scope.OPERATE,
    body=delivery_shapes.Retry,
    missing=_NOTHING_DONE,
)
def retry_deliveries(_: Given, asked: delivery_shapes.Retry) -> Response:
    """At once, and with all attempts before them again. What was delivered is not sent again: for that there
    are replays."""
    if asked.ids is None:
        target = current.targets().get(asked.dead_of or "")
        return jsonify(retried=current.deliveries().retry_dead(target.id))
    return _missing(asked.ids) or jsonify(retried=current.deliveries().retry(asked.ids))


@operation(
    "/deliveries/cancel",
    "Give up deliveries",
    delivery_shapes.Cancelled,
    method="POST",
    scope=Scope.OPERATE,
    body=delivery_shapes.Cancel,
    missing=_NOTHING_DONE,
)
def cancel_deliveries(given: Given, asked: delivery_shapes.Cancel) -> Response:
    """Those that wait are not sent."""
    said = f"cancelled by {given.who}"
    why = f"{said}: {asked.why}" if asked.why else said
    return _missing(asked.ids) or jsonify(cancelled=current.deliveries().cancel(asked.ids, why))


@operation(
    "/replays",
    "List replays",
    delivery_shapes.ReplayPage,
    parameters=(LIMIT, BEFORE, FORMAT, MASK),
    forms=FORMS,
)
def list_replays(given: Given) -> Response:
    """Newest first, with how far each is."""
    mask = given.flag("mask")

    def find(below: int | None, limit: int) -> tuple[list[Document], int | None]:
        page = current.replays().find(before=below, limit=limit)
        return [replay_json(one, mask=mask) for one in page.replays], page.next

    before = given.whole("before", 0, LARGEST_ID) or None
    return paged(given, "replays", find, before, columns_of(delivery_shapes.Replay))


@operation(
    "/replays",
    "Send events once more",
    delivery_shapes.Asked,
    method="POST",
    scope=Scope.OPERATE,
    body=delivery_shapes.NewReplay,
    missing="there is no target of this name, or no event with one of these ids; the message names it",
)
def start_replay(given: Given, asked: delivery_shapes.NewReplay) -> Response:
    """To one target, whether or not its own search finds them, and marked as a replay. What is in quarantine
    is left out unless the search asks for it. A dry run says how many there are."""
    target, replays = current.targets().get(asked.to), current.replays()
    if asked.event_ids is not None:
        ids = list(dict.fromkeys(asked.event_ids))
        if asked.dry_run:
            return jsonify(events=len(replays.require(ids)), replay=None)
        return jsonify(events=None, replay=replay_json(replays.ask_for(target, ids, by=given.who)))
    try:
        wanted = Search.parse(asked.search or "")
        wanted.require_span()
    except SearchError as error:
        raise BadRequest(f"search: {error}") from None
    if asked.dry_run:
        return jsonify(events=replays.count(wanted), replay=None)
    return jsonify(events=None, replay=replay_json(replays.ask(target, wanted, by=given.who)))


@operation(
    "/replays/{replay_id}",
    "Show how far a replay is",
    delivery_shapes.Replay,
    parameters=(MASK,),
    path_schemas={"replay_id": _ID},
    missing="there is no replay with this id",
)
def show_replay(given: Given, replay_id: int) -> Response:
    """One replay with what became of its deliveries."""
    return jsonify(replay_json(_replay(replay_id), mask=given.flag("mask")))


@operation(
    "/replays/{replay_id}/stop",
    "Stop a replay",
    delivery_shapes.Replay,
    method="POST",
    scope=Scope.OPERATE,
    path_schemas={"replay_id": _ID},
    missing="there is no replay with this id",
)
def stop_replay(given: Given, replay_id: int) -> Response:
    """What waits of it is cancelled; what was sent stays sent. One that is done stays as it is."""
    found = _replay(replay_id)
    return jsonify(replay_json(current.replays().stop(found.id, by=given.who)))


def _target_id(given: Given) -> int | None:
    if "target" not in given.words:
        return None
    try:
        return current.targets().get(given.words["target"]).id
    except UnknownTarget:
        raise BadRequest("target: there is no target of this name") from None


def _replay(replay_id: int) -> Replay:
    return current.replays().get(min(replay_id, LARGEST_ID))


def _missing(ids: Sequence[int]) -> Response | None:
    missing = current.deliveries().missing(ids)
    if not missing:
        return None
    named = ", ".join(map(str, missing))
    return problem(404, "not_found", f"there is no delivery {named}: nothing was done")
