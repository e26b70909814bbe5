"""Runs one handler: a process for each delivery that is under way, kept for a while for the next."""

from __future__ import annotations

import json
import threading
import time

from receiver.handlers.load import LoadError
from receiver.relay.delivery import Parcel, Result
from receiver.relay.handlers.process import LONGEST_LOAD, Child, Ended, TookTooLong, load_error
from receiver.search.events import event_json
from receiver.vocabulary.printable import printable

IDLE = 60.0
"""Seconds without work after which a process ends: each costs memory."""


class HandlerSender:
    """Sends to one function."""

    def __init__(self, where: str | None, function: str, timeout: float) -> None:
        self._where = where
        self._function = function
        self._timeout = timeout
        self._changed = threading.Condition()
        self._idle: list[tuple[float, Child]] = []
        """Those that wait, with the time since when; the longest first."""
        self._reaper: threading.Thread | None = None
        self._closed = False

    def send(self, parcel: Parcel) -> Result:
        request = f"{self._function}, attempt {parcel.attempt}"
        try:
            child = self._take()
            answer = child.ask(self._question(parcel), self._timeout)
        except TookTooLong:
            reason = f"took longer than {self._timeout:g} s"
            return Result(delivered=False, request=request, reason=reason)
        except (LoadError, Ended) as error:
            return Result(delivered=False, request=request, reason=str(error))
        except OSError as error:
            reason = f"no process can be started: {error.strerror}"
            return Result(delivered=False, request=request, reason=reason)
        self._give_back(child)
        if stopped := answer.get("stopped"):
            said = printable(answer["said"]) or None
            return Result(
                delivered=False, request=request, reason=printable(stopped), answer=said, final=True
            )
        if failed := answer.get("failed"):
            return Result(delivered=False, request=request, reason=printable(failed))
        return Result(delivered=True, request=request)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _question(self, parcel: Parcel) -> bytes:
        event = event_json(parcel.event)
        about = {"attempt": parcel.attempt, "replay": parcel.replayed, "test": parcel.test}
        return json.dumps({"handler": self._function, "event": event, "about": about}).encode() + b"\n"

    def _take(self) -> Child:
        """One that waits, or a new one with the module loaded."""
        with self._changed:
            while self._idle:
                _, child = self._idle.pop()
                if child.alive():
                    return child
                child.kill()
        if self._where is None:
            raise LoadError("HANDLERS is not set", self._function, None)
        child = Child("run", self._where, self._function)
        try:
            answer = child.ask(b"", LONGEST_LOAD)
        except TookTooLong:
            why = f"loading it takes longer than {LONGEST_LOAD:.0f} s"
            raise LoadError(why, self._where, None) from None
        if said := answer.get("error"):
            child.end()
            raise load_error(said)
        return child

    def _give_back(self, child: Child) -> None:
        with self._changed:
            self._idle.append((time.monotonic(), child))
            if self._reaper is None:
                self._reaper = threading.Thread(target=self._reap, name=f"idle-{self._function}", daemon=True)
                self._reaper.start()

    def _reap(self) -> None:
        """End what has waited long enough, until none is left."""
        while True:
            with self._changed:
                if not self._idle:
                    self._reaper = None
                    return
                since, child = self._idle[0]
                left = since + IDLE - time.monotonic()
                if left > 0 and not self._closed:
                    self._changed.wait(left)
                    continue
                del self._idle[0]
            child.end()
