"""A callback as it is after the gateway, for tests that begin there."""

from receiver.intake.arrival import Arrival
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.verdict import Verdict


def arrival(txn_ref: str, **changed) -> Arrival:
    """An SMS with this reference, but for what is given otherwise."""
    given = {
        "id": Arrival.new_id(),
        "provider": "hoiio",
        "kind": Kind.SMS,
        "received_at": Arrival.now(),
        "method": "POST",
        "query": b"",
        "headers": b"",
        "body": f"txn_ref={txn_ref}&msg=hello&from=%2B6591234567&to=%2B16501234567".encode(),
        "peer": "203.0.113.7",
        "content_type": "application/x-www-form-urlencoded",
        "signature": Verdict.VALID,
        "distrust": None,
    }
    return Arrival(**given | changed)
