"""Sending an SMS, and its delivery report (protocol: SMS delivery). Nobody gets it: the report is all."""

from collections.abc import Mapping

from receiver.simulator.gsm import ALPHABET, EXTENSION

from .account import ApiError
from .api import Answer, Endpoint, Parameters, required
from .asked import notify_url, tag, telephone
from .course import in_background
from .notify import Manner
from .provider import Provider
from .tariff import SMS_RATE, charge

_FAILS = "0003"
"""What is sent to a number with this ending is not delivered."""

_COUNT_DOUBLE = EXTENSION | {"\n"}
_LENGTHS = {True: (160, 306, 459), False: (70, 134, 201)}
"""Characters of one, two and three parts: of the GSM alphabet, and of any other."""


def _send(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "dest", "msg")
    dest, parts = telephone(parameters["dest"]), _parts(parameters["msg"])
    url, about = notify_url(provider, parameters, "notify_url"), tag(parameters)
    status = "failed" if dest.endswith(_FAILS) else "delivered"
    with provider.account() as (account, now):
        debit = SMS_RATE * parts
        if debit > account.balance:
            raise ApiError("error_insufficient_credit")
        txn_ref = f"AA-S-{account.reference()}"
        report = {"txn_ref": txn_ref, "sms_status": status, "dest": dest, "split_count": str(parts)}
        report |= about | {"rate": f"{SMS_RATE:.3f}"}
        report |= charge(account, "sms-sent", dest, debit, now, detail=f"{parts} part{'s'[: parts - 1]}")

    def deliver() -> None:
        provider.notify("sms", url, report, Manner())

    if url:
        in_background(deliver)
    return {"txn_ref": txn_ref}


def _parts(msg: str) -> int:
    plain = ALPHABET.issuperset(msg)
    length = len(msg) + (sum(char in _COUNT_DOUBLE for char in msg) if plain else 0)
    for parts, longest in enumerate(_LENGTHS[plain], start=1):
        if length <= longest:
            return parts
    raise ApiError("error_msg_too_big")


def _not_simulated(provider: Provider, parameters: Parameters) -> Answer:
    raise ApiError("error_service_not_available")


SENDING_ENDPOINTS: Mapping[str, Endpoint] = {"sms/send": _send}

NOT_SIMULATED: Mapping[str, Endpoint] = dict.fromkeys(
    (
        "voice/call",
        "voice/conference",
        "voice/hangup",
        "voice/get_history",
        "voice/get_rate",
        "voice/query_status",
        "sms/bulk_send",
        "sms/get_history",
        "sms/get_rate",
        "sms/query_status",
        "fax/send",
        "fax/get_history",
        "fax/get_rate",
        "fax/query_status",
    ),
    _not_simulated,
)
"""Endpoints of the provider that exist and are not played here."""
