"""The one guard for all that goes out: what it refuses on saving it refuses on testing and on sending.

A URL may come from a callback, or from a person who may use the console and should not reach our network by
it. So the addresses of a host are judged where they are used: the connection is made to the very addresses
that were judged, and judged again once it stands, before a byte is sent. A name that leads elsewhere a moment
later gains nothing.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from receiver.outbound import dial
from receiver.outbound.address import Network, network_of
from receiver.outbound.allow import AllowList
from receiver.outbound.dial import Deadline, Found
from receiver.outbound.refusal import Refused, Unreachable
from receiver.outbound.session import Reply, Session
from receiver.outbound.target import Target, read_host, read_url
from receiver.outbound.trust import trusting

_LONGEST_LOOKUP = 10.0
"""Seconds for the addresses of a host that is only to be checked."""


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a connection is to go, and what speaks for and against it whatever its address."""

    host: str
    port: int
    free: bool
    """It may lead anywhere."""
    fault: str | None
    """Why it may lead to the networks of the allow list only."""


class Guard:
    """Lets through https to port 443 of public addresses, and whatever the allow list names.

    `trusted` are URLs of our own settings: their origins may be anywhere, by plain http too.
    """

    def __init__(self, allow: AllowList, trusted: Iterable[str] = ()) -> None:
        self._allow = allow
        self._trusted = frozenset(read_url(url).origin for url in trusted)

    def check(self, url: str) -> None:
        """Whether it may be sent to, as things are now. Nothing is connected to.

        Raises `Refused`, with the sentence that sending would give; `Unreachable` if the host has no address.
        """
        target = read_url(url)
        try:
            self._addresses(self._way(target), Deadline(_LONGEST_LOOKUP))
        except TimeoutError:
            raise Unreachable(_nowhere(target.host)) from None

    def session(self, *, longest: float, largest: int) -> Session:
        """For many requests to one target: seconds for each as a whole, and bytes read of its answer."""
        return Session(read_url, self._dial, longest=longest, largest=largest)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        longest: float,
        largest: int,
    ) -> Reply:
        """One request over a connection of its own. Raises `Refused` or `Unreachable`."""
        with self.session(longest=longest, largest=largest) as session:
            return session.request(method, url, headers, data)

    def connect(self, host: str, port: int, timeout: float, *, trusted: bool = False) -> socket.socket:
        """A connection for what is not HTTP, with this timeout on its waits; `trusted` may lead anywhere.

        Raises `Refused` or `Unreachable`.
        """
        host = read_host(host)
        way = _Way(host, port, trusted or self._allow.names(host, port), None)
        try:
            connection = self._connected(way, Deadline(timeout))
        except TimeoutError:
            raise Unreachable(f"{host} took longer than {timeout:g} seconds.") from None
        except OSError:
            raise Unreachable(f"{host} cannot be reached at port {port}.") from None
        connection.settimeout(timeout)
        return connection

    def _dial(self, target: Target, deadline: Deadline) -> socket.socket:
        connection = self._connected(self._way(target), deadline)
        if not target.secure:
            return connection
        try:
            connection.settimeout(deadline.left())
            return self._tls.wrap_socket(connection, server_hostname=target.host)
        except OSError:
            connection.close()
            raise

    def _connected(self, way: _Way, deadline: Deadline) -> socket.socket:
        connection = dial.connect(self._addresses(way, deadline), deadline)
        try:
            self._judge(way, str(connection.getpeername()[0]))
        except (Refused, OSError):
            connection.close()
            raise
        return connection

    def _addresses(self, way: _Way, deadline: Deadline) -> list[Found]:
        """The addresses of a host, each of which may be connected to."""
        if way.fault and not way.free and not self._allow.has_networks:
            raise Refused(way.fault)  # wherever it leads
        found = dial.addresses(way.host, way.port, deadline)
        if not found:
            raise Unreachable(_nowhere(way.host))
        for _, address in found:
            self._judge(way, str(address[0]))
        return found

    def _judge(self, way: _Way, address: str) -> None:
        if way.free or self._allow.holds(address, way.port):
            return
        if way.fault:
            raise Refused(way.fault)
        if (network := network_of(address)) is not Network.INTERNET:
            raise Refused(f"{way.host} leads to {network.value}, and is not in OUTBOUND_ALLOW.")

    def _way(self, target: Target) -> _Way:
        free = target.origin in self._trusted or self._allow.names(target.host, target.port)
        return _Way(target.host, target.port, free, target.fault)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = trusting()
        context.set_alpn_protocols(["http/1.1"])
        return context


def _nowhere(host: str) -> str:
    return f"The name {host} has no address: it is misspelt, or DNS does not answer."
