"""What is not as it should be with our numbers: their terms, where they lead, and which are gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from receiver.keys.rewritten import others_with
from receiver.keys.route import shown_url
from receiver.keys.urls import CallbackUrls, Target
from receiver.numbers.findings import Finding, error, graded, warning
from receiver.numbers.known import KnownAccount, KnownNumber
from receiver.providers.numbers import only_in_console
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import in_days

_SOON, _VERY_SOON = 14, 3
"""Days before a subscription ends."""
_IN_CONSOLE = "In the provider's console, let it use the number's own URL."


def inspect_numbers(known: KnownAccount, urls: CallbackUrls | None, now: datetime) -> Iterator[Finding]:
    """Findings about each number held, then about those that are gone."""
    for finding in _found(known, urls, now):
        yield replace(finding, provider=known.provider)


def _found(known: KnownAccount, urls: CallbackUrls | None, now: datetime) -> Iterator[Finding]:
    for number in known.numbers:
        yield from _term(number, now)
        if urls is not None:
            yield from _targets(number, urls)
    yield from _unsure(known)
    for number in known.lost:
        yield _lost(number)


def _term(number: KnownNumber, now: datetime) -> Iterator[Finding]:
    left, name = number.days_left(now), masked_number(number.number)
    if left is None:
        return
    extend = f"receiver numbers extend {number.number} --months 1"
    if number.auto_extend:
        if left <= 0:
            sentence = f"{name} should have renewed itself by now, and has not: it ends {in_days(left)}."
            yield error("renewal-failed", sentence, extend, number.number)
    elif left <= _SOON:
        code = "expired" if left < 0 else "expires-soon"
        sentence = f"{name} {'ended' if left < 0 else 'ends'} {in_days(left)}, and does not renew itself."
        yield graded(left <= _VERY_SOON, code, sentence, extend, number.number)


def _targets(number: KnownNumber, urls: CallbackUrls) -> Iterator[Finding]:
    routes = number.routes
    sides = [(kind, routes.of(kind), kind in number.were_here) for kind in (routes.calls, Kind.SMS)]
    name, again = masked_number(number.number), f"receiver setup --number {number.number}"
    taken = number.overruled.keys() | number.unsure
    if not taken and not any(url or was_here for _, url, was_here in sides):
        sentence = f"{name} is paid for, and nothing that arrives for it is sent anywhere."
        yield warning("not-configured", sentence, again, number.number)
        return
    for kind, url, was_here in sides:
        target = urls.leads(number, kind)
        if kind in number.overruled:
            yield from _overruled(number, kind, urls, was_here=was_here)
            continue
        yield from _lacking(number, kind, urls)
        if target is Target.DEAD_KEY:
            sentence = f"{name} sends {kind} here with a key that is not accepted: it is turned away now."
            yield error(f"dead-key-{kind}", sentence, "receiver doctor --fix", number.number)
        elif target is Target.OLDER_KEY:
            sentence = f"{name} sends {kind} here with an older key."
            yield warning(f"older-key-{kind}", sentence, "receiver doctor --fix", number.number)
        elif target is Target.WRONG_KIND:
            sentence = f"{name} sends {kind} to a URL of ours that is not the one for {kind}."
            yield warning(f"wrong-url-{kind}", sentence, f"{again} --kind {kind}", number.number)
        elif was_here and target is not Target.HERE and kind not in number.unsure:
            where = f"goes to {shown_url(url).partition('/')[0]} now" if url else "goes nowhere now"
            meant = "If that is meant: receiver doctor --accept NUMBER."
            sentence = f"{kind} of {name} came here once, and {where}. {meant}"
            yield error(f"drifted-{kind}", sentence, f"{again} --take-over", number.number)


def _overruled(number: KnownNumber, kind: Kind, urls: CallbackUrls, *, was_here: bool) -> Iterator[Finding]:
    """What becomes of a kind for which the provider uses something else than the number's URL."""
    instead, name, target = number.overruled[kind], masked_number(number.number), urls.leads(number, kind)
    if kind not in only_in_console(number.overruled, number.routes):
        mend = f"receiver setup --number {number.number} --take-over"
    elif urls.target(number.routes.of(kind), kind) is Target.HERE:
        mend = _IN_CONSOLE
    else:  # then its own URL would be used, so that comes first
        option = "--forward-sms-to" if kind is Kind.SMS else "--forward-to"
        mend = f"receiver numbers configure {number.number} {option} here"
    by = f"{name} sends {kind} here by {instead.name}, whose URL has"
    if target is Target.DEAD_KEY:
        sentence = f"{by} a key that is not accepted: it is turned away now."
        yield error(f"dead-key-{kind}", sentence, mend, number.number)
    elif target is Target.OLDER_KEY:
        yield warning(f"older-key-{kind}", f"{by} an older key.", mend, number.number)
    elif target is Target.WRONG_KIND:
        sentence = f"{by} not the path for {kind}."
        yield warning(f"wrong-url-{kind}", sentence, mend, number.number)
    elif was_here and target is Target.ELSEWHERE:
        nowhere = " It has no URL itself: what arrives is thrown away." if instead.url == "" else ""
        sentence = f"{kind} of {name} never reaches us: {instead.name} is used instead of its URL.{nowhere}"
        yield error(f"overruled-{kind}", sentence, mend, number.number)


def _unsure(known: KnownAccount) -> Iterator[Finding]:
    """Whether some of it comes here at all is not known: said once, since one cause is behind all of it."""
    kinds = sorted({kind for number in known.numbers for kind in number.unsure & number.were_here})
    if kinds:
        sentence = (
            f"Whether {' and '.join(kinds)} reaches us is not known: the provider did not tell whether"
            " something takes it before the URLs of your numbers do."
        )
        mend = "Let the credentials read the whole account, or look in the provider's console."
        yield warning("overruled-unknown", sentence, mend)


def _lacking(number: KnownNumber, kind: Kind, urls: CallbackUrls) -> Iterator[Finding]:
    """What should stand beside the URL of a kind, and does not."""
    lacking = urls.lacking(number, kind)
    if not lacking:
        return
    name, missing = masked_number(number.number), " and ".join(lacking)
    theirs = others_with(number.routes, [kind], urls, take_over=True)
    kept = theirs.keys() - others_with(number.routes, [kind], urls, take_over=False).keys()
    again = f"receiver setup --number {number.number}{' --take-over' if kept else ''}"
    sentence = f"{name} sends {kind} here, but without what setup gives it: {missing}."
    yield warning(f"incomplete-{kind}", sentence, again, number.number)


def _lost(number: KnownNumber) -> Finding:
    when = f" since {number.lost_at:%Y-%m-%d}" if number.lost_at else ""
    renewal = "its renewal failed" if number.auto_extend else "it was not extended in time"
    why = f"{renewal}, or somebody released it"
    return error(
        "number-lost",
        f"{masked_number(number.number)} is not listed by the provider any more{when}: probably {why}."
        " If that is meant: receiver doctor --accept NUMBER.",
        f"receiver setup --number {number.number}",
        number.number,
    )
