"""The filters of the search language, each declared once, for what reads, explains and suggests them."""

from __future__ import annotations

from dataclasses import dataclass

from receiver.providers.registry import PROVIDERS
from receiver.search.values import OneOf, Reader, read_flag, read_number, read_plain
from receiver.search.words import SHORTEST_PREFIX
from receiver.vocabulary.kinds import CallOutcome, EventState, EventType, Kind


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: a part of a `Search`, and its word in the search language, in options and in the API."""

    part: str
    word: str
    """Before the colon; of a flag, all of it: `is:quarantined`."""
    says: str
    """What it finds, in a sentence."""
    example: str
    read: Reader | None
    """None for a time, which depends on when and where it is asked for."""
    number: bool = False
    calls: bool = False
    """Whether it is about whole calls, and asked for only where calls are listed."""

    @property
    def flag(self) -> bool:
        """Whether it is there or not, and has no value."""
        return ":" in self.word

    @property
    def name(self) -> str:
        """As it is typed: `kind:` or `is:quarantined`."""
        return self.word if self.flag else f"{self.word}:"

    @property
    def values(self) -> tuple[str, ...]:
        """All that it may be; empty where there is no such list."""
        return tuple(self.read.known) if isinstance(self.read, OneOf) else ()


_TIME = "an age (90m, 2h, 7d), a time of day (10:15), today, yesterday, a date or any ISO form"

FILTERS = (
    Filter("provider", "provider", "Only from this provider.", f"provider:{next(iter(PROVIDERS))}",
           OneOf(PROVIDERS)),
    Filter("kind", "kind", "Only calls, faxes or SMS.", "kind:sms", OneOf(Kind)),
    Filter("type", "type", "Only what happened in this way. Our own tests are found only by type:test.",
           "type:fax.failed", OneOf(EventType)),
    Filter("state", "state", "How it went; answered, voicemail and missed are about a whole call.",
           "state:missed", OneOf(EventState)),
    Filter("outcome", "outcome", "What became of a whole call, in the list of calls.", "outcome:voicemail",
           OneOf(CallOutcome), calls=True),
    Filter("number", "number", "From or to this number.", "number:+6591234567", read_number, number=True),
    Filter("sender", "from", "From this number, in any spelling.", "from:+6591234567", read_number,
           number=True),
    Filter("recipient", "to", "To this number of ours.", "to:+6565311238", read_number, number=True),
    Filter("contact", "contact", "From contacts with this in their name.", "contact:anna", read_plain),
    Filter("session", "session", "All of one call, by the provider's session.", "session:S20481", read_plain),
    Filter("txn_ref", "ref", "With this reference of the provider.", "ref:AA-C-20481", read_plain),
    Filter("since", "since", f"Received then or later: {_TIME}.", "since:1h", None),
    Filter("until", "until", f"Received before then: {_TIME}. A time of day is the next after since:.",
           "until:10:15", None),
    Filter("quarantined", "is:quarantined", "Kept but not trusted; -is:quarantined leaves these out.",
           "is:quarantined", read_flag),
    Filter("problems", "has:problems", "Something is missing or unreadable; -has:problems leaves these out.",
           "has:problems", read_flag),
    Filter("voicemail", "has:voicemail", "What a caller said: the report that brings the recording.",
           "has:voicemail", read_flag),
    Filter("open", "is:open", "Missed calls, voicemails, faxes and SMS that nobody has handled.", "is:open",
           read_flag),
    Filter("handled", "is:handled", "What somebody has handled.", "is:handled", read_flag),
)  # fmt: skip
"""In the order in which a search is written."""

BY_PART = {one.part: one for one in FILTERS}
BY_WORD = {one.word: one for one in FILTERS if not one.flag} | BY_PART
"""By the word in use and by the part's name, which was the word before and is still read."""
FLAGS = {one.word: one for one in FILTERS if one.flag}


@dataclass(frozen=True, slots=True)
class Words:
    """A way to ask for words."""

    example: str
    says: str


WORDS = (
    Words("invoice", "Events with this word in the text or the parameters. All words have to be there."),
    Words('"page four"', "These words in a row. Quotes also find what would be a filter or an operator."),
    Words("invoi*", f"Words that begin so, from {SHORTEST_PREFIX} characters on."),
    Words('from:+6591234567 kind:sms since:7d "page four"', "Filters and words together: all must match."),
)
