"""What a request to a provider's API is answered when a fault was ordered for it."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Response, current_app

from .faults import STATUS
from .provider import SharedProvider
from .serving import hang_up

log = logging.getLogger(__name__)


def under_fault(
    provider: SharedProvider[Any],
    endpoint: str,
    carry_out: Callable[[], Response],
    *,
    refused: Callable[[str], Response],
    broken: Callable[[], Response],
    garbage: str,
) -> Response:
    """The answer to a request, carried out or not, as the next fault of its endpoint has it.

    A provider has its own answers: to `status:…`, by what follows the colon; to `error-500`; and the garbage.
    """
    ordered = provider.take_fault(endpoint)
    if ordered is None:
        return carry_out()
    fault = ordered.fault
    log.info("%s: fault %s", endpoint, fault)
    if fault.startswith(STATUS):
        return refused(fault.removeprefix(STATUS))
    if fault == "error-500":
        return broken()
    if fault == "timeout":
        provider.stopping.wait(ordered.seconds)
        return hang_up()
    response = carry_out()
    if fault == "slow":
        provider.stopping.wait(ordered.seconds)
        return response
    if fault == "garbage":
        return current_app.response_class(garbage, mimetype="application/json")
    return hang_up()
