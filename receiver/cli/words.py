"""How numbers, kinds, terms and URLs are read from a command line and shown on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import click
import phonenumbers
from phonenumbers import ValidationResult

from receiver import current
from receiver.keys.urls import CallbackUrls, Target, masked_url, shown_url
from receiver.providers.hoiio.zone import ZONE
from receiver.providers.numbers import Capability, Duration, Rate, SubscribedNumber
from receiver.setup.plan import Configure
from receiver.vocabulary.kinds import Kind

_Command = TypeVar("_Command", bound=Callable[..., Any])

_WRONG_LENGTH = {
    ValidationResult.TOO_SHORT: "has too few digits",
    ValidationResult.TOO_LONG: "has too many digits",
    ValidationResult.INVALID_LENGTH: "has the wrong number of digits",
    ValidationResult.INVALID_COUNTRY_CODE: "begins with no country's code",
}
_TARGETS = {
    Target.UNSET: "not set",
    Target.HERE: "here",
    Target.OLDER_KEY: "here (older key)",
    Target.DEAD_KEY: "here (dead key)",
}


def telephone(text: str) -> str:
    """A telephone number in its one form, or `ValueError` with what is wrong with it."""
    number = re.sub(r"[\s().\-/]", "", text)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise ValueError(f"{text!r} is not a telephone number with its country code, such as +6511111111.")
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        reason = ValidationResult.INVALID_COUNTRY_CODE
    if wrong := _WRONG_LENGTH.get(reason):
        raise ValueError(f"{text!r} {wrong}: check it.")
    return number


class NumberType(click.ParamType[str]):
    """A telephone number with its country code; spaces and the usual marks in it do not matter."""

    name = "+NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return telephone(str(value))
        except ValueError as error:
            self.fail(str(error))


class KindsType(click.ParamType[frozenset[Kind]]):
    """Kinds, separated by commas."""

    name = "voice|fax,sms"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[Kind]:
        if isinstance(value, frozenset):
            return value
        words = {word.strip().lower() for word in str(value).split(",") if word.strip()}
        if not words or not words <= {*Kind}:
            self.fail(f"{value!r} must be one or more of {', '.join(Kind)}, separated by commas.")
        if {Kind.VOICE, Kind.FAX} <= words:
            self.fail("A number takes voice or fax, never both: choose one.")
        return frozenset(Kind(word) for word in words)


def term_options(command: _Command) -> _Command:
    """`--months` and `--auto-extend`, to be read by `duration`."""
    command = click.option(
        "--auto-extend", is_flag=True, help="By the month, renewed and paid until stopped in the portal."
    )(command)
    return click.option("--months", type=click.Choice(["1", "3", "12"]), help="For so long; 1 unless told.")(
        command
    )


def duration(months: str | None, auto_extend: bool) -> Duration:
    """The term that was asked for."""
    if months and auto_extend:
        raise click.UsageError("--months and --auto-extend exclude each other: choose one.")
    return Duration.AUTO_EXTEND if auto_extend else Duration(months or "1")


def duration_if_told(months: str | None, auto_extend: bool) -> Duration | None:
    """The term that was asked for, or None if none was."""
    return duration(months, auto_extend) if months or auto_extend else None


def term(asked: Duration) -> str:
    """A term in words."""
    if asked is Duration.AUTO_EXTEND:
        return "1 month, renewed and paid monthly"
    return "1 month" if asked is Duration.ONE_MONTH else f"{asked} months"


def monthly(rate: Rate) -> Decimal:
    """What a term costs for each month of it."""
    return (rate.price / rate.months).quantize(Decimal("0.01"))


our_urls = current.our_urls
our_urls_if_known = current.our_urls_if_known
urls_with = current.urls_with


def leads_to(url: str, urls: CallbackUrls | None) -> str:
    """Where a URL leads, in few words and without secrets."""
    target = urls.target(url) if urls else Target.ELSEWHERE if url else Target.UNSET
    return _TARGETS[target] if target in _TARGETS else shown_url(url)


def changes(step: Configure, urls: CallbackUrls | None) -> str:
    """What a step changes, for the person who is asked about it."""
    was, said = step.was, []
    calls = step.mode or "calls"
    if (was.forward_to, was.mode or step.mode) != (step.forward_to, step.mode):
        before = leads_to(was.forward_to, urls)
        if was.forward_to and was.mode not in ("", step.mode):
            before = f"{was.mode} {before}"
        said.append(f"{calls}: {before} → {leads_to(step.forward_to, urls)}")
    if was.forward_sms_to != step.forward_sms_to:
        said.append(f"sms: {leads_to(was.forward_sms_to, urls)} → {leads_to(step.forward_sms_to, urls)}")
    return "; ".join(said)


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
    return None if expiry is None else (expiry - datetime.now(ZONE).date()).days


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


NUMBER_COLUMNS = ("number", "in", "can", "calls go", "sms go", "expires", "renews")


def number_row(number: SubscribedNumber, urls: CallbackUrls | None) -> tuple[str, ...]:
    """A number held, for a table with `NUMBER_COLUMNS`."""
    calls = leads_to(number.forward_to, urls)
    return (
        number.number,
        place(number.country, number.state),
        abilities(number.capabilities),
        f"{number.mode}: {calls}" if number.mode and number.forward_to else calls,
        leads_to(number.forward_sms_to, urls),
        expires(number),
        renews(number),
    )


def number_json(number: SubscribedNumber, urls: CallbackUrls | None) -> dict[str, object]:
    """A number held, for `--json`. Callback keys are masked; who needs a URL whole has it in the settings."""
    return {
        "number": number.number,
        "country": number.country,
        "state": number.state,
        "capabilities": sorted(word.lower() for word in number.capabilities),
        "mode": number.mode,
        "forward_to": masked_url(number.forward_to),
        "forward_to_leads": urls and urls.target(number.forward_to),
        "forward_sms_to": masked_url(number.forward_sms_to),
        "forward_sms_to_leads": urls and urls.target(number.forward_sms_to),
        "expiry": number.expiry,
        "days_left": days_left(number.expiry),
        "auto_extend": number.auto_extend,
    }
