"""What went wrong with the customer's URLs (`monitor.twilio.com`)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.simulator.twilio.clock import stamp
from receiver.simulator.twilio.endpoint import Answer, Endpoint, Sent
from receiver.simulator.twilio.errors import MORE_INFO, ApiError
from receiver.simulator.twilio.paging import newer
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import API_VERSION, Alert

_LEVELS = ("error", "warning", "notice", "debug")
_LONGEST_AGO = timedelta(days=30)
_PATH = "/v1/Alerts"


def _list(provider: Provider, sent: Sent) -> Answer:
    level = sent.parameter("LogLevel")
    if level and level not in _LEVELS:
        raise ApiError(20001, f"LogLevel must be one of {', '.join(_LEVELS)}")
    with provider.look() as (account, now):
        oldest = now - _LONGEST_AGO
        begin, end = _moment(sent, "StartDate", oldest), _moment(sent, "EndDate", now + timedelta(seconds=1))
        if begin < oldest - timedelta(days=1):
            raise ApiError(20001, "StartDate is more than 30 days ago")
        found = [
            (alert.sid, alert)
            for alert in reversed(account.alerts.values())
            if level in ("", alert.log_level) and stamp(begin) <= alert.date_created <= stamp(end)
        ]
        return newer(sent, "alerts", found, lambda alert: _shown(provider, sent, alert))


def _moment(sent: Sent, name: str, default: datetime) -> datetime:
    text = sent.parameter(name)
    if not text:
        return default
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?", text):
        raise ApiError(20001, f"{name} must be a day, or a time with Z")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(20001, f"{name} is not a date") from error
    if moment.tzinfo is None and name == "EndDate":
        moment += timedelta(days=1)
    return moment.replace(tzinfo=UTC)


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        alert = account.alerts.get(sent.path["sid"])
    if alert is None:
        raise sent.not_found()
    return _shown(provider, sent, alert) | {
        "request_variables": alert.request_variables,
        "request_headers": alert.request_headers,
        "response_headers": alert.response_headers,
        "response_body": alert.response_body,
    }


def _shown(provider: Provider, sent: Sent, alert: Alert) -> dict[str, Any]:
    return {
        "sid": alert.sid,
        "account_sid": provider.settings.account_sid,
        "resource_sid": alert.resource_sid,
        "service_sid": None,
        "error_code": str(alert.error_code),
        "log_level": alert.log_level,
        "alert_text": alert.alert_text,
        "more_info": f"{MORE_INFO}{alert.error_code}",
        "api_version": API_VERSION,
        "request_method": alert.request_method,
        "request_url": alert.request_url,
        "date_generated": alert.date_created,
        "date_created": alert.date_created,
        "date_updated": alert.date_created,
        "url": f"{sent.base_url}{_PATH}/{alert.sid}",
    }


ENDPOINTS = (
    Endpoint("Alerts/list", "GET", _PATH, _list),
    Endpoint("Alerts/fetch", "GET", f"{_PATH}/<sid>", _fetch),
)
