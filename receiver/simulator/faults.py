"""Faults on demand: what a request to the provider can suffer, and for how many requests."""

from dataclasses import dataclass

KINDS = ("lost-answer", "timeout", "error-500", "slow", "garbage")
"""lost-answer, slow and garbage do the deed; timeout, error-500 and `status:…` do not."""

STATUS = "status:"
"""Before a status: the fault is that answer."""


@dataclass
class Fault:
    """What happens to the next `times` requests to an endpoint."""

    endpoint: str
    fault: str
    times: int
    seconds: float
    """How long slow is slow, and how long a timeout keeps the connection open."""


class Faults:
    """Faults waiting to happen, first ordered first. Not safe for threads by itself."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take(self, endpoint: str) -> Fault | None:
        """The fault of this request, if it is to suffer one; counted as suffered."""
        for fault in self.waiting:
            if fault.endpoint == endpoint:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
