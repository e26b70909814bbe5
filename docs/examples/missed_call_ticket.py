"""Opens a ticket for each missed call: HANDLERS=docs/examples/missed_call_ticket.py

TICKETS_URL and TICKETS_TOKEN are in the environment of the service.
"""

import json
import os
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from receiver.handlers import Event, Stop, on


@on("call.ended", search="state:missed", timeout=20)
def open_ticket(event: Event) -> None:
    ticket = {"subject": f"Missed call from {event.sender}", "at": event.received_at.isoformat()}
    request = Request(  # noqa: S310  # the address is ours
        os.environ["TICKETS_URL"],
        json.dumps(ticket).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ['TICKETS_TOKEN']}",
            # The same each time, so that a call that is tried again gives one ticket.
            "Idempotency-Key": f"call-{event.id}",
        },
    )
    try:
        urlopen(request, timeout=15).close()  # noqa: S310
    except HTTPError as error:
        if error.code == 422:
            raise Stop("the ticket system does not take this one") from None
        raise
