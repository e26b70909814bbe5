"""What can be made to arrive at a running simulated Hoiio."""

from typing import Any

from receiver.simulator import client


class Control(client.Control):
    """The controls of the simulator at an address. Every method returns its JSON."""

    def fax(self, from_: str, to: str, **options: object) -> dict[str, Any]:
        """Make a fax come in."""
        return self.send("POST", "faxes", {"from": from_, "to": to, **options})
