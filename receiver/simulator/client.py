"""A client of a running simulator's controls; for its command line and for tests."""

from typing import Any, cast

import requests

_TIMEOUT_SECONDS = 3700.0  # a call may last an hour


class ControlError(Exception):
    """The simulator did not do it. The message is one sentence for a person."""


class Control:
    """The controls that every simulator has, at an address. Every method returns its JSON."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, from_: str, to: str, **options: object) -> dict[str, Any]:
        """Make a call come in, and wait until it is over."""
        return self.send("POST", "calls", {"from": from_, "to": to, **options})

    def sms(self, from_: str, to: str, text: str = "", **options: object) -> dict[str, Any]:
        """Make a message come in."""
        return self.send("POST", "sms", {"from": from_, "to": to, "text": text, **options})

    def account(self) -> dict[str, Any]:
        """Balance, numbers, ledger, deliveries, faults."""
        return self.send("GET", "account")

    def set_balance(self, balance: str) -> dict[str, Any]:
        """Set the balance."""
        return self.send("POST", "balance", {"balance": balance})

    def fault(self, endpoint: str, fault: str, **options: object) -> dict[str, Any]:
        """Make the next request to an endpoint go wrong, or the next `times` requests."""
        return self.send("POST", "faults", {"endpoint": endpoint, "fault": fault, **options})

    def clear_faults(self) -> dict[str, Any]:
        """Cancel all faults."""
        return self.send("DELETE", "faults")

    def advance(self, days: float) -> dict[str, Any]:
        """Move the simulator's time forward."""
        return self.send("POST", "clock", {"advance_days": days})

    def send(self, method: str, what: str, order: dict[str, object] | None = None) -> dict[str, Any]:
        """Send an order to `/control/` and return the answer; `ControlError` if it is refused."""
        try:
            with requests.Session() as session:
                session.trust_env = False  # it runs on this machine: no proxy in between
                response = session.request(
                    method, f"{self.url}/control/{what}", json=order, timeout=_TIMEOUT_SECONDS
                )
            answer = response.json()
        except requests.ConnectionError as error:
            raise ControlError(f"No simulator answers at {self.url}; is it running?") from error
        except (requests.RequestException, ValueError) as error:
            raise ControlError(f"What answers at {self.url} is not a simulator.") from error
        if not isinstance(answer, dict):
            raise ControlError(f"What answers at {self.url} is not a simulator.")
        if not response.ok:
            raise ControlError(
                str(answer.get("error", f"The simulator answered HTTP {response.status_code}."))
            )
        return cast(dict[str, Any], answer)
