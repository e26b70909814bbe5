"""Why a call went the way it did, as one person tells another."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.answering.conditions import Asks, Check
from receiver.answering.why import Cause, RuleTried, Why

_DAYS = {
    "Mo": "Monday",
    "Tu": "Tuesday",
    "We": "Wednesday",
    "Th": "Thursday",
    "Fr": "Friday",
    "Sa": "Saturday",
    "Su": "Sunday",
}
_SAID: Mapping[Cause, str] = {
    Cause.PRESSED: "The caller pressed {detail}.",
    Cause.WRONG_INPUT: "The caller pressed {detail}, which the menu does not have.",
    Cause.NO_INPUT: "The caller pressed nothing.",
    Cause.ANSWERED: "{detail} answered.",
    Cause.BUSY: "{detail} was busy.",
    Cause.NO_ANSWER: "{detail} did not answer.",
    Cause.DONE: "Played to the end.",
    Cause.RECORDED: "The recording is over.",
    Cause.GO: "The flow goes on to {detail}.",
    Cause.COUNTED: "The flow went round as often as it may, and goes on to {detail}.",
    Cause.HUNG_UP: "The call is over.",
    Cause.LOST: "Where the call was is not known, so it goes where its rule leads after a failure.",
    Cause.ELSEWHERE: "The other address did not answer, so this came to the fallback.",
    Cause.NOT_SENT: "The reply was not sent: {detail}",
    Cause.PERHAPS_SENT: "Nobody knows whether the reply was sent: what the provider said got lost.",
    Cause.LATE: "This was about an earlier step, so nothing follows.",
}


def sentence(why: Why) -> str:
    """One reason, in a sentence or several."""
    if why.cause is Cause.RULE:
        before = f" {why.detail.capitalize()}." if why.detail else ""
        return " ".join((_holds(why.tried[-1]) + before, *map(_holds_not, why.tried[:-1])))
    if why.cause is Cause.NO_RULE:
        return " ".join(("No rule applies.", *map(_holds_not, why.tried)))
    if why.cause is Cause.FAILURE:
        return f"{why.detail} could not be reached." if why.detail else "The step could not be done."
    return _SAID[why.cause].format(detail=why.detail)


def _holds(tried: RuleTried) -> str:
    seen = " and ".join(map(_found, tried.checks))
    return f"Rule {tried.rule} applies: {seen}." if seen else f"Rule {tried.rule} applies, as it always does."


def _holds_not(tried: RuleTried) -> str:
    return f"Rule {tried.rule} does not: {_found(tried.checks[-1])}."


def _found(check: Check) -> str:
    """What was so."""
    match check.asks:
        case Asks.OPEN | Asks.CLOSED:
            return f"“{check.wanted}” is {check.found}"
        case Asks.SWITCH:
            return f"the switch “{check.wanted}” is {check.found}"
        case Asks.HOLIDAY:
            return f"it is {check.found}"
        case Asks.WEEKDAY:
            return f"it is {_DAYS[check.found]}"
        case Asks.FROM:
            return f"the {check.found}" if check.held else f"it is {check.found}"
