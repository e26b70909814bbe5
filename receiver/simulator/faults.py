"""Faults on demand: how a request to the provider can fail, and how many requests do."""

from dataclasses import dataclass

KINDS = ("lost-answer", "timeout", "error-500", "slow", "garbage")
"""lost-answer, slow and garbage carry the request out; timeout, error-500 and `status:…` do not."""

STATUS = "status:"
"""Followed by a status, which is the answer."""


@dataclass
class Fault:
    """What happens to the next `times` requests to an endpoint."""

    endpoint: str
    fault: str
    times: int
    seconds: float
    """How long `slow` takes, and how long `timeout` keeps the connection open."""


class Faults:
    """Faults waiting to happen, in the order they were requested. Not thread-safe by itself."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take(self, endpoint: str) -> Fault | None:
        """The fault for this request, if there is one. It counts as used."""
        for fault in self.waiting:
            if fault.endpoint == endpoint:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
