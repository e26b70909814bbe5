"""From the service to the local program, one event after the other, through whatever fails on either side."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NoReturn

from receiver.cli import output
from receiver.cli.listen.local import Local, Outcome
from receiver.cli.listen.place import Place
from receiver.cli.listen.remote import Arrived, Beat, Lost, Remote, Reset
from receiver.vocabulary.errors import OperatorError

TRIES = 5
"""How often an event is posted before that is taken for more than a hiccup."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
"""Seconds between attempts, on either side."""


class NotReached(OperatorError):
    """The service could not be reached at the start."""


Show = Callable[[Mapping[str, Any], Outcome, int], None]
"""Shows an attempt to deliver an event, and which it was."""


class Listening:
    """Delivers every event in order, at least once. An event is done once the local program answered 2xx, or
    with `skip_failed` after a few attempts; only then is the next one taken, and the place moved."""

    def __init__(self, remote: Remote, local: Local, place: Place, show: Show, *, skip_failed: bool) -> None:
        self._remote = remote
        self._local = local
        self._place = place
        self._show = show
        self._skip_failed = skip_failed
        self.position = 0

    def begin(self, replay_last: int, *, from_now: bool) -> None:
        """Find where to begin: behind the last event that was acknowledged, or now if there is none."""
        try:
            kept = None if from_now else self._place.last()
            start = self._remote.newest_id() if kept is None else kept
            last = self._remote.last_ids(replay_last)
        except Lost as error:
            raise NotReached(f"{self._remote.host} {error}: check --url, and that the service runs") from None
        self._move(start)
        self.position = min([start, *(event_id - 1 for event_id in last)])

    def go_on(self) -> NoReturn:
        """Deliver what comes, until Ctrl-C or until the service refuses."""
        news = f"Listening to {self._remote.host} for {self._local.host}, from behind event {self.position}."
        lost, failures = False, 0
        while True:
            try:
                for piece in self._remote.stream(self.position):
                    if not (isinstance(piece, Beat) and piece.first):
                        failures = 0  # a service that only greets and goes has not come back
                    elif news:
                        output.say(news)
                        news, lost = "", False
                    if isinstance(piece, Arrived):
                        self._deliver(piece.event)
                    elif isinstance(piece, Reset):
                        self._begin_again(piece.start)
            except Lost as error:
                if not lost:
                    output.say(f"Connection lost: {self._remote.host} {error}. Trying again.")
                    news = news or f"Connected to {self._remote.host} again."
                    lost = True
                failures += 1
                time.sleep(_pause(failures) * random.uniform(0.5, 1))

    def _begin_again(self, start: int) -> None:
        output.say(
            f"The log of {self._remote.host} ends before event {self.position}, as after an older backup was"
            f" restored: going on behind event {start}. --replay-last delivers earlier ones."
        )
        self._move(start)

    def _deliver(self, event: Mapping[str, Any]) -> None:
        for attempt in count(1):
            outcome = self._local.post(event)
            if outcome.acknowledged:
                self._move(event["id"])  # before it is shown: what is seen as done is done
            if outcome.acknowledged or attempt <= TRIES:
                self._show(event, outcome, attempt)
            if outcome.acknowledged:
                return
            if attempt == TRIES and self._skip_failed:
                self._move(event["id"])
                output.say(f"Event {event['id']} was not taken by {self._local.host}: skipped.")
                return
            if attempt == TRIES:
                output.say(
                    f"{self._local.host} does not take event {event['id']}: trying every"
                    f" {LONGEST_PAUSE:.0f} s until it does. --skip-failed would go on."
                )
            time.sleep(_pause(attempt))

    def _move(self, position: int) -> None:
        self._place.keep(position)
        self.position = position


def _pause(failures: int) -> float:
    return min(FIRST_PAUSE * (1 << min(failures - 1, 10)), LONGEST_PAUSE)
