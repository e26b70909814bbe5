"""Calls, found by any of their events and read as a whole.

Only trusted events are read, so that a forged one cannot change what a call looks like.
"""

# ruff: noqa: S608  # SQL is put together from our own words; values are always bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, select

from receiver.duty.duty import standings
from receiver.duty.things import call as of_call
from receiver.models import EVENTS, Event
from receiver.search.answered import TELLING, any_sql
from receiver.search.call import Call, call_of
from receiver.search.duty import OPEN_CALLS
from receiver.search.each import ForEach
from receiver.search.events import DEFAULT_PAGE, WITH_IDS, rows
from receiver.search.home import at_home
from receiver.search.match import matches
from receiver.search.over import GONE, found_at
from receiver.search.query import Search
from receiver.search.select import MOST_LOOKED_AT, ids_of_page, matching_ids
from receiver.search.span import END, Span
from receiver.search.told import told
from receiver.vocabulary.kinds import OF_WHOLE_CALLS, EventState, Kind

LONGEST_CALL = 200
"""The most events that are read of one session, and of those that tell what became of it; a call has a
handful."""

_AT_ONCE = 64
"""The most sessions in one statement."""
_FEW = 16
"""The fewest events that are searched for at once."""
_AT_THE_END = {EventState.ENDED, *OF_WHOLE_CALLS}


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls, newest first, and where the next older page begins (None: there is none)."""

    calls: Sequence[Call]
    next: int | None
    cut_short: bool = False
    """Whether the page has fewer calls than asked for because only so many are looked at: see `next`."""


class CallLog:
    """Reads the log's voice events as calls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, wanted: Search, *, before: int | None = None, limit: int = DEFAULT_PAGE) -> CallPage:
        """The newest calls with an event that matches.

        The first matching event decides the position of a call, so pages are stable while calls go on. If an
        outcome, what became of a call, or what is open is asked for, `MOST_LOOKED_AT` may cut a page short.
        """
        found: list[tuple[int, Call]] = []
        below, looked_at = before or END, 0
        with self._engine.connect() as connection:
            asked = _trusted_voice(at_home(connection, wanted))
            while len(found) <= limit and asked is not None:
                # Most calls have a few events, one of which tells the end; the first that matches counts.
                events = 1 if asked.state in _AT_THE_END else 4
                size = max(_FEW, events * (limit + 1 - len(found)))
                page = ids_of_page(connection, asked, Span(below=below), size)
                ids = page.ids
                found += [
                    (event_id, call)
                    for event_id, call in _calls_at(connection, asked, ids)
                    if wanted.outcome in (None, call.outcome)
                ]
                if page.below is None and len(ids) < size:
                    break
                below, looked_at = page.below or ids[-1], looked_at + size
                enough = page.below or (wanted.outcome and looked_at >= MOST_LOOKED_AT)
                if enough and len(found) <= limit:
                    return CallPage(_with_duty(connection, found[:limit]), below, cut_short=True)
            calls = _with_duty(connection, found[:limit])
        return CallPage(calls, found[limit - 1][0] if len(found) > limit else None)

    def get(self, session: str) -> Call | None:
        """One complete call; None if no trusted event has this session."""
        with self._engine.connect() as connection:
            call = _calls(connection, [session]).get(session)
            return None if call is None else _with_duty(connection, [(call.id, call)])[0]


def _with_duty(connection: Connection, found: Sequence[tuple[int, Call]]) -> list[Call]:
    """The calls with what people on duty did about them."""
    items = {call.session: of_call(call.session) for _, call in found}
    known = standings(connection, items.values())
    return [replace(call, duty=known.get(items[call.session].place, call.duty)) for _, call in found]


def _trusted_voice(wanted: Search) -> Search | None:
    """The search, limited to events of calls; None if it asks for something else."""
    wrong = wanted.kind not in {None, Kind.VOICE} or wanted.quarantined
    return None if wrong else replace(wanted, kind=Kind.VOICE, quarantined=False)


def _calls_at(connection: Connection, wanted: Search, ids: Sequence[int]) -> list[tuple[int, Call]]:
    """The calls whose first matching event has one of these ids, in the order of the ids."""
    named = connection.execute(_SESSIONS[connection.dialect.name], {"ids": list(ids)})
    by_id = {event_id: session for event_id, session in named if session}
    sessions = {event_id: by_id[event_id] for event_id in ids if event_id in by_id}
    calls = _calls(connection, list(dict.fromkeys(sessions.values())))
    if wanted.open is False:
        calls = _not_open(connection, calls)
    places = {session: _first_match(connection, wanted, call) for session, call in calls.items()}
    return [
        (event_id, calls[session])
        for event_id, session in sessions.items()
        if places.get(session) == event_id
    ]


def _not_open(connection: Connection, calls: dict[str, Call]) -> dict[str, Call]:
    """Those that nobody has to deal with. Of the events of one that is open, only that at which it is found
    is open, too."""
    known = _with_duty(connection, [(call.id, call) for call in calls.values()])
    return {call.session: call for call in known if call.duty.handled() or call.state not in OPEN_CALLS}


def _first_match(connection: Connection, wanted: Search, call: Call) -> int | None:
    """The id of the first event of a call that matches."""
    # What became of the call is no matter of one event, and the database has judged it.
    whole = wanted.state in OF_WHOLE_CALLS or wanted.open
    rest = replace(wanted, state=None, open=None) if whole else wanted
    if len(call.events) < LONGEST_CALL:
        events = found_at(call.events) if whole else call.events
        return min((event.id for event in events if matches(rest, event)), default=None)
    # Not all of its events were read, and which ones were changes while it goes on.
    own, span = replace(wanted, session=call.session, text=None), Span()
    while ids := matching_ids(connection, own, span, LONGEST_CALL, oldest=True):
        for event in rows(connection, ids):
            if matches(rest, event):
                return event.id
        span = Span(above=ids[-1])
    return None


_SESSIONS = {dialect: select(EVENTS.c.id, EVENTS.c.session).where(of) for dialect, of in WITH_IDS.items()}


def _calls(connection: Connection, sessions: Sequence[str]) -> dict[str, Call]:
    by_session: dict[str, list[Event]] = {}
    for start in range(0, len(sessions), _AT_ONCE):
        ids = _ids_of(connection, sessions[start : start + _AT_ONCE])
        for event in rows(connection, ids):
            by_session.setdefault(event.session or "", []).append(event)
    by_rules = told(connection, list(by_session)) if by_session else {}
    return {
        session: call_of(session, events, by_rules.get(session)) for session, events in by_session.items()
    }


def _ids_of(connection: Connection, sessions: Sequence[str]) -> Sequence[int]:
    """The first trusted voice events of each of these sessions, and the last of those that tell how it went:
    at most `LONGEST_CALL` of each."""
    return _OF_CALLS(connection, {"session": list(sessions)}, most=LONGEST_CALL).scalars().all()


# Written so that no index is used for the kind: without statistics PostgreSQL would read all calls along it.
_OF_CALL = (
    "SELECT id FROM events AS o{hint} WHERE session = {session} AND (kind = 'voice') IS TRUE"
    " AND quarantine IS NULL"
)
_TELLING = f"(type <> 'call.ongoing' OR {any_sql((*TELLING, *GONE))})"
_OF_CALLS = ForEach(
    f"SELECT id FROM ({_OF_CALL} ORDER BY id LIMIT :most) AS first UNION"
    f" SELECT id FROM ({_OF_CALL} AND {_TELLING} ORDER BY id DESC LIMIT :most) AS last",
    {"session": "text"},
    # Without statistics SQLite would read all calls.
    hint=" INDEXED BY ix_events_session_id",
)
