"""What can be made to happen at a running simulated Twilio."""

from typing import Any

from receiver.simulator import client


class Control(client.Control):
    """The controls of the simulator at an address. Every method returns its JSON."""

    def course(self, sid: str) -> dict[str, Any]:
        """How a call went."""
        return self.send("GET", f"calls/{sid}")

    def bundle(self, country: str, number_type: str, **options: object) -> dict[str, Any]:
        """Make a bundle, approved unless another status is given."""
        return self.send("POST", "bundles", {"country": country, "number_type": number_type, **options})
