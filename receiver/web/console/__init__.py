"""The console: the log as pages for people, behind a sign-in. Pages can be read without JavaScript."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from receiver import current
from receiver.intake.spool import SpoolError
from receiver.search.mistakes import SearchError
from receiver.vocabulary.printable import sentence
from receiver.web.compression import compress
from receiver.web.console import ends, guard, relay, shown, timeline, times
from receiver.web.console.addresses import this_address
from receiver.web.console.calls import calls
from receiver.web.console.contacts import LARGEST_UPLOAD, contacts
from receiver.web.console.conversations import conversations
from receiver.web.console.deliveries import deliveries
from receiver.web.console.duty import duty
from receiver.web.console.events import events
from receiver.web.console.exports import exports
from receiver.web.console.faxes import faxes
from receiver.web.console.findings import command
from receiver.web.console.forms import form_token
from receiver.web.console.kept import documents
from receiver.web.console.lists import several_providers
from receiver.web.console.login import login
from receiver.web.console.number import number
from receiver.web.console.numbers import numbers
from receiver.web.console.overview import overview
from receiver.web.console.people import people
from receiver.web.console.quarantine import quarantine
from receiver.web.console.record import record
from receiver.web.console.replays import replays
from receiver.web.console.rules import rules
from receiver.web.console.saved import saved
from receiver.web.console.search import search
from receiver.web.console.set_aside import anything_set_aside, set_aside
from receiver.web.console.target_form import target_form
from receiver.web.console.targets import targets
from receiver.web.console.tokens import tokens
from receiver.web.static_files import static_file, version

console = Blueprint(
    "console",
    __name__,
    template_folder="../templates",
)
console.add_url_rule("/static/<version>/<filename>", "static", static_file)
_LOG = (
    overview,
    events,
    exports,
    calls,
    conversations,
    documents,
    duty,
    faxes,
    contacts,
    numbers,
    number,
    quarantine,
    set_aside,
)
_OUT = (targets, target_form, deliveries, replays)
_ACCESS = (people, tokens, record, login)
for part in (*_LOG, search, saved, rules, *_OUT, *_ACCESS):
    console.register_blueprint(part)
for filter_ in (
    *(*shown.FILTERS, *ends.FILTERS, *times.FILTERS),
    *(*relay.FILTERS, *timeline.FILTERS),
):
    console.add_app_template_filter(filter_, filter_.__name__)
console.add_app_template_global(command)
console.add_app_template_global(several_providers)

_OPEN = frozenset({"console.static", "console.login.form", "console.login.sign_in"})


@console.before_request
def _let_in() -> AnyResponse | tuple[str, int] | None:
    if request.endpoint == "console.static":
        return None
    if request.headers.get("X-Forwarded-Prefix", "").strip("/ "):
        return render_template("no_prefix.html"), 421
    if current.config().secret_key is None:
        return render_template("no_secret.html"), 503
    if request.endpoint == "console.contacts.take_file":
        request.max_content_length = LARGEST_UPLOAD
    return None if request.endpoint in _OPEN else guard.let_in()


@console.after_request
def _dress(response: Response) -> Response:
    return compress(guard.dress(response))


@console.url_defaults
def _name_version(endpoint: str, values: dict[str, object]) -> None:
    if endpoint == "console.static":
        values["version"] = version()


@console.app_context_processor
def _for_every_page() -> dict[str, object]:
    return {
        "visitor": g.get("visitor"),
        "form_token": form_token,
        "this_address": this_address,
        "theme": request.cookies.get("theme") if request.cookies.get("theme") in {"light", "dark"} else None,
        "zone": times.zone_name(),
        "may": relay.may,
        "own_number": shown.own_number,
        "anything_set_aside": anything_set_aside,
        "has_rules": current.config().rules is not None,
    }


@console.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> tuple[str, int]:
    return _sorry(error.code or 500, error.name, error.description or "")


@console.errorhandler(SQLAlchemyError)
def _database_error(error: SQLAlchemyError) -> tuple[str, int]:
    return _sorry(
        503,
        "The database does not answer",
        f"Callbacks are kept in the spool in the meantime. See /health/ready, or run `{command('doctor')}`.",
    )


@console.errorhandler(SearchError)
def _search_error(error: SearchError) -> tuple[str, int]:
    return _sorry(400, "The search cannot be understood", sentence(str(error)))


@console.errorhandler(SpoolError)
def _spool_error(error: SpoolError) -> tuple[str, int]:
    return _sorry(503, "The spool cannot be used", sentence(str(error)))


def unknown_address() -> Response | None:
    """The page for an unknown address; None for visitors who are not signed in, who learn nothing."""
    try:
        found = guard.visitor_of_cookie() if current.config().secret_key else None
    except SQLAlchemyError:
        return None
    if found is None:
        return None
    g.visitor = found
    return guard.dress(
        make_response(
            _sorry(
                404,
                "Page not found",
                "There is no page at this address. It may have been cut off or mistyped.",
            )
        )
    )


def _sorry(status: int, title: str, said: str) -> tuple[str, int]:
    return render_template("sorry.html", status=status, title=title, sentence=said), status
