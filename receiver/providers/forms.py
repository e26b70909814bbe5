"""Parameters of a callback: raw query and body in, names and values out.

Pure, and nothing in here raises on what came in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from urllib.parse import unquote_to_bytes

from werkzeug.formparser import parse_form_data

from receiver.vocabulary.limits import MOST_PARAMETERS
from receiver.vocabulary.notification import Parameters, Params


def read_parameters(query: bytes, body: bytes, content_type: str = "") -> Parameters:
    """Decode body and query. A name found in both has the body's values: only the body is signed."""
    problems: list[str] = []
    from_body = _body_pairs(body, content_type, problems) if body else []
    from_query = _form_pairs(query, "query", problems) if query else []
    params: Params = {}
    _gather(params, from_body)
    if not from_query:
        return Parameters(params, tuple(problems))
    extra: Params = {}
    _gather(extra, from_query)
    for name, value in extra.items():
        if name not in params:
            params[name] = value
        elif params[name] != value:
            problems.append(f"{shown(name)}: differs between body and query, the body's was taken")
    return Parameters(params, tuple(problems), frozenset(extra))


def _body_pairs(body: bytes, content_type: str, problems: list[str]) -> list[tuple[str, str]]:
    # Form-encoded is what every source but one shows; that one (the Java SDK) reads JSON. Multipart is
    # what PHP, the language of the provider's samples, would accept in the same place.
    declared = content_type.partition(";")[0].strip().lower()
    if declared == "multipart/form-data":
        return _multipart_pairs(body, content_type, problems)
    if declared == "application/json" or body.lstrip()[:1] == b"{":
        pairs = _json_pairs(body)
        if pairs is not None:
            return pairs
        problems.append("body: not readable as JSON, read as a form")
    return _form_pairs(body, "body", problems)


_USUAL = ((b"+", b" "), (b"%20", b" "), (b"%2B", b"+"), (b"%2F", b"/"), (b"%3A", b":"))
"""How a form spells what most callbacks hold. None of these stands in another escape, or separates anything,
so that they can be read in the whole form at once."""


def _form_pairs(data: bytes, where: str, problems: list[str]) -> list[tuple[str, str]]:
    for spelled, char in _USUAL:
        data = data.replace(spelled, char)
    parts = data.split(b"&")
    if len(parts) > MOST_PARAMETERS:
        problems.append(f"{where}: more than {MOST_PARAMETERS} parameters, the rest stands in the raw bytes")
        del parts[MOST_PARAMETERS:]
    halves = [part.partition(b"=")[::2] for part in parts if part]
    if b"%" not in data and data.isascii():
        return [(name.decode(), value.decode()) for name, value in halves]
    pairs: list[tuple[str, str]] = []
    latin = False
    for name, value in ((_unquoted(name), _unquoted(value)) for name, value in halves):
        try:
            pairs.append((name.decode(), value.decode()))
        except UnicodeDecodeError:
            latin = True
            pairs.append((name.decode("latin-1"), value.decode("latin-1")))
    if latin:
        problems.append(f"{where}: not UTF-8, read as Latin-1")
    return pairs


def _unquoted(value: bytes) -> bytes:
    return unquote_to_bytes(value) if b"%" in value else value


def _json_pairs(body: bytes) -> list[tuple[str, str]] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    pairs = []
    for name, item in list(value.items())[:MOST_PARAMETERS]:
        text = item if isinstance(item, str) else json.dumps(item)
        pairs.append((_whole(name), _whole(text)))
    return pairs


def _whole(text: str) -> str:
    """JSON can spell half a surrogate pair, which no database stores."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _multipart_pairs(body: bytes, content_type: str, problems: list[str]) -> list[tuple[str, str]]:
    environ = {
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "REQUEST_METHOD": "POST",
    }
    _, form, files = parse_form_data(environ, silent=True)
    if files or not form:
        problems.append("body: multipart with something other than fields")
    # A part without a name comes with None for one.
    return [(_whole(name or ""), _whole(value)) for name, value in form.items(multi=True)][:MOST_PARAMETERS]


def _gather(params: Params, pairs: Sequence[tuple[str, str]]) -> None:
    params.update(pairs)
    if len(params) == len(pairs):
        return  # no name came twice, as in nearly every callback
    params.clear()
    for name, value in pairs:
        if name not in params:
            params[name] = value
            continue
        held = params[name]
        params[name] = [*held, value] if isinstance(held, list) else [held, value]


def shown(name: str) -> str:
    """A parameter name that came from outside, short and printable enough for a list of problems."""
    text = "".join(char if char.isprintable() else "\ufffd" for char in name[:60])
    return text or "(no name)"
