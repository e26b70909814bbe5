"""Alerts, which the customer reads from the monitor."""

from urllib.parse import urlencode

from .account import new_sid
from .clock import stamp
from .provider import Provider
from .records import Alert
from .webhook import Reply

_LONGEST_BODY = 64 * 1024
_KEPT = 1000
"""The newest stay; Twilio forgets none for a month."""


def alert(
    provider: Provider, code: int, level: str, reply: Reply, resource_sid: str, *, text: str = ""
) -> None:
    """Write down what went wrong with a request."""
    with provider.account() as (account, now):
        made = Alert(
            sid=new_sid("NO"),
            error_code=code,
            log_level=level,
            alert_text=text or f"Error {code}",
            resource_sid=resource_sid,
            request_method=reply.method,
            request_url=reply.url,
            request_variables=urlencode(reply.parameters),
            request_headers="",
            response_headers=urlencode(reply.headers),
            response_body=reply.body.decode("utf-8", "replace")[:_LONGEST_BODY],
            date_created=stamp(now),
        )
        account.alerts[made.sid] = made
        while len(account.alerts) > _KEPT:
            del account.alerts[next(iter(account.alerts))]
