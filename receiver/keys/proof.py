"""Proof of reachability: does what is posted to a callback URL arrive in the log as it was sent?

A signed test notification takes the provider's way, through PUBLIC_URL and into the log. The first hop that
fails is named, with what to do about it.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

from sqlalchemy import Engine, func, or_, select

from receiver.keys.answers import require_our_answer
from receiver.keys.arrived import Arrived, Sent, problem_of
from receiver.keys.hops import Hop, HopFailed, Probe, Proof, travel
from receiver.models import Event
from receiver.providers.base import Provider
from receiver.providers.own import own_notification
from receiver.vocabulary.kinds import Kind

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
    sent = Sent(kind, query.encode(), body, tuple(headers), provider)
    proof, answer = travel(url, Probe("POST", query, body, headers))
    if answer is None:
        return proof
    try:
        require_our_answer(url, answer)
        row = _find(engine, before, sent)
        if problem := problem_of(row, sent):
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


def _find(engine: Engine, before: int, sent: Sent) -> Arrived:
    """The event of the test, by what is left of it."""
    mine = or_(Event.query_string == sent.query, Event.body == sent.body)
    columns = (
        *(Event.id, Event.kind, Event.type, Event.signature, Event.quarantine),
        *(Event.query_string, Event.body),
    )
    for pause in _LOOKS:
        time.sleep(pause)
        with engine.connect() as connection:
            row = connection.execute(select(*columns).where(Event.id > before, mine)).first()
        if row is not None:
            return Arrived(*row)
    raise HopFailed(
        Hop.LOG,
        "it was answered 200, but is not in this log.",
        "Look at `receiver spool status`: it may wait for the database. If not, PUBLIC_URL leads to an"
        " installation with another database.",
    )
