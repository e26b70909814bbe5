"""What a module of handlers imports: `from receiver.handlers import Event, Stop, on`."""

from receiver.handlers.event import Event
from receiver.handlers.registry import Stop, on

__all__ = ["Event", "Stop", "on"]
