"""What both sides of the server need of ASGI: a short answer, and the way to WSGI."""

from __future__ import annotations

import io
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any

from receiver.providers.answer import NOTHING, Answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SCOPE = "receiver.scope"
"""Key in the WSGI environment of a request that came by ASGI, under which its scope is."""


def closing(send: Send) -> Send:
    """The same, but answers say that the connection ends with them."""

    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return send_closing


async def respond(
    send: Send, status: int, answer: Answer = NOTHING, *, retry_after: int | None = None
) -> None:
    headers = [(b"content-length", str(len(answer.body)).encode())]
    if answer.content_type is not None:
        headers.append((b"content-type", answer.content_type.encode()))
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of a request whose body is complete. What several headers of one name
    say is joined, as RFC 9110 reads them."""
    client, server = scope.get("client") or ("", 0), scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "CONTENT_LENGTH": str(len(body)),
        SCOPE: scope,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if key := _variable(name):
            text = value.decode("latin-1")
            if key in environ:  # HTTP/2 may cut a cookie into several
                text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ', '}{text}"
            environ[key] = text
    return environ


def target_of(scope: Scope) -> str:
    """Path and query exactly as they were received."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


@lru_cache(maxsize=256)
def _variable(header: bytes) -> str | None:
    """The name of a header in the environment; None for headers that described how the body was sent."""
    name = header.decode("latin-1").upper().replace("-", "_")
    if name in {"CONTENT_LENGTH", "TRANSFER_ENCODING"}:
        return None
    return name if name == "CONTENT_TYPE" else f"HTTP_{name}"
