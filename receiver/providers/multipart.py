"""A multipart body, taken apart. Pure, and nothing in here raises on what came in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from receiver.vocabulary.limits import MOST_PARAMETERS

_FIRST_LINE = re.compile(rb"\s*--([^\r\n]{1,200}?)[ \t]*\r?\n(?=[^\r\n]*:)")


@dataclass(slots=True)
class FormParts:
    """The fields of a multipart body: names, values, and the charset that each part declares."""

    fields: list[tuple[str, bytes, str]] = field(default_factory=list)
    files: bool = False
    """Whether there was something other than fields."""
    whole: bool = False
    """Whether it could be read to its end."""


def boundary_of(body: bytes) -> bytes | None:
    """The boundary with which a body begins, if it plainly is a multipart one."""
    found = _FIRST_LINE.match(body)
    return found[1] if found and b"content-disposition" in body[:2000].lower() else None


def parts_of(body: bytes, boundary: bytes) -> FormParts:
    """The parts, as far as they can be read."""
    found = FormParts()
    decoder = MultipartDecoder(boundary)
    name: str | None = None
    try:
        decoder.receive_data(body)
        decoder.receive_data(None)
        while len(found.fields) <= MOST_PARAMETERS:
            event = decoder.next_event()
            if isinstance(event, Field):
                # A part without a name comes with None for one.
                name, charset = event.name or "", parse_options_header(event.headers.get("content-type"))[1]
                found.fields.append((name, b"", charset.get("charset", "")))
            elif isinstance(event, File):
                name, found.files = None, True
            elif isinstance(event, Data) and name is not None:
                of, value, charset_of = found.fields[-1]
                found.fields[-1] = of, value + event.data, charset_of
            elif isinstance(event, Epilogue | NeedData):
                found.whole = isinstance(event, Epilogue)
                break
    except (ValueError, AttributeError):
        pass  # a part that makes no sense; what came before it is kept
    return found
