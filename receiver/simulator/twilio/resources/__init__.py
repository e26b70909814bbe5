"""The resources of the API, one file for each kind."""

from collections.abc import Sequence

from receiver.simulator.twilio.endpoint import Endpoint

from . import (
    account,
    addresses,
    alerts,
    applications,
    available,
    calls,
    incoming,
    media,
    messages,
    pricing,
    recordings,
    regulations,
    services,
)

ENDPOINTS: Sequence[Endpoint] = (
    *account.ENDPOINTS,
    *available.ENDPOINTS,
    *incoming.ENDPOINTS,
    *addresses.ENDPOINTS,
    *calls.ENDPOINTS,
    *messages.ENDPOINTS,
    *media.ENDPOINTS,
    *recordings.ENDPOINTS,
    *pricing.ENDPOINTS,
    *regulations.ENDPOINTS,
    *alerts.ENDPOINTS,
    *services.ENDPOINTS,
    *applications.ENDPOINTS,
)
