"""The account's numbers, and what needs attention."""

from __future__ import annotations

from flask import Response

from receiver import current
from receiver.doctor.attention import attention, state_of
from receiver.numbers import known as numbers
from receiver.search.events import iso
from receiver.web.api import service_shapes
from receiver.web.api.lists import FORMS, columns_of, whole
from receiver.web.api.operation import Given, operation
from receiver.web.api.parameters import FORMAT


@operation(
    "/numbers", "List the account's numbers", service_shapes.Numbers, parameters=(FORMAT,), forms=FORMS
)
def list_numbers(given: Given) -> Response:
    """The numbers as the provider last reported them; this operation does not ask it again."""
    known = numbers.read(current.engine())
    found = [
        {
            "number": one.number,
            "provider": one.provider,
            "country": one.country,
            "state": one.state,
            "capabilities": sorted(one.capabilities),
            "mode": one.routes.mode,
            "expires_on": None if one.expires_on is None else one.expires_on.isoformat(),
            "auto_extend": one.auto_extend,
            "checked_at": iso(one.checked_at),
        }
        for one in known.numbers
    ]
    more = {"checked_at": iso(known.checked_at)}
    return whole(given, "numbers", found, columns_of(service_shapes.KnownNumber), more=more)


@operation(
    "/findings", "List what needs attention", service_shapes.Findings, parameters=(FORMAT,), forms=FORMS
)
def list_findings(given: Given) -> Response:
    """What the last look at numbers, keys and the account found, what of the settings costs callbacks, and
    what the machine that answers has set aside."""
    spool = state_of(current.spool())
    found = [
        {
            "code": one.code,
            "severity": one.severity,
            "sentence": one.sentence,
            "mend": one.mend,
            "subject": one.subject,
            "provider": one.provider or None,
            "since": iso(one.since),
        }
        for one in attention(current.engine(), current.config(), spool)
    ]
    return whole(given, "findings", found, columns_of(service_shapes.Finding))
