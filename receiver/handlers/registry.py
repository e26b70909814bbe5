"""Which functions handle what: `@on` notes them down as a module is loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from receiver.vocabulary.kinds import EventType

LONGEST_TIMEOUT = 600.0
MOST_LANES = 32

Function = TypeVar("Function", bound=Callable[..., Any])


class Stop(Exception):  # it is no error of the service, but a handler's decision
    """Raised by a handler that does not want the event again: the delivery is given up at once.

    What is given with it stands in the delivery log.
    """


class HandlerError(Exception):
    """A function cannot be a handler as it is declared. The message says why."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A function, and which events it wants."""

    name: str
    """`module.function`."""
    function: Callable[..., Any]
    types: tuple[str, ...]
    search: str
    timeout: float
    lanes: int
    ordered: bool
    file: str


HANDLERS: dict[str, Handler] = {}
"""What was declared in this process, by name."""


def on(
    *types: str, search: str = "", timeout: float = 30, lanes: int = 1, ordered: bool = False
) -> Callable[[Function], Function]:
    """Run the function for each event of these types that the search finds, `to:+65…` for one.

    It gets the `Event`. If it returns, the event is delivered; if it raises, or takes longer than `timeout`
    seconds, it is tried again later. With `lanes`, so many run at once, each in a process of its own. With
    `ordered`, the events of a call or a conversation come one after the other.
    """
    known = {*EventType} - {EventType.TEST}
    if not types:
        raise HandlerError('@on needs the type of event, such as @on("sms.received")')
    for name in types:
        if name not in known:
            raise HandlerError(f"there is no event type {name!r}; there are {', '.join(sorted(known))}")
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise HandlerError(f"timeout must be more than 0 and at most {LONGEST_TIMEOUT:.0f} seconds")
    if not 1 <= lanes <= MOST_LANES:
        raise HandlerError(f"lanes must be 1 to {MOST_LANES}")

    def note(function: Function) -> Function:
        name, file = _checked(function)
        if (other := HANDLERS.get(name)) is not None and _place(other.function) != _place(function):
            raise HandlerError(f"there are two handlers {function.__name__}: give one another name")
        kinds = tuple(str(one) for one in dict.fromkeys(types))
        HANDLERS[name] = Handler(name, function, kinds, search, float(timeout), lanes, ordered, file)
        return function

    return note


def _checked(function: Callable[..., Any]) -> tuple[str, str]:
    """Its name and file, if it can be called with an event and nothing else."""
    if not inspect.isfunction(function):
        raise HandlerError("@on stands before functions, and above all other decorators")
    name = function.__name__
    if function.__qualname__ != name or not name.isidentifier():
        raise HandlerError(f"{function.__qualname__} does not stand at the top of the module, but inside it")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise HandlerError(f"{name} must be a plain function: neither async nor a generator")
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        raise HandlerError(f"{name} must take one argument, the event") from None
    return f"{function.__module__}.{name}", inspect.unwrap(function).__code__.co_filename


def _place(function: Callable[..., Any]) -> tuple[str, int]:
    code = inspect.unwrap(function).__code__
    return code.co_filename, code.co_firstlineno
