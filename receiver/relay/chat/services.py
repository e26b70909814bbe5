"""The chat services that there are: known by the host of an address, or by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from receiver.relay.chat import discord, mattermost, slack, teams
from receiver.relay.words import Said


@dataclass(frozen=True, slots=True)
class Service:
    """One of them."""

    name: str
    title: str
    hosts: re.Pattern[str]
    """Hosts that are nobody else's."""
    message: Callable[[Said], dict[str, Any]]
    """The JSON that it takes. Nothing of what came in has any effect in it."""
    gone: frozenset[int] = frozenset({410})
    """Statuses that say that the webhook was removed: pauses the target."""
    pointless: frozenset[int] = frozenset({413})
    """Statuses that say that this message will never be taken."""


SERVICES: Mapping[str, Service] = {
    service.name: service
    for service in (
        Service(
            "slack",
            "Slack",
            re.compile(r"hooks\.slack(?:-gov)?\.com"),
            slack.message,
            gone=frozenset({404, 410}),
            pointless=frozenset({400, 413}),
        ),
        Service(
            "teams",
            "Teams",
            re.compile(r".+\.(?:logic\.azure\.(?:com|us)|api\.powerplatform\.com)"),
            teams.message,
            gone=frozenset({404, 410}),
        ),
        Service(
            "discord",
            "Discord",
            re.compile(r"(?:(?:ptb|canary)\.)?discord(?:app)?\.com"),
            discord.message,
            gone=frozenset({404, 410}),
            pointless=frozenset({400, 413}),
        ),
        # Elsewhere it is somebody's own server, of which a proxy may answer 404 for a while.
        Service("mattermost", "Mattermost", re.compile(r".+\.cloud\.mattermost\.com"), mattermost.message),
    )
}
_RETIRED = re.compile(r"(?:.+\.)?(?:webhook\.office\.com|outlook\.office(?:365)?\.com)")


def service_at(host: str) -> Service | None:
    """The service of a host; None for one that may be any."""
    return next((service for service in SERVICES.values() if service.hosts.fullmatch(host)), None)


def is_retired(host: str) -> bool:
    """Whether it was a host of the connectors of Office 365, which take nothing any more."""
    return _RETIRED.fullmatch(host) is not None
