"""Ports on which nobody listens, for servers that tests start."""

import itertools
import os
import socket

_EACH = 2_000
"""How many a worker has to itself."""
# Below those that the system gives to connections (ip_local_port_range): no client takes one meanwhile.
_first = 16_000 + _EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8)
_ports = itertools.cycle(range(_first, _first + _EACH))


def free_port() -> int:
    """One that was not given for a while."""
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable")
