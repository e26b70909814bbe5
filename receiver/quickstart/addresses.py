"""Where to listen: addresses as they are given, tried and shown."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import Any

import click

from receiver.quickstart.errors import QuickstartError

Address = tuple[str, int]


class AddressType(click.ParamType[Address]):
    """A host and a port on a command line."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65536:
            self.fail(f"{value!r} is not a host and a port such as 127.0.0.1:8000.", param, ctx)
        return host, int(port)


def require_free(listen: Address, variable: str = "LISTEN") -> None:
    """Raise `QuickstartError` unless a server could listen there now."""
    host, port = listen
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = written((host, port + 1 if port < 65535 else port - 1))
            raise QuickstartError(
                f"Port {port} on {host} is in use by another program: choose another port with "
                f"make run {variable}={other}"
            ) from error
        raise QuickstartError(f"Cannot listen on {written(listen)}: {error.strerror or error}.") from error


def free_address(wanted: Address) -> Address:
    """The address that is wanted, or if it is taken another port of the same host."""
    with contextlib.suppress(QuickstartError):
        require_free(wanted)
        return wanted
    with socket.create_server((wanted[0], 0)) as probe:
        return wanted[0], probe.getsockname()[1]


def written(listen: Address) -> str:
    """An address as options and URLs take it."""
    host, port = listen
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url_of(listen: Address) -> str:
    """The URL, without a slash at its end, at which this machine reaches what listens there."""
    host, port = listen
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://{written((local, port))}"
