"""The sorts of target that there are. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receiver.relay.chat.sort import Chat
from receiver.relay.email.sort import Email
from receiver.relay.handlers.sort import Handler
from receiver.relay.sender import Sort
from receiver.relay.target import Target, TargetSort
from receiver.relay.webhook import Webhook

SORTS: Mapping[TargetSort, Sort] = {
    TargetSort.WEBHOOK: Webhook(),
    TargetSort.EMAIL: Email(),
    TargetSort.CHAT: Chat(),
    TargetSort.HANDLER: Handler(),
}


def shown(target: Target) -> dict[str, Any]:
    """The settings of a target without anything secret."""
    return SORTS[target.sort].shown(target.settings)


def place(target: Target) -> str:
    """Where it leads, in a few words."""
    return SORTS[target.sort].place(target.settings)
