"""Parameters of a callback: raw query and body in, names and values out.

Pure, and nothing in here raises on what came in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.http import parse_options_header

from receiver.providers.charsets import UTF8, Read, codec_of, decoded, spells_ascii, whole
from receiver.providers.compressed import inflated
from receiver.providers.multipart import boundary_of, parts_of
from receiver.vocabulary.limits import MOST_PARAMETERS
from receiver.vocabulary.notification import Parameters, Params

Pairs = list[tuple[str, str]]


class _Reading:
    """What is found out while a callback is read."""

    __slots__ = ("exact", "latin", "problems")

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.exact = True
        self.latin = False

    def lost(self, problem: str) -> None:
        """Note that something that came does not stand in the parameters."""
        self.problems.append(problem)
        self.exact = False

    def replaced(self, of: str, codec: str | None) -> None:
        """Note that some bytes of this are no text in their charset."""
        self.lost(f"{of}: not wholly {(codec or UTF8).upper()}, what is not was replaced")

    def text(self, value: bytes, codec: str | None, of: str) -> str:
        """The value of the parameter `of`, or with the same name its name."""
        if value.isascii() and codec in {None, UTF8}:
            return value.decode()
        text, read = decoded(value, codec)
        if read is Read.AS_LATIN:
            self.latin = True
        elif read is Read.IN_PART:
            self.replaced(shown(of), codec)
        return text

    def close(self, where: str) -> None:
        if self.latin:
            self.latin = False
            self.problems.append(f"{where}: not UTF-8, read as Latin-1")


def read_parameters(query: bytes, body: bytes, content_type: str = "", encoding: str = "") -> Parameters:
    """Decode body and query. A name found in both has the body's values: only the body is signed.

    `encoding` is what a `Content-Encoding` says. A body is read as what it plainly is, whatever it is called.
    """
    reading = _Reading()
    from_body = _body_pairs(body, content_type, encoding, reading) if body else []
    if body and not from_body:
        reading.exact = False
    from_query = _form_pairs(query, "query", None, reading, _declared(content_type).codec) if query else []
    params: Params = {}
    _gather(params, from_body)
    if not from_query:
        exact = reading.exact and not (query and not params)
        return Parameters(params, tuple(reading.problems), exact=exact)
    extra: Params = {}
    _gather(extra, from_query)
    for name, value in extra.items():
        if name not in params:
            params[name] = value
        elif params[name] != value:
            reading.problems.append(f"{shown(name)}: differs between body and query, the body's was taken")
    return Parameters(params, tuple(reading.problems), frozenset(extra), reading.exact)


@dataclass(frozen=True, slots=True)
class _Declared:
    """What a content type says."""

    type: str
    codec: str | None
    boundary: bytes
    unknown: str = ""
    """A charset that is not known."""


@lru_cache(maxsize=256)
def _declared(content_type: str) -> _Declared:
    kind, given = content_type.partition(";")[0].strip().lower(), {}
    if ";" in content_type and len(content_type) < 1000:
        given = parse_options_header(content_type)[1]
    charset = given.get("charset", "").strip("\"' ")
    codec = codec_of(charset) if charset else None
    boundary = given.get("boundary", "").encode("latin-1", "replace")
    return _Declared(kind, codec, boundary, charset if charset and codec is None else "")


_WORDS = frozenset(b"abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_FORMS = frozenset({"", "application/x-www-form-urlencoded"})
_MARKS = (
    (b"\xef\xbb\xbf", ""),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""Byte order marks, and the charset that each is of."""


def _body_pairs(body: bytes, content_type: str, encoding: str, reading: _Reading) -> Pairs:
    # Form-encoded is what every source but one shows; that one (the Java SDK) reads JSON. Multipart is
    # what PHP, the language of the provider's samples, would accept in the same place.
    declared = _declared(content_type)
    codec = declared.codec
    if declared.unknown:
        reading.problems.append(f"body: the charset {shown(declared.unknown)} is not known")
    if encoding or body[0] not in _WORDS:
        body, problem = inflated(body, encoding)
        if problem:
            reading.lost(problem)
        body, codec = _without_mark(body, codec)
        if not body:
            return []
    if codec is not None and codec != UTF8 and not spells_ascii(codec):
        text, read = decoded(body, codec)
        if read is not Read.WELL:
            reading.replaced("body", codec)
        body, codec = text.encode(), UTF8
    if body[0] in _WORDS and declared.type in _FORMS:
        return _form_pairs(body, "body", codec, reading)  # nearly always
    return _plainly(body, declared, codec, reading)


def _plainly(body: bytes, declared: _Declared, codec: str | None, reading: _Reading) -> Pairs:
    """The body as what it plainly is; where that does not show, as what it is called."""
    start = body.lstrip()[:2]
    if declared.type == "multipart/form-data" or start == b"--":
        boundary = boundary_of(body)
        if declared.boundary and b"--" + declared.boundary in body:
            boundary = declared.boundary
        if boundary:
            return _multipart_pairs(body, boundary, codec, reading)
        if declared.type == "multipart/form-data":
            reading.problems.append("body: not readable as multipart, read as a form")
    elif declared.type == "application/json" or start[:1] == b"{":
        pairs = _json_pairs(body, codec, reading)
        if pairs is not None:
            return pairs
        reading.problems.append("body: not readable as JSON, read as a form")
    elif declared.type == "text/plain" and (lines := _lines(body)):
        pairs = [
            (reading.text(name, codec, "body"), reading.text(value, codec, "body")) for name, value in lines
        ]
        reading.close("body")
        return pairs
    return _form_pairs(body, "body", codec, reading)


def _without_mark(body: bytes, codec: str | None) -> tuple[bytes, str | None]:
    """The body without a byte order mark, and the charset of that."""
    for mark, of in _MARKS:
        if body.startswith(mark):
            if not of:
                return body[len(mark) :], UTF8
            try:
                return body.decode(of).encode(), UTF8
            except UnicodeError:
                break
    return body, codec


_LINE = re.compile(rb"([A-Za-z_][A-Za-z0-9_]{0,40})=")


def _lines(body: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values if it is a form as browsers send it as `text/plain`: one on each line, as they are."""
    lines = body.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    if len(lines) < 2 or not all(map(_LINE.match, lines)) or re.search(rb"&[A-Za-z_]+=", lines[0]):
        return []
    return [line.partition(b"=")[::2] for line in lines[:MOST_PARAMETERS]]


_USUAL = (("+", " "), ("%20", " "), ("%2B", "+"), ("%2F", "/"), ("%3A", ":"))
"""How a form spells what most callbacks hold. None of these stands in another escape, or separates anything,
so that they can be read in the whole form at once."""
_USUAL_BYTES = tuple((spelled.encode(), char.encode()) for spelled, char in _USUAL)
_LARGEST_REMEMBERED = 8 * 1024


def form_parts(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Names and values of a form, decoded to the bytes that they are."""
    for spelled, char in _USUAL_BYTES:
        data = data.replace(spelled, char)
    halves = [part.partition(b"=") for part in data.split(b"&") if part]
    if b"%" in data:
        return tuple([(_unquoted(name), _unquoted(value)) for name, _, value in halves])
    return tuple([(name, value) for name, _, value in halves])


def form_texts(data: bytes) -> tuple[tuple[str, str], ...] | None:
    """The same as text, if all of it is ASCII, as in nearly every form; else None.

    A signature may be over these too: what was just read for it is not read again.
    """
    return _remembered(data) if len(data) <= _LARGEST_REMEMBERED else _texts(data)


def _texts(data: bytes) -> tuple[tuple[str, str], ...] | None:
    try:
        text = data.decode("ascii")
        for spelled, char in _USUAL:
            text = text.replace(spelled, char)
        halves = [part.partition("=") for part in text.split("&") if part]
        if "%" in text:
            return tuple([(_ascii(name), _ascii(value)) for name, _, value in halves])
        return tuple([(name, value) for name, _, value in halves])
    except UnicodeDecodeError:
        return None


_remembered = lru_cache(maxsize=16)(_texts)


def _ascii(value: str) -> str:
    return unquote_to_bytes(value).decode("ascii") if "%" in value else value


def _form_pairs(
    data: bytes, where: str, codec: str | None, reading: _Reading, otherwise: str | None = None
) -> Pairs:
    """`otherwise` is the charset of what is not UTF-8: a query has none of its own."""
    plain = codec in {None, UTF8}
    if plain and (texts := form_texts(data)) is not None and len(texts) <= MOST_PARAMETERS:
        return list(texts)
    parts = form_parts(data)
    if len(parts) > MOST_PARAMETERS:
        reading.lost(f"{where}: more than {MOST_PARAMETERS} parameters, the rest stands in the raw bytes")
        parts = parts[:MOST_PARAMETERS]
    pairs: Pairs = []
    for name, value in parts:
        # One escape in a form makes no difference to the others, which are most of it.
        if plain and name.isascii() and value.isascii():
            pairs.append((name.decode(), value.decode()))
            continue
        said = reading.text(name, codec, "a name")
        if not pairs:
            said = said.removeprefix("\ufeff")  # a byte order mark that was escaped with the rest
        try:
            # Without a charset of its own it is UTF-8 as long as it can be.
            pairs.append((said, value.decode() if codec is None else reading.text(value, codec, said)))
        except UnicodeDecodeError:
            pairs.append((said, reading.text(value, otherwise, said)))
    reading.close(where)
    return pairs


def _unquoted(value: bytes) -> bytes:
    return unquote_to_bytes(value) if b"%" in value else value


class _Object(dict[str, Any]):
    """A JSON object that remembers a name that came twice."""

    pairs: list[tuple[str, Any]]


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    found.pairs = pairs
    return found


def _json_pairs(body: bytes, codec: str | None, reading: _Reading) -> Pairs | None:
    """Text is as it stands, a number and a truth as JSON writes them, null is absence; a name that came
    twice has two values."""
    text, read = decoded(body, codec)
    try:
        value = json.loads(text if read is not Read.WELL or codec else body, object_pairs_hook=_object)
        if not isinstance(value, _Object):
            return None
        if read is Read.AS_LATIN:
            reading.problems.append("body: not UTF-8, read as Latin-1")
        elif read is Read.IN_PART:
            reading.replaced("body", codec)
        if len(value.pairs) > MOST_PARAMETERS:
            reading.lost(f"body: more than {MOST_PARAMETERS} parameters, the rest stands in the raw bytes")
        pairs = []
        for name, item in value.pairs[:MOST_PARAMETERS]:
            if item is None:
                continue
            if isinstance(item, dict | list):
                reading.problems.append(f"{shown(name)}: not a single value, kept as JSON")
            said = (name, item if isinstance(item, str) else json.dumps(item))
            pairs.append((whole(said[0]), whole(said[1])))
            reading.exact &= pairs[-1] == said
    except (ValueError, RecursionError):
        return None
    return pairs


def _multipart_pairs(body: bytes, boundary: bytes, codec: str | None, reading: _Reading) -> Pairs:
    found = parts_of(body, boundary)
    if found.files or not found.fields:
        reading.lost("body: multipart with something other than fields")
    elif not found.whole:
        reading.lost("body: multipart that is cut short or broken, read up to there")
    pairs = []
    for name, value, charset in found.fields[:MOST_PARAMETERS]:
        own = codec_of(charset) if charset else codec
        pairs.append((whole(name), reading.text(value, own, name)))
    reading.close("body")
    return pairs


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
