"""From where a host can be reached: only this machine, its networks, or the internet. Pure; asks no DNS."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from enum import Enum

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NUMBERS = re.compile(r"(0x)?[0-9a-f]+(\.(0x)?[0-9a-f]+){0,3}")
_LOCAL_DOMAINS = (".local", ".internal", ".home.arpa")
"""Set aside by RFC 6762, ICANN and RFC 8375 for names that mean something on one network only."""


class Network(Enum):
    """From where a host can be reached."""

    MACHINE = "this machine"
    PRIVATE = "a private network"
    """Or from nowhere: addresses that are reserved, of documentation, or of many hosts at once."""
    INTERNET = "the internet"
    UNKNOWN = "unknown"
    """A name: only DNS can tell, and what it says may change."""

    @property
    def local(self) -> bool:
        """Whether it surely cannot be reached from the internet."""
        return self in {Network.MACHINE, Network.PRIVATE}


def network_of(host: str) -> Network:
    """From where a host can be reached: a name or an address, as it stands in a URL without brackets.

    An address counts however it is written: a decimal number for IPv4, or IPv4 inside of IPv6.
    """
    host = host.casefold().rstrip(".")
    found = _address(host)
    if found is not None:
        return _network_of_address(found)
    if host == "localhost" or host.endswith(".localhost"):
        return Network.MACHINE
    # A name without a dot, such as that of a container, is known only to its own network.
    if "." not in host or host.endswith(_LOCAL_DOMAINS):
        return Network.PRIVATE
    return Network.UNKNOWN


def _address(host: str) -> _Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0])
    # The old spellings that a resolver takes for IPv4: 2130706433, 0x7f.1, 127.1.
    if _NUMBERS.fullmatch(host):
        with contextlib.suppress(OSError):
            return ipaddress.IPv4Address(socket.inet_aton(host))
    return None


def _network_of_address(found: _Address) -> Network:
    if isinstance(found, ipaddress.IPv6Address):
        # An address that carries another one inside is judged by that.
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return _network_of_address(inner)
        if found.is_site_local:  # an old kind of private network, which `is_global` does not know
            return Network.PRIVATE
    # To connect to the unspecified address leads to this machine.
    if found.is_loopback or found.is_unspecified:
        return Network.MACHINE
    if not found.is_global or found.is_multicast or found.is_reserved:
        return Network.PRIVATE
    return Network.INTERNET
