"""What is not as it should be with our numbers, keys and account. Pure: from what is known to findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from receiver.keys.ring import Key, KeyState
from receiver.keys.urls import CallbackUrls, Target, shown_url
from receiver.numbers.findings import Finding, Severity
from receiver.numbers.known import Known, KnownNumber
from receiver.providers.hoiio.zone import ZONE
from receiver.providers.numbers import Mode
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number

SOON, VERY_SOON = 14, 3
"""Days before a subscription ends."""
RENEWALS_AHEAD = 30
"""Days of renewals that the balance should cover."""
SILENT_AFTER = 3
"""Failures in a row until the provider's silence is worth a word."""
_IN_FLIGHT = timedelta(hours=1)
"""For so long after a rotation, an older key may come with what was under way."""
_ROTATES = timedelta(minutes=10)
"""A rotation that is under way takes no longer."""
_STILL_USED = timedelta(days=1)

_OURS = (Target.HERE, Target.OLDER_KEY, Target.DEAD_KEY)
_TOP_UP = "Top up the account in the provider's portal."


def inspect(
    known: Known, urls: CallbackUrls | None, keys: Sequence[Key], *, now: datetime
) -> tuple[Finding, ...]:
    """All findings. Without `urls`, since PUBLIC_URL is not set, nothing is said about where numbers lead."""
    today = now.astimezone(ZONE).date()
    found = [*_account(known, today), *_keys(keys, now)]
    for number in known.numbers:
        found += _term(number, today)
        if urls is not None:
            found += _targets(number, urls)
    found += [_lost(number) for number in known.lost]
    return tuple(found)


def is_ours(urls: CallbackUrls, url: str) -> bool:
    """Whether a URL leads to this service, be it with a key that is no longer accepted."""
    return urls.target(url) in _OURS


def days_left(number: KnownNumber, today: date) -> int | None:
    """Days until a subscription ends."""
    return None if number.expires_on is None else (number.expires_on - today).days


def renewals(known: Known, today: date, days: int) -> Decimal:
    """What the renewals of the next so many days cost, as far as their prices are known."""
    return sum(
        (
            number.renewal_price
            for number in known.numbers
            if number.auto_extend and number.renewal_price is not None
            if (left := days_left(number, today)) is not None and left <= days
        ),
        Decimal(0),
    )


def _account(known: Known, today: date) -> Iterator[Finding]:
    if known.failures and known.refused:
        yield Finding("provider-refuses", Severity.ERROR, _sentence(known.failure), "Edit the settings.")
    elif known.failures >= SILENT_AFTER:
        yield Finding(
            "provider-silent",
            Severity.WARNING,
            f"The provider did not answer {known.failures} times in a row. {_sentence(known.failure)}",
            "Wait, or look at the provider's status.",
        )
    due = renewals(known, today, RENEWALS_AHEAD)
    if known.balance is None or known.balance >= due:
        return
    near = renewals(known, today, VERY_SOON)
    yield Finding(
        "balance-low",
        Severity.ERROR if known.balance < near else Severity.WARNING,
        f"The balance is {known.currency} {known.balance:f}, and the renewals of the next"
        f" {RENEWALS_AHEAD} days cost {due:f}: what cannot be paid is not renewed.",
        _TOP_UP,
    )


def _term(number: KnownNumber, today: date) -> Iterator[Finding]:
    left, name = days_left(number, today), masked_number(number.number)
    if left is None:
        return
    if number.auto_extend:
        if left <= 0:
            yield Finding(
                "renewal-failed",
                Severity.ERROR,
                f"{name} should have renewed itself by now, and has not: it ends {_when(left)}.",
                f"flask numbers extend {number.number} --months 1",
                number.number,
            )
    elif left <= SOON:
        yield Finding(
            "expired" if left < 0 else "expires-soon",
            Severity.ERROR if left <= VERY_SOON else Severity.WARNING,
            f"{name} {'ended' if left < 0 else 'ends'} {_when(left)}, and does not renew itself.",
            f"flask numbers extend {number.number} --months 1",
            number.number,
        )


def _targets(number: KnownNumber, urls: CallbackUrls) -> Iterator[Finding]:
    calls = Kind.FAX if number.mode == Mode.FAX else Kind.VOICE
    sides = (
        (calls, number.forward_to, number.calls_were_here),
        (Kind.SMS, number.forward_sms_to, number.sms_were_here),
    )
    name, again = masked_number(number.number), f"flask setup --number {number.number}"
    if not any(url for _, url, _ in sides) and not any(was for _, _, was in sides):
        yield Finding(
            "not-configured",
            Severity.WARNING,
            f"{name} is paid for, and nothing that arrives for it is sent anywhere.",
            again,
            number.number,
        )
        return
    for kind, url, were_here in sides:
        target = urls.target(url)
        if target is Target.DEAD_KEY:
            yield Finding(
                f"dead-key-{kind}",
                Severity.ERROR,
                f"{name} sends {kind} here with a key that is not accepted: it is turned away now.",
                "flask doctor --fix",
                number.number,
            )
        elif target is Target.OLDER_KEY:
            yield Finding(
                f"older-key-{kind}",
                Severity.WARNING,
                f"{name} sends {kind} here with an older key.",
                "flask doctor --fix",
                number.number,
            )
        elif were_here and target in (Target.ELSEWHERE, Target.UNSET):
            where = f"goes to {shown_url(url).partition('/')[0]} now" if url else "goes nowhere now"
            yield Finding(
                f"drifted-{kind}",
                Severity.ERROR,
                f"{kind} of {name} came here once, and {where}. If that is meant: flask doctor --accept.",
                f"{again} --take-over",
                number.number,
            )
    if number.forward_to and is_ours(urls, number.forward_to):
        led_to = number.forward_to.rpartition("/")[2]
        if led_to in (Kind.VOICE, Kind.FAX) and number.mode and led_to != calls:
            yield Finding(
                "wrong-mode",
                Severity.WARNING,
                f"{name} is in {number.mode} mode, but its URL here is the one for {led_to}.",
                f"{again} --kind {calls}",
                number.number,
            )


def _lost(number: KnownNumber) -> Finding:
    when = f" since {number.lost_at:%Y-%m-%d}" if number.lost_at else ""
    why = "its renewal failed" if number.auto_extend else "it was not extended in time"
    return Finding(
        "number-lost",
        Severity.ERROR,
        f"{masked_number(number.number)} is not listed by the provider any more{when}: probably {why}."
        " If that is meant: flask doctor --accept.",
        f"flask setup --number {number.number}",
        number.number,
    )


def _keys(keys: Sequence[Key], now: datetime) -> Iterator[Finding]:
    current = next(key for key in keys if key.state is KeyState.CURRENT)
    for key in keys:
        half_way = key.state is KeyState.NEW or (key.state is KeyState.CURRENT and key.current_since)
        if half_way and key.moved_at is None and (key.created_at or now) < now - _ROTATES:
            yield Finding(
                "rotation-unfinished",
                Severity.WARNING,
                f"The rotation to the key {key.name} stopped half-way.",
                "flask keys rotate",
                key.fingerprint,
            )
        if key.state is not KeyState.RETIRING:
            continue
        rotated = current.moved_at or now
        if key.used_at and key.used_at > max(now - _STILL_USED, rotated + _IN_FLIGHT):
            yield Finding(
                "older-key-used",
                Severity.WARNING,
                f"Callbacks still come with the older key {key.name}, the last on"
                f" {key.used_at:%Y-%m-%d at %H:%M} UTC.",
                "flask numbers list shows which number uses it; or else a notify URL of your own does.",
                key.fingerprint,
            )
        if key.in_settings and key.retires_at and key.retires_at <= now:
            yield Finding(
                "key-in-settings",
                Severity.WARNING,
                f"The key {key.name} in CALLBACK_KEYS is no longer needed, but still accepted.",
                "Put a fresh one in its place in CALLBACK_KEYS, and restart the service.",
                key.fingerprint,
            )
        elif key.retires_at and key.retires_at <= now:
            yield Finding(
                "key-overdue",
                Severity.WARNING,
                f"The key {key.name} should be retired, but a number still uses it.",
                "flask keys rotate",
                key.fingerprint,
            )


def _when(days: int) -> str:
    if days < 0:
        return f"{-days} days ago" if days < -1 else "yesterday"
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def _sentence(text: str | None) -> str:
    return f"{(text or '')[:1].upper()}{(text or '')[1:]}"
