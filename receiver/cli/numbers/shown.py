"""How numbers, their terms and where they point are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from receiver.cli import tables
from receiver.cli.columns import Column
from receiver.keys.route import masked_url, shown_url
from receiver.keys.urls import CallbackUrls, Target
from receiver.providers.base import Provider
from receiver.providers.market import AvailableNumber, Duration, Rate
from receiver.providers.numbers import Capability, SubscribedNumber, words_of
from receiver.setup.plan import Configure
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.printable import in_days

_TARGETS = {
    Target.UNSET: "not set",
    Target.HERE: "here",
    Target.OLDER_KEY: "here (older key)",
    Target.DEAD_KEY: "here (dead key)",
    Target.WRONG_KIND: "here (wrong kind)",
}
_LONG_ID = re.compile(r"\b(\w\w)\w{12,}(\w{4})\b")
"""One of a provider's that would take a table's line for itself: its ends tell it apart."""

NUMBER_COLUMNS = (
    "number",
    Column("in", goes=1),
    Column("can", goes=2),
    Column("calls go", room=18),
    Column("sms go", room=9),
    "expires",
    "renews",
)


@dataclass(frozen=True)
class Held:
    """A number, the provider that has it, and our URLs there, if PUBLIC_URL is set."""

    provider: Provider
    number: SubscribedNumber
    urls: CallbackUrls | None


def show_numbers(numbers: Sequence[Held], *, several: bool) -> None:
    """Numbers as a table, with their providers if there are `several`."""
    columns = (NUMBER_COLUMNS[0], "provider", *NUMBER_COLUMNS[1:]) if several else NUMBER_COLUMNS
    rows = [number_row(held) for held in numbers]
    if several:
        rows = [(row[0], held.provider.name, *row[1:]) for row, held in zip(rows, numbers, strict=True)]
    tables.show(columns, rows)


def number_row(held: Held) -> tuple[str, ...]:
    """A number held, for a table with `NUMBER_COLUMNS`. `numbers show` has what is too long for it."""
    number, urls = held.number, held.urls
    calls = _goes(number, number.routes.calls, urls)
    return (
        number.number,
        place(number.country, number.state) or "-",
        abilities(number.capabilities),
        calls if calls == _TARGETS[Target.UNSET] else f"{number.routes.calls}: {calls}",
        _goes(number, Kind.SMS, urls),
        expires(number, held.provider),
        renews(number),
    )


def number_json(held: Held) -> dict[str, object]:
    """A number held, for `--json`. Callback keys are masked; who needs a URL whole has it in the settings."""
    number, urls = held.number, held.urls
    calls, sms = number.routes.of(number.routes.calls), number.routes.of(Kind.SMS)

    def leads(kind: Kind) -> Target | None:
        if urls is None:
            return Target.ELSEWHERE if kind in number.overruled else None
        return urls.leads(number, kind)

    return {
        "number": number.number,
        "provider": held.provider.name,
        "country": number.country,
        "state": number.state,
        "capabilities": sorted(word.lower() for word in number.capabilities),
        "mode": number.routes.mode,
        "forward_to": masked_url(calls),
        "forward_to_leads": leads(number.routes.calls),
        "forward_sms_to": masked_url(sms),
        "forward_sms_to_leads": leads(Kind.SMS),
        "expiry": number.expiry,
        "days_left": days_left(number.expiry, held.provider),
        "auto_extend": number.auto_extend,
        "others": {name: masked_url(value) for name, value in number.routes.others.items()},
        "lacking": urls and {kind: urls.lacking(number, kind) for kind in number.routes.urls},
        "overruled": {kind: instead.name for kind, instead in number.overruled.items()},
    }


def _goes(number: SubscribedNumber, kind: Kind, urls: CallbackUrls | None) -> str:
    """Where the provider sends what arrives: by the URL, or by what it uses instead."""
    if (instead := number.overruled.get(kind)) and (urls is None or kind in urls.taken(number)):
        return _LONG_ID.sub(r"\1…\2", instead.name)
    if instead:
        return leads_to(instead.url or "", kind, urls)
    if kind is Kind.SMS and Capability.SMS not in number.capabilities and not number.routes.sms:
        return "not supported"
    return leads_to(number.routes.of(kind), kind, urls)


def leads_to(url: str, kind: Kind, urls: CallbackUrls | None) -> str:
    """Where a number's URL for a kind leads, in few words and without secrets."""
    target = urls.target(url, kind) if urls else Target.ELSEWHERE if url else Target.UNSET
    return _TARGETS[target] if target in _TARGETS else shown_url(url)


def changes(step: Configure, urls: CallbackUrls | None) -> str:
    """What a step changes, for the person who is asked about it."""
    was, now, said = step.was.routes, step.routes, []
    ended = _ended(step)
    calls_before, calls_now = was.of(was.calls), now.of(now.calls)
    if was.calls in ended or (calls_before, was.mode or now.mode) != (calls_now, now.mode):
        before = ended.get(was.calls) or leads_to(calls_before, was.calls, urls)
        if calls_before and was.calls is not now.calls:
            before = f"{was.calls} {before}"
        said.append(f"{now.mode or 'calls'}: {_change(before, leads_to(calls_now, now.calls, urls))}")
    if Kind.SMS in ended or was.of(Kind.SMS) != now.of(Kind.SMS):
        before = ended.get(Kind.SMS) or leads_to(was.of(Kind.SMS), Kind.SMS, urls)
        said.append(f"sms: {_change(before, leads_to(now.of(Kind.SMS), Kind.SMS, urls))}")
    return "; ".join([*said, *_beside(step, ended.values(), urls)])


def _ended(step: Configure) -> dict[Kind, str]:
    """What overrules the number's URLs until this step clears the setting that it stands in."""
    was, now = step.was.routes.others, step.routes.others
    cleared = [value for name, value in was.items() if value and now.get(name, value) != value]
    return {
        kind: instead.name
        for kind, instead in step.was.overruled.items()
        if any(value in instead.name for value in cleared)
    }


def _beside(step: Configure, ended: Iterable[str], urls: CallbackUrls | None) -> list[str]:
    """What a step changes beside the URLs of the kinds, without what has `ended` and is said with these."""
    was, now = step.was.routes.others, step.routes.others
    # Of a number that is yet to be bought nothing is known: what is usual there is no change.
    known = {name: was.get(name, "" if "://" in value else value) for name, value in now.items()}
    ending = tuple(ended)
    by_change: dict[str, list[str]] = {}
    for name, value in sorted(now.items()):
        before = known[name]
        if before != value and not (before and any(before in instead for instead in ending)):
            change = _change(_setting(before, urls), _setting(value, urls))
            by_change.setdefault(change, []).append(words_of(name))
    return [f"{', '.join(names)}: {change}" for change, names in by_change.items()]


def _setting(value: str, urls: CallbackUrls | None) -> str:
    """A setting beside the URLs of the kinds; one that is a URL by where it leads."""
    if "://" not in value:
        return value or _TARGETS[Target.UNSET]
    if urls is None or not urls.is_ours(value):
        return shown_url(value)
    where = "here" if urls.at_first(value) else "second machine"
    return where if urls.with_current_key(value) == value else f"{where} (other key)"


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


def days_left(expiry: date | None, provider: Provider) -> int | None:
    """Days until a subscription ends, by the provider's calendar."""
    return None if expiry is None else (expiry - datetime.now(provider.zone).date()).days


def expires(number: SubscribedNumber, provider: Provider) -> str:
    """When a number's subscription ends."""
    days = days_left(number.expiry, provider)
    if days is None:
        return "-"
    if days < 0:
        return f"EXPIRED {number.expiry}"
    return in_days(days)


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


def for_sale(number: AvailableNumber) -> str:
    """What a number for sale can do, with a star if the provider asks for something first."""
    return abilities(number.capabilities) + (" *" if number.requirements else "")


def requirements(numbers: Iterable[AvailableNumber]) -> list[str]:
    """What the stars of `for_sale` stand for, as sentences, each once."""
    asked = (one for number in numbers for one in number.requirements)
    said = (" ".join(part for part in (one.sentence, one.link) if part) for one in asked)
    return [f"* The provider asks for this first: {sentence}" for sentence in dict.fromkeys(said)]
