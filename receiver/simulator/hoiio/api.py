"""The provider's side of its HTTP API: `/open/<api>/<method>` (protocol: general REST conventions)."""

import json
import logging
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, request

from receiver.simulator.misbehaving import under_fault
from receiver.simulator.parameters import query_and_form
from receiver.simulator.statefile import StateError
from receiver.simulator.urls import usable

from . import catalogue
from .account import ApiError, Subscription
from .provider import Provider

Parameters = Mapping[str, str]
Answer = dict[str, Any]
Endpoint = Callable[[Provider, Parameters], Answer]

_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

log = logging.getLogger(__name__)


def api_blueprint(provider: Provider, endpoints: Mapping[str, Endpoint]) -> Blueprint:
    """`/open/`: takes GET and POST; every answer is HTTP 200, and JSON with a `status`."""
    blueprint = Blueprint("api", __name__, url_prefix="/open")

    @blueprint.route("/<path:name>", methods=_ALL_METHODS, provide_automatic_options=False)
    def call(name: str) -> Response:
        if name not in endpoints:
            answer = {"status": "error_service_not_available", "error": "There is no such endpoint."}
            return _json(answer, 404)
        provider.count(name)
        return under_fault(
            provider,
            name,
            lambda: _answered(provider, name, endpoints[name]),
            refused=lambda status: _json({"status": status}),
            broken=_broken,
            garbage='{"status":"succ',
        )

    return blueprint


def _answered(provider: Provider, name: str, endpoint: Endpoint) -> Response:
    answer = _answer(provider, name, endpoint)
    # No parameter is logged: the token is one of them.
    log.info("%s: %s", name, answer["status"])
    return _json(answer)


def _answer(provider: Provider, name: str, endpoint: Endpoint) -> Answer:
    """The provider's answer to this request. Its checks are in the order of the documented status table."""
    try:
        if request.method not in ("GET", "POST"):
            raise ApiError("error_invalid_http_method")
        parameters = _parameters()
        settings = provider.settings
        required(parameters, "app_id", "access_token")
        if parameters["app_id"] != settings.app_id:
            raise ApiError("error_invalid_app_id")
        if parameters["access_token"] != settings.access_token:
            raise ApiError("error_invalid_access_token")
        if not provider.accepts(name):
            raise ApiError("error_rate_limit_exceeded")
        return {"status": "success_ok"} | endpoint(provider, parameters)
    except ApiError as refusal:
        return {"status": refusal.status}
    except StateError as problem:
        log.error("%s", problem)
        return {"status": "error_internal_server_error"}
    except Exception:
        log.exception("%s failed", name)
        return {"status": "error_internal_server_error"}


def _parameters() -> dict[str, str]:
    """The request's parameters, of query and form alike."""
    try:
        query, form = query_and_form()
    except UnicodeDecodeError as error:
        raise ApiError("error_malformed_params") from error
    return dict([*query, *form])


def required(parameters: Parameters, *names: str) -> None:
    """Refuse a request that lacks one of these. An empty value counts as missing."""
    for name in names:
        if not parameters.get(name):
            raise ApiError(f"error_{name}_param_missing")


def url_fault(url: str, resolve: bool) -> Literal["invalid", "unable_to_resolve"] | None:
    """Why a URL cannot be notified: it is no full http(s) URL, or its host is unknown."""
    if not usable(url):
        return "invalid"
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host.endswith(".invalid"):
        return "unable_to_resolve"  # reserved, never resolves: no need to ask
    if resolve:
        try:
            socket.getaddrinfo(host, parts.port or parts.scheme, type=socket.SOCK_STREAM)
        except UnicodeError:
            return "invalid"
        except OSError:
            return "unable_to_resolve"
    return None


def _get_countries(provider: Provider, parameters: Parameters) -> Answer:
    entries = [
        {
            "code": country.code,
            "name": country.name,
            "prefix": country.prefix,
            # Empty, not left out, for a country sold as a whole: one known client needs the list.
            "states": [
                {"code": state.code, "name": state.name, "capability": list(state.capability)}
                for state in country.states
            ],
        }
        for country in catalogue.COUNTRIES.values()
    ]
    return _listing(entries)


def _get_choices(provider: Provider, parameters: Parameters) -> Answer:
    country = _country(parameters)
    state = ""
    if country.states:
        required(parameters, "state")
        state = parameters["state"]
        if state not in {known.code for known in country.states}:
            raise ApiError("error_no_number_available")
    page = parameters.get("page") or "1"
    if not re.fullmatch(r"[0-9]{1,9}", page) or int(page) < 1:
        raise ApiError("error_page_invalid")
    with provider.look() as (account, _):
        free = [
            one for one in catalogue.listed(country.code, state) if one.number not in account.subscriptions
        ]
    start = (int(page) - 1) * catalogue.PAGE_SIZE
    entries = [
        {"number": one.number, "capability": list(one.capability)}
        for one in free[start : start + catalogue.PAGE_SIZE]
    ]
    return _listing(entries, total=len(free))


def _get_rates(provider: Provider, parameters: Parameters) -> Answer:
    country = _country(parameters)
    entries = [
        {"duration": str(months), "rate": money(country.price(months))} for months in catalogue.DURATIONS
    ]
    with provider.look() as (account, _):
        return {"currency": account.currency} | _listing(entries)


def _subscribe(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "number", "duration")
    settings = provider.settings
    with provider.account() as (account, now):
        receipt = account.subscribe(
            parameters["number"],
            parameters["duration"],
            now,
            card_on_file=settings.card_on_file,
            max_subscriptions=settings.max_subscriptions,
        )
        # The documents show only the date, which two known clients need; a third needs a time as well.
        time = " 00:00:00" if settings.expiry_with_time else ""
        return {
            "currency": account.currency,
            "debit": money(receipt.debit),
            "expiry": receipt.expiry.isoformat() + time,
        }


def _update_forwarding(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "number")
    settings = provider.settings
    # One of the SDKs turns the words of the second round.
    sms_words = ("forward_sms_to", "forward_to_sms")
    forward_to = parameters.get("forward_to")
    forward_sms_to = next((parameters[word] for word in sms_words if word in parameters), None)
    # Looked up before the account is locked: a slow name server must not hold up everybody.
    faults = [url and url_fault(url, settings.resolve_hosts) for url in (forward_to, forward_sms_to)]
    statuses = {
        "invalid": "error_forward_to_invalid",
        "unable_to_resolve": "error_unable_to_resolve_forward_to",
    }
    with provider.account() as (account, _):
        account.update_forwarding(
            parameters["number"],
            forward_to=forward_to,
            forward_sms_to=forward_sms_to,
            mode=parameters.get("mode"),
            forward_to_fault=statuses.get(faults[0] or ""),
            forward_sms_to_fault=statuses.get(faults[1] or ""),
            merge=settings.merge_forwarding,
        )
    return {}


def _get_active(provider: Provider, parameters: Parameters) -> Answer:
    delay = provider.settings.listing_delay
    with provider.look() as (account, now):
        entries = [active(held) for held in account.subscriptions.values() if held.listed(now, delay)]
    return _listing(entries, total=len(entries))


def active(subscription: Subscription) -> Answer:
    """A number held, as number/get_active shows it. What is not set is empty, never left out."""
    return {
        "number": subscription.number,
        "forward_to": subscription.forward_to,
        "forward_sms_to": subscription.forward_sms_to,
        "mode": subscription.mode,
        "expiry": subscription.expiry.isoformat(),
        "auto_extend_status": "enabled" if subscription.auto_extend else "disabled",
        "country": subscription.country,
        "state": subscription.state,
        "capabilities": list(subscription.capabilities),
    }


def _get_balance(provider: Provider, parameters: Parameters) -> Answer:
    with provider.look() as (account, _):
        balance = money(account.balance)
        return {"currency": account.currency, "balance": balance, "points": balance, "bonus": "0.00"}


def _get_info(provider: Provider, parameters: Parameters) -> Answer:
    with provider.look() as (account, _):
        return {
            "uid": "AA-U-100001",
            "name": "Simulated Customer",
            "mobile_number": "+6590000001",
            "caller_ids": ["+6590000001", *account.subscriptions, "private"],
            "email": "customer@example.com",
            "country": "SG",
            "prefix": "+65",
            "currency": account.currency,
            "time_zone": "GMT+0800SG",
            "user_status": "active",
            "sms_rebrand_status": "disabled",
            "call_rebrand_status": "disabled",
        }


ENDPOINTS: Mapping[str, Endpoint] = {
    "number/get_countries": _get_countries,
    "number/get_choices": _get_choices,
    "number/get_rates": _get_rates,
    "number/subscribe": _subscribe,
    "number/update_forwarding": _update_forwarding,
    "number/get_active": _get_active,
    "user/get_balance": _get_balance,
    "user/get_info": _get_info,
}


def money(amount: Decimal) -> str:
    """An amount as the provider writes it: with two decimals, or three if needed."""
    return f"{amount:.2f}" if amount == round(amount, 2) else f"{amount:.3f}"


def _country(parameters: Parameters) -> catalogue.Country:
    required(parameters, "country")
    if parameters["country"] not in catalogue.COUNTRIES:
        raise ApiError("error_service_not_available")
    return catalogue.COUNTRIES[parameters["country"]]


def _listing(entries: Sequence[Answer], total: int | None = None) -> Answer:
    totals = {} if total is None else {"total_entries_count": str(total)}
    return totals | {"entries_count": str(len(entries)), "entries": list(entries)}


def _json(answer: Answer, code: int = 200) -> Response:
    return current_app.response_class(json.dumps(answer), code, mimetype="application/json")


def _broken() -> Response:
    return current_app.response_class("<h1>Internal Server Error</h1>", status=500, mimetype="text/html")
