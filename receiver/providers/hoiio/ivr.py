"""The provider's IVR: what a call is asked to do, one method for each of its requests that rules need.

Each is sent once and says at once whether it was accepted. What came of it arrives later, at `notify_url`.
"""

from __future__ import annotations

from typing import Any

from config import LIVE_API_URL
from receiver.providers import fields
from receiver.providers.exchange import ApiCall, Exchange, Nature
from receiver.providers.hoiio.exchange import understood

TIMEOUT = (2.0, 5.0)
"""Seconds to connect, and seconds without a byte while reading: somebody is on the line."""
LONGEST = 8.0
"""Seconds for a request with its answer."""


class HoiioCalls:
    """What can be asked of calls, under the names of the provider's own SDK. For one thread.

    Every method raises a `ProviderError` unless the provider accepted the request. Its `status` is the one
    that the provider answered with.
    """

    def __init__(
        self,
        app_id: str,
        access_token: str,
        api_url: str = LIVE_API_URL,
        *,
        timeout: tuple[float, float] = TIMEOUT,
        longest: float = LONGEST,
    ) -> None:
        self._credentials = {"app_id": app_id, "access_token": access_token}
        self._api_url = api_url.rstrip("/") + "/"
        self._exchange = Exchange(timeout=timeout, longest=longest, crowded_pauses=())

    def play(self, session: str, *, msg: str = "", notify_url: str = "") -> None:
        """Say or play something. Without `notify_url` the call ends with it."""
        self._ask("ivr/middle/play", session=session, msg=msg, notify_url=notify_url)

    def gather(
        self,
        session: str,
        notify_url: str,
        *,
        msg: str = "",
        max_digits: int | None = None,
        timeout: int | None = None,
        attempts: int | None = None,
    ) -> None:
        """Say something and wait `timeout` seconds for keys; `#`, or `max_digits` of them, ends that."""
        self._ask(
            "ivr/middle/gather",
            session=session,
            msg=msg,
            max_digits=max_digits,
            timeout=timeout,
            attempts=attempts,
            notify_url=notify_url,
        )

    def record(
        self, session: str, notify_url: str, *, msg: str = "", max_duration: int | None = None
    ) -> None:
        """Record the caller for `max_duration` seconds at most; `#` ends it."""
        self._ask(
            "ivr/middle/record", session=session, msg=msg, max_duration=max_duration, notify_url=notify_url
        )

    def transfer(
        self, session: str, dest: str, *, msg: str = "", on_failure: str = "", notify_url: str = ""
    ) -> None:
        """Connect the caller with a number.

        With `on_failure="continue"` the call goes on here if nobody answers there.
        """
        self._ask(
            "ivr/end/transfer",
            session=session,
            dest=dest,
            msg=msg,
            on_failure=on_failure,
            notify_url=notify_url,
        )

    def hangup(self, session: str, *, notify_url: str = "") -> None:
        """End the call."""
        self._ask("ivr/end/hangup", session=session, notify_url=notify_url)

    def send_sms(self, dest: str, msg: str) -> str:
        """Send an SMS, and return its transaction. This costs money."""
        return fields.text(self._ask("sms/send", dest=dest, msg=msg), "txn_ref")

    def _ask(self, path: str, **given: str | int | None) -> dict[str, Any]:
        call = ApiCall(f"ask for {path}", "HOIIO_API_URL", nature=Nature.CHANGE)
        body = {name: str(value) for name, value in given.items() if value not in ("", None)}
        answer = self._exchange.send(call, "POST", self._api_url + path, body | self._credentials)
        return understood(call, *answer)
