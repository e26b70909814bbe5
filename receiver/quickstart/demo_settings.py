"""The settings of the demo: what it takes from a real service, what is its own, and nothing else."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
from collections.abc import Iterator, Mapping

from config import blank
from receiver.quickstart.addresses import Address, url_of
from receiver.quickstart.settings import keep
from receiver.quickstart.tours import Tour
from receiver.settings.files import DEMO

_GUARDS = {"api_tokens", "secret_key", "signatures"}
_LOOKS = {"rules", "time_zone", "log_level"}
_LIMITS = {
    *("api_rate", "commit_deadline", "connection_limit", "max_body_bytes"),
    *("queue_limit", "quarantine_limit_mb", "spool_limit_mb", "stop_timeout"),
}
INHERITED = _GUARDS | _LOOKS | _LIMITS
"""The settings that the demo takes from `.env` and the environment: none of them leads anywhere."""


@contextlib.contextmanager
def demo_settings(
    tour: Tour, simulator: str, listen: Address, more: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The demo's settings; also in a file, locked as long as the block lasts, for commands on the demo.

    Nothing simulated may touch anything real, so what is not inherited and not the demo's own is blank.
    """
    settings = {
        **blank(but=INHERITED),
        **more,
        **tour.settings(simulator),
        "PUBLIC_URL": url_of(listen),
        # A key of its own, too: whoever reaches the simulator can read it there.
        "CALLBACK_KEYS": _callback_key(tour),
        "DATABASE_URL": f"sqlite:///var/{tour.state}.db",
        "SPOOL_DIR": f"var/{tour.state}-spool",
        "ARCHIVE_DIR": f"var/{tour.state}-archive",
        # The small target of the demo is on this machine, where nothing would be sent otherwise.
        "OUTBOUND_ALLOW": "127.0.0.1",
        "LOG_FORMAT": "text",  # it is read here, by a person
    }
    keep(
        DEMO,
        "# Written by `make run`. While it runs, commands in this checkout take their settings from here.\n"
        + "".join(f"{name}={value}\n" for name, value in settings.items()),
    )
    with DEMO.open(encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield settings


def _callback_key(tour: Tour) -> str:
    """The key in the demo's callback URLs, which stays the same for its life."""
    path = DEMO.with_name(f"{tour.state}.key")
    if not path.exists() or not path.stat().st_size:
        keep(path, f"{secrets.token_urlsafe(24)}\n")
    return path.read_text(encoding="utf-8").strip()
