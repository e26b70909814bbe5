"""`receiver listen`: what it is told, and what it shows. It needs neither settings nor a database."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from receiver.cli import output, streams
from receiver.cli.columns import Column
from receiver.cli.lines import stripe
from receiver.cli.listen.address import host_of, in_the_clear, local_address, service_address
from receiver.cli.listen.listening import Listening
from receiver.cli.listen.local import Local, Outcome
from receiver.cli.listen.place import Place
from receiver.cli.listen.remote import Remote
from receiver.cli.zone import LOCAL
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.json_text import json_text
from receiver.vocabulary.mask import masked_number

_COLUMNS = ("time", "id", "type", "from", "to", Column("answer", room=7), Column("took", goes=1))
_WIDTHS = (8, 7, 12, 13, 13, 7, 8)
"""The columns of a line: together 80 with the space between them."""


class NoToken(OperatorError):
    """Nobody said with which token to ask."""


@click.command()
@click.option("--to", metavar="URL", required=True, help="Where to post, such as http://localhost:3000/hook.")
@click.option(
    "--url",
    metavar="URL",
    envvar="RECEIVER_URL",
    help="The service to listen to, or RECEIVER_URL; by default that of this checkout.",
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="RECEIVER_TOKEN_FILE",
    help="File with a token of its API; or put the token itself into RECEIVER_TOKEN.",
)
@click.option("--search", metavar="SEARCH", default="", help="Only what matches, such as 'kind:sms to:+65…'.")
@click.option(
    "--replay-last",
    type=click.IntRange(0, 500),
    metavar="N",
    default=0,
    help="Begin with the last N events that match.",
)
@click.option("--from-now", is_flag=True, help="Forget what was not delivered, and begin with what comes.")
@click.option("--skip-failed", is_flag=True, help="Go on after 5 attempts, instead of waiting for 2xx.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="whsec_…",
    envvar="RECEIVER_SECRET",
    help="Sign with this secret, better put into RECEIVER_SECRET; several are separated by spaces.",
)
@click.option("--mask", is_flag=True, help="Hide numbers in what is shown; what is posted is whole.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def listen(
    *,
    to: str,
    url: str | None,
    token_file: Path | None,
    search: str,
    replay_last: int,
    from_now: bool,
    skip_failed: bool,
    secrets: tuple[str, ...],
    mask: bool,
    as_json: bool,
) -> None:
    """Post a service's events to a program on this machine.

    Goes on by itself after either side was away, and misses nothing: a later run begins behind the last event
    that was answered with 2xx. Until Ctrl-C.
    """
    streams.make_safe()
    gc.freeze()
    gc.enable()  # this runs for long
    try:
        local = Local(local_address(to), secrets)
        url, token = _service(url, token_file)
        remote = Remote(url, token, search)
        if in_the_clear(url):
            output.say(f"Without https, others on the way to {remote.host} can read token and events.")
        with Place(url, search) as place:
            listening = Listening(remote, local, place, _Shown(as_json, mask), skip_failed=skip_failed)
            _listen(listening, replay_last, from_now=from_now)
    except OperatorError as error:
        raise click.ClickException(output.fitted_error(str(error))) from None


def _listen(listening: Listening, replay_last: int, *, from_now: bool) -> None:
    listening.begin(replay_last, from_now=from_now)
    try:
        listening.go_on()
    except KeyboardInterrupt:
        streams.end_line()
        output.say(f"Stopped. The next run goes on behind event {listening.position}.")
        raise SystemExit(130) from None


def _service(url: str | None, token_file: Path | None) -> tuple[str, str]:
    """The address of the service, and the token for it: never that of another one."""
    own = ""
    if not url:
        from receiver.cli.listen.own import own_service  # noqa: PLC0415  # settings are slow to load

        url, own = own_service()
    url = service_address(url)
    token = (_read(token_file) if token_file else os.environ.get("RECEIVER_TOKEN", "").strip()) or own
    if not token:
        raise NoToken(
            f"no token for {host_of(url)}: make one there with `receiver tokens create NAME`, and put it into"
            " RECEIVER_TOKEN, or into a file for --token-file"
        )
    if not (token.isascii() and token.isprintable()):  # HTTP's header would break
        raise NoToken("the token holds what no token does: copy it again")
    return url, token


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise NoToken("the file of the token is not text") from None


class _Shown:
    """Writes each attempt as a line, or as JSON."""

    def __init__(self, as_json: bool, mask: bool) -> None:
        self._as_json = as_json
        self._mask = mask

    def __call__(self, event: Mapping[str, Any], outcome: Outcome, attempt: int) -> None:
        click.echo(self._json(event, outcome, attempt) if self._as_json else self._line(event, outcome))
        sys.stdout.flush()

    def _line(self, event: Mapping[str, Any], outcome: Outcome) -> str:
        cells = (
            datetime.now(LOCAL).strftime("%H:%M:%S"),
            event["id"],
            event["type"],
            *self._ends(event),
            outcome.fault or outcome.status,
            f"{outcome.milliseconds:>5} ms",
        )
        return stripe(cells, _COLUMNS, _WIDTHS)

    def _json(self, event: Mapping[str, Any], outcome: Outcome, attempt: int) -> str:
        sender, recipient = self._ends(event)
        document = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "id": event["id"],
            "type": event["type"],
            "sender": sender,
            "recipient": recipient,
            "attempt": attempt,
            "status": outcome.status,
            "fault": outcome.fault or None,
            "milliseconds": outcome.milliseconds,
            "acknowledged": outcome.acknowledged,
        }
        return output.json_written(json_text(document))

    def _ends(self, event: Mapping[str, Any]) -> tuple[str | None, str | None]:
        sender, recipient = event.get("sender"), event.get("recipient")
        if not self._mask:
            return sender, recipient
        return sender and masked_number(sender), recipient and masked_number(recipient)
