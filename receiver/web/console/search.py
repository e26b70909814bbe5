"""What helps to search: the filters explained, what may be typed next, and a form that builds a search."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from receiver.search.filters import FILTERS, WORDS, Filter
from receiver.search.query import written
from receiver.web.console.build import LISTS, built, own_numbers

search = Blueprint("search", __name__, url_prefix="/search")

_AGES = ("1h", "24h", "7d")


@search.get("/help")
def show_help() -> str:
    """The search language, with examples to be run. Scripts show the same beside the search box."""
    return render_template("search_help.html", page="help", filters=FILTERS, words=WORDS)


@search.get("/words")
def words() -> Response:
    """What may be typed in the search of a list: each filter, and its values where they are known."""
    calls, numbers = list_name() == "calls", own_numbers()
    known = [one for one in FILTERS if calls or not one.calls]
    return jsonify([{"name": one.name, "says": one.says, "values": _values(one, numbers)} for one in known])


@search.get("/build")
def build() -> AnyResponse:
    """To the list, with the search that the form asks for."""
    name = list_name()
    return redirect(url_for(f"console.{name}.show_list", q=built(name, request.args) or None), 303)


def list_name() -> str:
    """Which list it is about; 400 if there is none of that name."""
    name = request.values.get("list", "events")
    if name not in LISTS:
        abort(400, f"The lists that are searched are {', '.join(LISTS)}.")
    return name


def _values(one: Filter, numbers: tuple[str, ...]) -> list[str]:
    if one.flag:
        return []
    values = one.values or (_AGES if one.read is None else ())
    if one.part in {"recipient", "number"}:
        values = numbers
    return [written(one.part, value) for value in values]
