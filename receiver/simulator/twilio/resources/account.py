"""The account and its balance."""

from receiver.simulator.twilio.clock import rfc2822
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Endpoint, Sent
from receiver.simulator.twilio.provider import Provider

_OPENED = "2026-01-02T03:04:05Z"


def _fetch(provider: Provider, sent: Sent) -> Answer:
    sid = sent.path["account_sid"]
    uri = f"/2010-04-01/Accounts/{sid}"
    parts = ("balance", "calls", "incoming_phone_numbers", "messages", "recordings")
    return {
        "sid": sid,
        "owner_account_sid": sid,
        "friendly_name": "Simulated Customer",
        "status": "active",
        "type": "Full",
        "auth_token": provider.settings.auth_token,
        "date_created": rfc2822(_OPENED),
        "date_updated": rfc2822(_OPENED),
        "subresource_uris": {part: f"{uri}/{part.title().replace('_', '')}.json" for part in parts},
        "uri": f"{uri}.json",
    }


def _balance(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        return {
            "account_sid": sent.path["account_sid"],
            "balance": str(account.balance),
            "currency": account.currency,
        }


ENDPOINTS = (
    Endpoint("Accounts/fetch", "GET", f"{ACCOUNTS}.json", _fetch),
    Endpoint("Balance/fetch", "GET", f"{ACCOUNTS}/Balance.json", _balance),
)
