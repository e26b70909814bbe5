"""The statuses of the provider's answers, and the error that each of them is."""

from __future__ import annotations

import re
from typing import Final

from receiver.providers.errors import (
    ADVICE_TO_LOOK,
    OutcomeUnknown,
    ProviderError,
    Refused,
    TryLater,
    UnexpectedAnswer,
    WrongConfiguration,
)


def error_for(status: str, what: str, *, number: str = "", changes: bool = False) -> ProviderError:
    """The error for a status that is not success; `changes` if the call spends or changes something."""
    kind, reason = _STATUSES.get(status, (None, ""))
    if kind is None and (missing := re.fullmatch(r"error_(\w{1,40})_param_missing", status)):
        kind, reason = UnexpectedAnswer, f"the provider misses the parameter {missing[1]}. {_REPORT}"
    if kind is None:
        shown = status if re.fullmatch(r"\w{1,60}", status, re.ASCII) else "unreadable"
        # A refusal begins with error_; anything else may well be a success under a name we do not know.
        refused = status.startswith("error_")
        kind = OutcomeUnknown if changes and not refused else UnexpectedAnswer
        reason = f"the provider answered with the status {shown}, which this version does not know. "
        reason += ADVICE_TO_LOOK if kind is OutcomeUnknown else _REPORT
    if status == "error_internal_server_error" and changes:
        # It failed somewhere inside, before the deed or after it.
        kind, reason = OutcomeUnknown, f"the provider failed inside. {ADVICE_TO_LOOK}"
    error = kind(what, reason, number=number, status=status)
    if isinstance(error, TryLater):
        error.rate_limited = status == "error_rate_limit_exceeded"
    return error


_REPORT = "Please report this as a bug of Receiver."
_CREDIT = "the account has not enough credit. Top it up in the provider's portal, then try again."
_GONE = "the number is not for sale (any more). Choose another one."
_URL = "the provider cannot use the callback URL. Check that PUBLIC_URL is a full address it can reach."
_HOST = "the provider cannot resolve the host of the callback URL. Check PUBLIC_URL and its DNS entry."
_CALL_OVER = "the call is over."
_DEST = "this is not a number that can be called. Write it as + country code number."
_ACCOUNT = "Ask the provider's support, or look at the account in its portal."
# From the status tables of the account, IVR and Number API pages and the SDKs' lists. Which endpoint answers
# which is known for few of them, so the table is one for all.
_STATUSES: Final[dict[str, tuple[type[ProviderError], str]]] = {
    "error_invalid_app_id": (
        WrongConfiguration,
        "the provider does not know this application, or revoked it. Check HOIIO_APP_ID.",
    ),
    "error_invalid_access_token": (
        WrongConfiguration,
        "the access token is wrong, expired or revoked. Check HOIIO_ACCESS_TOKEN.",
    ),
    "error_app_id_param_missing": (WrongConfiguration, "the application is not named. Set HOIIO_APP_ID."),
    "error_access_token_param_missing": (
        WrongConfiguration,
        "the access token is missing. Set HOIIO_ACCESS_TOKEN.",
    ),
    "error_developer_suspended": (WrongConfiguration, f"the developer account is suspended. {_ACCOUNT}"),
    "error_permission_denied": (
        WrongConfiguration,
        f"this application may not do that. {_ACCOUNT}",
    ),
    "error_user_not_found": (WrongConfiguration, f"the provider does not know the account. {_ACCOUNT}"),
    "error_user_not_live": (WrongConfiguration, f"the account is not active. {_ACCOUNT}"),
    "error_rate_limit_exceeded": (
        TryLater,
        "too many requests in a short time, so nothing was done. Wait a minute, then try again.",
    ),
    "error_internal_server_error": (TryLater, "the provider failed inside. Try again in a few minutes."),
    "error_service_not_available": (
        TryLater,
        "the provider does not offer this at present. Try again later, or choose another country.",
    ),
    "error_not_allowed_for_trial": (
        Refused,
        "trial accounts may not do that. Top up the account in the provider's portal, then try again.",
    ),
    "error_insufficient_credit": (Refused, _CREDIT),
    "error_number_invalid": (
        Refused,
        "this is not a telephone number the provider knows. Write it as + country code number.",
    ),
    "error_number_not_available": (Refused, _GONE),
    "error_subscribe_number_not_available": (Refused, _GONE),
    "error_pick_number_not_available": (Refused, _GONE),
    "error_no_number_available": (
        Refused,
        "no number is for sale there. Choose another country or state.",
    ),
    "error_number_not_assigned": (
        Refused,
        "the number is not held by this application. Check the number, and HOIIO_APP_ID.",
    ),
    "error_exceed_max_subscriptions": (
        Refused,
        "the account holds as many numbers as it may. Ask the provider to raise the limit.",
    ),
    "error_auto_extend_not_available": (
        Refused,
        "it cannot renew itself: that needs a credit card on file in the provider's portal, and not every"
        " number can. Choose a term in months instead.",
    ),
    "error_invalid_duration": (Refused, "the provider does not sell this term. Choose 1, 3 or 12 months."),
    "error_country_param_missing": (Refused, "no country was named. Name one."),
    "error_state_param_missing": (Refused, "numbers there are sold by state. Name a state."),
    "error_page_invalid": (Refused, "there is no such page of numbers."),
    "error_forward_to_invalid": (Refused, _URL),
    "error_invalid_notify_url": (Refused, _URL),
    "error_unable_to_resolve_forward_to": (Refused, _HOST),
    "error_unable_to_resolve_notify_url": (Refused, _HOST),
    "error_mode_invalid": (
        Refused,
        "the number cannot be put into this mode. Choose what it can: voice or fax.",
    ),
    "error_incoming_sms_not_supported": (
        Refused,
        "the number cannot receive SMS, so nothing was changed. Leave sms out for it.",
    ),
    "error_add_notification_failed": (
        TryLater,
        "the provider could not store the callback URL. Try again in a few minutes.",
    ),
    "error_session_ended": (Refused, _CALL_OVER),
    "error_invalid_session": (Refused, "the provider does not know this call."),
    "error_session_access_denied": (
        Refused,
        "the call belongs to another application. Check HOIIO_APP_ID.",
    ),
    "error_session_not_ready": (Refused, "the call is at something else."),
    "error_session_not_on_hold": (Refused, "the call is not on hold."),
    "error_monitor_in_progress": (Refused, "the call is recorded already."),
    "error_concurrent_call_limit_reached": (
        TryLater,
        "the account has as many calls as it may have at a time. Try again when one of them is over.",
    ),
    "error_call_service_not_available": (TryLater, "the provider makes no calls there at present."),
    "error_dest_invalid": (Refused, _DEST),
    "error_dest_not_supported": (Refused, "the provider makes no calls to this number."),
    "error_msg_download_failed": (
        Refused,
        "the provider cannot fetch a sound that is to be played. Check its address in the rules.",
    ),
    "error_msg_invalid_language": (
        Refused,
        "the provider does not speak this language. Write it as in zh-HK.",
    ),
    "error_msg_too_big": (Refused, "the SMS is longer than three messages. Shorten it."),
    "error_sms_service_not_available": (TryLater, "the provider sends no SMS there at present."),
}
