"""The sort of target that is a function. Its targets are made from the code, never by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receiver.relay.handlers.sender import HandlerSender
from receiver.relay.options import Option
from receiver.relay.sender import Sender, Surroundings, TargetError
from receiver.relay.target import Target


class Handler:
    """The sort of target."""

    about = "Run a function of your own; its target is made by its code, with @on."
    options: tuple[Option, ...] = ()
    lanes = 1

    def read(
        self, given: Mapping[str, Any], known: Mapping[str, Any], around: Surroundings
    ) -> dict[str, Any]:
        """Always `TargetError`: see `receiver.relay.handlers.keeper`."""
        raise TargetError(
            "targets of handlers are made and changed by their code: write a function with @on in the module"
            " that HANDLERS names"
        )

    def shown(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: settings[name] for name in ("function", "types", "timeout", "lanes")}

    def place(self, settings: Mapping[str, Any]) -> str:
        return f"{settings['function']}()"

    def secret(self, settings: Mapping[str, Any]) -> None:
        return None

    def sender(self, target: Target, around: Surroundings) -> Sender:
        return HandlerSender(
            around.config.handlers, target.settings["function"], float(target.settings["timeout"])
        )
