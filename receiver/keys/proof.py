"""Proof of reachability: does what is posted to a callback URL arrive in the log as it was sent?

A signed test notification takes the provider's way, through PUBLIC_URL and into the log. The first hop that
fails is named, with what to do about it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Engine, func, or_, select

from receiver.keys.answers import require_our_answer
from receiver.keys.hops import Hop, HopFailed, Probe, Proof, travel
from receiver.models import Event
from receiver.providers.base import Provider
from receiver.providers.own import own_notification
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.verdict import Verdict

_LOOKS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.5, 2.0, 3.0)
"""Pauses in seconds before looking into the log again: longer than a commit and its deadline."""


def prove(engine: Engine, url: str, kind: Kind, secret: str, *, provider: Provider) -> Proof:
    """Post a signed test notification to a callback URL, and look for it in the log.

    It is logged with type `test` and never counted as a call. `secret` must be the one that the service
    verifies the provider's callbacks with.
    """
    nonce = secrets.token_hex(16)
    body = own_notification(nonce)
    # Also in the query, where it is found when a proxy drops the body.
    query = f"receiver_test={nonce}"
    address = url.partition("#")[0].partition("?")[0]
    headers = provider.sign(f"{address}?{query}", body, secret)
    with engine.connect() as connection:
        before = connection.scalar(select(func.max(Event.id))) or 0
    proof, answer = travel(url, Probe("POST", query, body, headers))
    if answer is None:
        return proof
    try:
        require_our_answer(url, answer)
        row = _find(engine, before, query.encode(), body)
        if problem := _event_problem(row, kind, body, provider, headers):
            raise HopFailed(Hop.LOG, *problem)
    except HopFailed as failed:
        return failed.add_to(proof)
    return replace(proof, passed=(*proof.passed, Hop.LOG), event=row.id)


def reach(url: str) -> Proof:
    """Go as far as the answer, without leaving anything in the log: is there a service of ours that accepts
    this URL's key?"""
    proof, answer = travel(url, Probe("GET"))
    if answer is not None:
        try:
            require_our_answer(url, answer)
        except HopFailed as failed:
            return failed.add_to(proof)
    return proof


@dataclass(frozen=True)
class _Arrived:
    """What became of the test."""

    id: int
    kind: str
    type: str
    signature: str
    quarantine: str | None
    body: bytes


def _find(engine: Engine, before: int, query: bytes, body: bytes) -> _Arrived:
    """The event of the test, by what is left of it."""
    mine = or_(Event.query_string == query, Event.body == body)
    columns = (Event.id, Event.kind, Event.type, Event.signature, Event.quarantine, Event.body)
    for pause in _LOOKS:
        time.sleep(pause)
        with engine.connect() as connection:
            row = connection.execute(select(*columns).where(Event.id > before, mine)).first()
        if row is not None:
            return _Arrived(*row)
    raise HopFailed(
        Hop.LOG,
        "it was answered 200, but is not in this log.",
        "Look at `receiver spool status`: it may wait for the database. If not, PUBLIC_URL leads to an"
        " installation with another database.",
    )


def _event_problem(
    row: _Arrived, kind: Kind, body: bytes, provider: Provider, headers: Iterable[str]
) -> tuple[str, str] | None:
    """What is wrong with an event that does not say exactly what was sent, and what to do."""
    if not row.body:
        return (
            "it arrived without its body.",
            "Let the proxy pass request bodies (nginx: proxy_pass_request_body on).",
        )
    if row.body != body:
        return (
            f"its body was changed on the way: {len(body)} bytes were sent, {len(row.body)} arrived.",
            "Let the proxy pass bodies as they are: the provider's signature is over the very bytes.",
        )
    if row.signature == Verdict.MISSING:
        return (
            f"it arrived without the header {', '.join(headers)}, so no callback can be verified.",
            "Let the proxy pass this header.",
        )
    if row.signature == Verdict.INVALID:
        return (
            "its signature was found wrong, though it arrived whole: the service verifies with another"
            " secret than this command.",
            f"Restart the service if the credentials of {provider.title} were changed, or give both"
            " the same.",
        )
    if row.kind != kind:
        return f"it was sent as {kind} and arrived as {row.kind}.", "Let the proxy pass the path as it is."
    if row.quarantine is not None:
        return f"it was quarantined: {row.quarantine}.", "Let the proxy pass the path as it is."
    if row.type != EventType.TEST:
        return "the service that answers is of an older version.", "Restart it."
    return None
