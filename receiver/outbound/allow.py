"""What the operator lets this service reach wherever it is: `OUTBOUND_ALLOW`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from receiver.settings.values import allowed


class AllowList:
    """Networks and host names, each for all ports or for one."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        parsed = [allowed(entry) for entry in entries]
        self._names = [(what, port) for what, port in parsed if isinstance(what, str)]
        self._networks = [(what, port) for what, port in parsed if not isinstance(what, str)]

    @property
    def has_networks(self) -> bool:
        """Whether any host may be on it, depending on its addresses."""
        return bool(self._networks)

    def names(self, host: str, port: int) -> bool:
        """Whether a host of a URL, in small letters, is on it by name."""
        return any(
            (host.endswith(name[1:]) if name.startswith("*.") else host == name) and only in {None, port}
            for name, only in self._names
        )

    def holds(self, address: str, port: int) -> bool:
        """Whether a numeric address is in one of its networks."""
        if not self._networks:
            return False
        found = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(
            found.version == network.version and found in network and only in {None, port}
            for network, only in self._networks
        )
