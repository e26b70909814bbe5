"""What one listener to the live stream wants, and how its events are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from receiver.search.events import Tail, event_json
from receiver.search.masking import mask_event
from receiver.search.query import Search


@dataclass(frozen=True, slots=True)
class Listening:
    """What one listener wants, and the id of the last event it has seen."""

    wanted: Search
    position: int
    fields: tuple[str, ...] | None = None
    mask: bool = False
    allowed: Callable[[], bool] = lambda: True
    """Whether the listener may go on listening; may block."""
    start: int | None = None
    """Where it begins again if the log has not reached its position; None: with the next event."""

    def encoded(self, found: Tail) -> bytes:
        """The events as server-sent events."""
        return b"".join([self._encoded(event_json(event, raw=self._raw)) for event in found.events])

    def begun_again(self, position: int, start: int) -> bytes:
        """Tells that the log has not reached `position`, and that the listener goes on from `start`."""
        return f'id: {start}\nevent: reset\ndata: {{"unknown": {position}, "start": {start}}}\n\n'.encode()

    @property
    def _raw(self) -> bool:
        return self.fields is not None and "raw" in self.fields

    def _encoded(self, shown: dict[str, object]) -> bytes:
        number = shown["id"]
        if self.fields is not None:
            shown = {name: shown[name] for name in self.fields if name in shown}
        if self.mask:
            shown = mask_event(shown)
        # JSON in ASCII has no line break, so one line of data is enough whatever is in the event.
        return f"id: {number}\nevent: event\ndata: {json.dumps(shown)}\n\n".encode()
