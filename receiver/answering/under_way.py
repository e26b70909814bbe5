"""Where calls are, as far as one process saw it. Every call goes on without that, too."""

from __future__ import annotations

from receiver.answering.state import State

MOST = 10_000
"""Calls that are remembered; the oldest are forgotten first."""


class UnderWay:
    """Where each call was last."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], State] = {}

    def of(self, provider: str, session: str) -> State | None:
        """Where a call was last; None if that is not known."""
        return self._states.get((provider, session))

    def has_come_to(self, provider: str, session: str, state: State) -> bool:
        """Whether a call is there already, or beyond."""
        known = self.of(provider, session)
        return known is not None and known.asked >= state.asked

    def is_beyond(self, provider: str, session: str, state: State) -> bool:
        """Whether a call has gone on since it was there."""
        known = self.of(provider, session)
        return known is not None and known.beyond(state)

    def keep(self, provider: str, session: str, state: State) -> None:
        """A call is there now."""
        self.forget(provider, session)
        self._states[provider, session] = state
        while len(self._states) > MOST:
            del self._states[next(iter(self._states))]

    def forget(self, provider: str, session: str) -> None:
        """A call is over."""
        self._states.pop((provider, session), None)
