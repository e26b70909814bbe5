"""How numbers, their terms and where they point are shown."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from receiver.keys.urls import CallbackUrls, Target, masked_url, shown_url
from receiver.providers.market import Duration, Rate
from receiver.providers.numbers import Capability, SubscribedNumber
from receiver.providers.registry import DEFAULT
from receiver.setup.plan import Configure
from receiver.vocabulary.kinds import Kind

_TARGETS = {
    Target.UNSET: "not set",
    Target.HERE: "here",
    Target.OLDER_KEY: "here (older key)",
    Target.DEAD_KEY: "here (dead key)",
    Target.WRONG_KIND: "here (wrong kind)",
}

NUMBER_COLUMNS = ("number", "in", "can", "calls go", "sms go", "expires", "renews")


def number_row(number: SubscribedNumber, urls: CallbackUrls | None) -> tuple[str, ...]:
    """A number held, for a table with `NUMBER_COLUMNS`."""
    routes = number.routes
    calls_url = routes.of(routes.calls)
    calls = leads_to(calls_url, routes.calls, urls)
    return (
        number.number,
        place(number.country, number.state),
        abilities(number.capabilities),
        f"{routes.calls}: {calls}" if calls_url else calls,
        leads_to(routes.of(Kind.SMS), Kind.SMS, urls),
        expires(number),
        renews(number),
    )


def number_json(number: SubscribedNumber, urls: CallbackUrls | None) -> dict[str, object]:
    """A number held, for `--json`. Callback keys are masked; who needs a URL whole has it in the settings."""
    calls, sms = number.routes.of(number.routes.calls), number.routes.of(Kind.SMS)
    return {
        "number": number.number,
        "country": number.country,
        "state": number.state,
        "capabilities": sorted(word.lower() for word in number.capabilities),
        "mode": number.routes.mode,
        "forward_to": masked_url(calls),
        "forward_to_leads": urls and urls.target(calls, number.routes.calls),
        "forward_sms_to": masked_url(sms),
        "forward_sms_to_leads": urls and urls.target(sms, Kind.SMS),
        "expiry": number.expiry,
        "days_left": days_left(number.expiry),
        "auto_extend": number.auto_extend,
    }


def leads_to(url: str, kind: Kind, urls: CallbackUrls | None) -> str:
    """Where a number's URL for a kind leads, in few words and without secrets."""
    target = urls.target(url, kind) if urls else Target.ELSEWHERE if url else Target.UNSET
    return _TARGETS[target] if target in _TARGETS else shown_url(url)


def changes(step: Configure, urls: CallbackUrls | None) -> str:
    """What a step changes, for the person who is asked about it."""
    was, now, said = step.was.routes, step.routes, []
    calls_before, calls_now = was.of(was.calls), now.of(now.calls)
    if (calls_before, was.mode or now.mode) != (calls_now, now.mode):
        before = leads_to(calls_before, was.calls, urls)
        if calls_before and was.calls is not now.calls:
            before = f"{was.calls} {before}"
        said.append(f"{now.mode or 'calls'}: {_change(before, leads_to(calls_now, now.calls, urls))}")
    if was.of(Kind.SMS) != now.of(Kind.SMS):
        sides = (leads_to(routes.of(Kind.SMS), Kind.SMS, urls) for routes in (was, now))
        said.append(f"sms: {_change(*sides)}")
    return "; ".join(said)


def _change(before: str, after: str) -> str:
    return f"{before} → {after}" if before != after else f"{after}, by another spelling or query"


def place(country: str, state: str) -> str:
    """Country and state, by their codes."""
    return " ".join(part for part in (country, state) if part)


def abilities(capabilities: frozenset[str]) -> str:
    """What a number can do: `voice/fax` are alternatives, `+sms` comes on top."""
    calls = "/".join(word.lower() for word in (Capability.VOICE, Capability.FAX) if word in capabilities)
    others = sorted(word.lower() for word in capabilities - {Capability.VOICE, Capability.FAX})
    return "+".join(part for part in (calls, *others) if part)


def days_left(expiry: date | None) -> int | None:
    """Days until a subscription ends, by the provider's calendar."""
    return None if expiry is None else (expiry - datetime.now(DEFAULT.zone).date()).days


def expires(number: SubscribedNumber) -> str:
    """When a number's subscription ends."""
    days = days_left(number.expiry)
    if days is None:
        return "-"
    if days < 0:
        return f"EXPIRED {number.expiry}"
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def renews(number: SubscribedNumber) -> str:
    """Whether it renews itself."""
    return {True: "yes", False: "no", None: "-"}[number.auto_extend]


def term(asked: Duration) -> str:
    """A term in words."""
    if asked is Duration.AUTO_EXTEND:
        return "1 month, renewed and paid monthly"
    return "1 month" if asked is Duration.ONE_MONTH else f"{asked} months"


def monthly(rate: Rate) -> Decimal:
    """What a term costs for each month of it."""
    return (rate.price / rate.months).quantize(Decimal("0.01"))
