"""Parameters that several operations share. `Search.read` decides what they mean; here it is described."""

from __future__ import annotations

from receiver.export.export import ALL_FIELDS
from receiver.search.events import DEFAULT_PAGE, LARGEST_PAGE
from receiver.search.query import Search
from receiver.search.values import LONGEST_SEARCH, SearchError
from receiver.vocabulary.kinds import EventState, EventType, Kind
from receiver.web.api.operation import JSON, LARGEST_ID, BadRequest, Given, Parameter

NDJSON = "application/x-ndjson"
CSV = "text/csv"
EVENT_STREAM = "text/event-stream"

_FLAG = {"type": "string", "enum": ["true", "false"]}
_FILTER_FLAG = {"type": "string", "enum": ["true", "false", "yes", "no", "1", "0"]}
_TIME = {"type": "string", "examples": ["2026-01-31T10:00:00+08:00", "2h"]}
_NUMBER = {"type": "string", "examples": ["+6591234567"]}

FILTERS = (
    Parameter("kind", "What arrived.", {"type": "string", "enum": [*Kind]}),
    Parameter("type", "What happened.", {"type": "string", "enum": [*EventType]}),
    Parameter("state", "How it went.", {"type": "string", "enum": [*EventState]}),
    Parameter("sender", "Who it came from.", _NUMBER),
    Parameter("recipient", "The number it came to.", _NUMBER),
    Parameter("number", "Either end.", _NUMBER),
    Parameter("session", "All of one call."),
    Parameter("txn_ref", "The provider's reference."),
    Parameter(
        "since", "Received then or later: any ISO form, or an age (90m, 2h, 7d). UTC without a zone.", _TIME
    ),
    Parameter("until", "Received before then; the same forms.", _TIME),
    Parameter("quarantined", "Kept but not trusted, or only those that are trusted.", _FILTER_FLAG),
    Parameter("problems", "With something missing or unreadable, or only those without.", _FILTER_FLAG),
    Parameter("text", 'Words, "words in a row" and begi*, in the text or the parameters; all must be found.'),
)
SEARCH = Parameter(
    "q",
    'The search language, as in the console: `from:+6591234567 kind:sms since:1h "the invoice"`. '
    "May be combined with the other filters, as long as they do not speak of the same thing.",
    {"type": "string", "maxLength": LONGEST_SEARCH},
)
LIMIT = Parameter(
    "limit",
    f"How many; {DEFAULT_PAGE} unless told, at most {LARGEST_PAGE} in a page, any number in a stream.",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
)
PAGE_LIMIT = Parameter(
    "limit",
    f"How many; {DEFAULT_PAGE} unless told.",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE},
)
BEFORE = Parameter(
    "before",
    "The cursor of a page: `next` of the page before.",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
)
AFTER = Parameter(
    "after",
    "Begin behind the event of this id; 0 for the whole log.",
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


def search_of(given: Given) -> Search:
    """What is looked for: the filters, over what `q` says."""
    words = given.only(_NAMES)
    if empty := next((name for name, word in words.items() if not word), None):
        raise BadRequest(f"{empty}: is empty; leave it out")
    try:
        asked = Search.parse(given.words["q"]) if "q" in given.words else Search()
        return asked.joined(Search.read(words))
    except SearchError as error:
        raise BadRequest(str(error)) from None


def form_of(given: Given, accepted: str | None) -> str:
    """`json`, `ndjson` or `csv`, by the parameter or else by the best type of the Accept header."""
    by_header = {NDJSON: "ndjson", CSV: "csv"}.get(accepted or JSON, "json")
    return given.choice("format", ("json", "ndjson", "csv"), by_header)
