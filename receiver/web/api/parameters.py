"""Parameters that several operations share, and their descriptions. `Search.read` decides what they mean."""

from __future__ import annotations

from receiver.export.export import ALL_FIELDS
from receiver.providers.registry import PROVIDERS
from receiver.search.cursor import Cursor
from receiver.search.events import DEFAULT_PAGE, LARGEST_PAGE
from receiver.search.mistakes import Mistakes, SearchError
from receiver.search.query import Search
from receiver.search.values import LONGEST_SEARCH
from receiver.vocabulary.kinds import CallOutcome, EventState, EventType, Kind
from receiver.web.api.operation import LARGEST_ID, BadRequest, Given, Parameter

NDJSON = "application/x-ndjson"
CSV = "text/csv"
EVENT_STREAM = "text/event-stream"

_FLAG = {"type": "string", "enum": ["true", "false"]}
_FILTER_FLAG = {"type": "string", "enum": ["true", "false", "yes", "no", "1", "0"]}
_TIME = {"type": "string", "examples": ["2026-01-31T10:00:00+08:00", "2h"]}
_NUMBER = {"type": "string", "examples": ["+6591234567"]}

FILTERS = (
    Parameter("provider", "Who sent it.", {"type": "string", "enum": [*PROVIDERS]}),
    Parameter("kind", "What arrived.", {"type": "string", "enum": [*Kind]}),
    Parameter(
        "type",
        "What happened. Our own tests are found only if this asks for them: `test`.",
        {"type": "string", "enum": [*EventType]},
    ),
    Parameter("state", "How it went.", {"type": "string", "enum": [*EventState]}),
    Parameter("from", "Who it came from.", _NUMBER),
    Parameter("to", "The number it came to.", _NUMBER),
    Parameter("number", "Either end.", _NUMBER),
    Parameter("contact", "A part of the name that your contacts have for who it came from."),
    Parameter("session", "Events of one call."),
    Parameter("ref", "The provider's reference."),
    Parameter(
        "since",
        "Received at this time or later: any ISO form, or an age (90m, 2h, 7d). UTC unless it names a zone.",
        _TIME,
    ),
    Parameter("until", "Received before this time; the same forms.", _TIME),
    Parameter("quarantined", "`true`: only quarantined events; `false`: only trusted ones.", _FILTER_FLAG),
    Parameter(
        "problems",
        "`true`: only events with something missing or unreadable; `false`: only those without.",
        _FILTER_FLAG,
    ),
    Parameter(
        "voicemail",
        "`true`: only events that bring what a caller said; `false`: only the others.",
        _FILTER_FLAG,
    ),
    Parameter("open", "`true`: only what nobody has dealt with: missed calls, faxes and SMS.", _FILTER_FLAG),
    Parameter("handled", "`true`: only what somebody has handled.", _FILTER_FLAG),
    Parameter("sender", "The older name of `from`.", _NUMBER, deprecated=True),
    Parameter("recipient", "The older name of `to`.", _NUMBER, deprecated=True),
    Parameter("txn_ref", "The older name of `ref`.", deprecated=True),
    Parameter("text", 'Words, "a phrase" and prefi*, in the text or the parameters; all must match.'),
)
OUTCOME = Parameter("outcome", "What became of the whole call.", {"type": "string", "enum": [*CallOutcome]})
SEARCH = Parameter(
    "q",
    'The search language, as in the console: `from:+6591234567 kind:sms since:1h "the invoice"`. '
    "Can be combined with the other filters, unless both set the same one.",
    {"type": "string", "maxLength": LONGEST_SEARCH},
)
LIMIT = Parameter(
    "limit",
    f"How many; {DEFAULT_PAGE} by default, at most {LARGEST_PAGE} on a page, any number in a stream.",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
)
PAGE_LIMIT = Parameter(
    "limit",
    f"How many; {DEFAULT_PAGE} by default.",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE},
)
BEFORE = Parameter(
    "before",
    "The cursor of a page: `next` of the previous page.",
    {"type": "string", "pattern": "^[0-9]{1,19}$"},
)
CURSOR = Parameter(
    "before",
    "The cursor of a page: `next` of the previous page. It stands for the moment of the first page.",
    {"type": "string", "pattern": r"^[0-9]{1,19}(\.[0-9]{1,19})?$"},
)
AFTER = Parameter(
    "after",
    "Start after the event with this id; 0 for the whole log.",
    {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
)
FIELD_NAMES = Parameter(
    "fields",
    f"Only these, comma-separated: {', '.join(ALL_FIELDS)}, params, raw.",
    {"type": "string", "examples": ["id,received_at,sender,text"]},
)
FORMAT = Parameter(
    "format",
    "Instead of an Accept header: a page as JSON, or everything that matches as a stream.",
    {"type": "string", "enum": ["json", "ndjson", "csv"]},
)
MASK = Parameter("mask", "Hide numbers and texts.", _FLAG)

_NAMES = [parameter.name for parameter in FILTERS]
_CHOICES = {parameter.name for parameter in (*FILTERS, OUTCOME) if "enum" in parameter.schema}


def search_of(given: Given, *, calls: bool = False) -> Search:
    """The search of a request: its filters together with `q`. Only that of `calls` may ask for an outcome."""
    words = given.only([*_NAMES, OUTCOME.name])
    # Quotes alone are nothing in a search box, but no choice of a list.
    blank = {name for name, word in words.items() if not (word or "").strip('" ' if name in _CHOICES else "")}
    if empty := next(iter(sorted(blank)), None):
        raise BadRequest(f"{empty}: is empty; leave it out")
    asked = named = Search()
    mistakes = Mistakes()
    with mistakes.noted():
        asked = Search.parse(given.words.get("q", ""), calls=calls)
    with mistakes.noted():
        named = Search.read(words, calls=calls)
    with mistakes.noted():
        asked = asked.joined(named)
        asked.require_span()
    try:
        mistakes.tell()
    except SearchError as error:
        raise BadRequest(str(error)) from None
    return asked


def cursor_of(given: Given) -> Cursor | None:
    """The cursor of a page of conversations."""
    if "before" not in given.words:
        return None
    try:
        return Cursor.read(given.words["before"])
    except ValueError:
        raise BadRequest("before: must be `next` of the previous page") from None
