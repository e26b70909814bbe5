"""What can be made to happen at a running simulated Twilio."""

from typing import Any

from receiver.simulator import client


class Control(client.Control):
    """The controls of the simulator at an address. Every method returns its JSON."""

    def call(self, from_: str, to: str, **options: object) -> dict[str, Any]:
        """Make a call come in, and wait until it is over."""
        return self.send("POST", "calls", {"from": from_, "to": to, **options})

    def course(self, sid: str) -> dict[str, Any]:
        """How a call went."""
        return self.send("GET", f"calls/{sid}")

    def sms(self, from_: str, to: str, text: str = "", **options: object) -> dict[str, Any]:
        """Make a message come in, with `media` if a list of content types is given."""
        return self.send("POST", "sms", {"from": from_, "to": to, "text": text, **options})

    def bundle(self, country: str, number_type: str, **options: object) -> dict[str, Any]:
        """Make a bundle, approved unless another status is given."""
        return self.send("POST", "bundles", {"country": country, "number_type": number_type, **options})
