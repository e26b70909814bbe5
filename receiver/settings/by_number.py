"""The form of a setting that names documents by telephone number: `+6561234567=shop.xml, everybody.xml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents as they were when the settings were read."""

    others: bytes | None = None
    """For all numbers that have none of their own."""
    by_number: Mapping[str, bytes] = field(default_factory=dict)

    def of(self, number: str | None) -> bytes | None:
        """The document for a number, written with + and country code."""
        return self.by_number.get(number or "", self.others)


def documents(value: str, base: Path, *, root: str) -> Documents:
    """Reads all files that are named, relative ones in `base`; each must be XML with this root.

    `ValueError` with all that is wrong.
    """
    found: dict[str, bytes] = {}
    problems: list[str] = []
    for part in filter(None, map(str.strip, value.split(","))):
        number, equals, file = (one.strip() for one in part.rpartition("="))
        if equals and not _NUMBER.fullmatch(number):
            problems.append(f"{number or part!r} is not a number such as +6561234567")
        elif number in found:
            problems.append(f"{number or 'what is for all numbers'} is given twice")
        else:
            found[number] = b""
            try:
                found[number] = (base / file).read_bytes()
            except OSError as error:
                problems.append(f"cannot read {file}: {error.strerror}")
            else:
                problems += [f"{file} {problem}" for problem in _problems(found[number], root)]
    if problems:
        raise ValueError("; ".join(problems))
    return Documents(found.pop("", None), found)


def _problems(document: bytes, root: str) -> list[str]:
    names: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: names.append(name)
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        return [
            f"is not XML: {expat.ErrorString(error.code)} in line {error.lineno}, column {error.offset + 1}"
        ]
    return [] if names[0] == root else [f"has the root {names[0]}, and must have {root}"]
