"""A stored request as a command that sends it again."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Mapping

from receiver.providers.registry import PROVIDERS

_PLAIN = re.compile(rb"[\x20-\x7e]*")
_SENT_AGAIN = {
    "content-type",
    *(header.lower() for provider in PROVIDERS.values() for header in provider.kept_headers),
}


def as_curl(body_base64: str, *, method: str, address: str, query: str, headers: Mapping[str, str]) -> str:
    """A shell command that makes the same request, including the signature.

    `address` may contain `$CALLBACK_KEY`, which the shell fills in, so that the command can be passed on. A
    body with anything but printable ASCII is written as base64, which is safe in any terminal.
    """
    lines = [f"curl -X {shlex.quote(method)} {_in_double_quotes(address + (f'?{query}' if query else ''))}"]
    lines += [
        f"  -H {shlex.quote(f'{name}: {_ascii(value)}')}"
        for name, value in headers.items()
        if name.lower() in _SENT_AGAIN
    ]
    body = base64.b64decode(body_base64)
    if not body:
        return " \\\n".join(lines)
    if _PLAIN.fullmatch(body):
        return " \\\n".join([*lines, f"  --data-raw {shlex.quote(body.decode())}"])
    return f"printf %s {body_base64} | base64 -d | " + " \\\n".join([*lines, "  --data-binary @-"])


def _in_double_quotes(text: str) -> str:
    """Quoted so that the shell replaces only the variable."""
    escaped = re.sub(r'([`"\\$])', r"\\\1", _ascii(text)).replace(r"\$CALLBACK_KEY", "$CALLBACK_KEY", 1)
    # Within double quotes a shell at a terminal recalls a command for it, and a backslash would stay.
    return '"' + escaped.replace("!", """"'!'\"""") + '"'


def _ascii(text: str) -> str:
    return "".join(char if " " < char <= "~" else f"%{ord(char):02X}" for char in text)
