"""Addresses that are meant to lead where they must not, and a listener that should hear nothing of them."""

from __future__ import annotations

import socket
from typing import Self

PUBLIC = "93.184.215.14"
THIS_MACHINE = (
    *("127.0.0.1", "127.0.0.1.", "127.255.255.254", "localhost", "LocalHost", "localhost."),
    *("127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.1", "0177.0.0.1", "017700000001", "127.0x0.1"),
    *("0", "0.0.0.0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]"),  # noqa: S104
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::FFFF:127.0.0.1]"),
)
ELSEWHERE = (
    *("10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "167837955", "0xa9fea9fe"),
    *("[fe80::1]", "[fc00::1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[ff02::1]"),
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "[::ffff:a9fe:a9fe]"),
)
TRICKS = (
    # User names
    "http://good.example@127.0.0.1:{port}/",
    "http://good.example:443@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@good.example/",
    "http://good.example%40127.0.0.1:{port}/",
    "http://127.0.0.1:{port}%2f@good.example/",
    # Backslashes, blanks, line breaks and other things that readers differ about
    "http://good.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http:\\\\127.0.0.1:{port}\\",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    " http://127.0.0.1:{port}/",
    "\thttp://127.0.0.1:{port}/",
    "ht\ntp://127.0.0.1:{port}/",
    "http://127.0.0\t.1:{port}/",
    "http://127.0.0.1:{port}/\r\nX-Injected: yes",
    "http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
    "http://127.0.0.1\x00.good.example:{port}/",
    "http://127.0.0.1%00.good.example:{port}/",
    "http://[::1]good.example:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://127.0.0.1:{port}:443/",
    "http://127.0.0.1:{port}#@good.example/",
    "http://127.0.0.1:{port}?@good.example/",
    # Other spellings of digits and dots
    "http://%31%32%37.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://127.1\uff0e:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    # Other schemes
    *(
        "ftp://127.0.0.1:{port}/x",
        "gopher://127.0.0.1:{port}/_x",
        "file:///etc/passwd",
        "dict://127.0.0.1:{port}/",
    ),
    *("ldap://127.0.0.1:{port}/", "ws://127.0.0.1:{port}/", "data:text/plain,x", "javascript:alert(1)"),
    *("http+unix://%2frun%2fx.sock/", "jar:http://127.0.0.1:{port}/!/", "url:http://127.0.0.1:{port}/", ""),
)
HOSTILE = [
    f"{scheme}://{host}:{{port}}/" for host in (*THIS_MACHINE, *ELSEWHERE) for scheme in ("http", "https")
]
HOSTILE += TRICKS


class Listener:
    """Takes connections, and says what came."""

    def __init__(self) -> None:
        # For IPv4 too, so that no spelling of this machine misses it.
        self._socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def heard(self) -> list[bytes]:
        """What was sent on each connection since the last time."""
        heard: list[bytes] = []
        while True:
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return heard
            with connection:
                connection.settimeout(2)
                heard.append(connection.recv(1000))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
