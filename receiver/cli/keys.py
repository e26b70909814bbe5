"""`receiver keys`: the secrets in the callback URLs. None of them is ever shown, only its fingerprint."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import click

from receiver import current
from receiver.cli import options, output, tables
from receiver.cli.columns import Column
from receiver.cli.operation import operation
from receiver.keys.key import Key, KeyState
from receiver.providers.errors import ProviderError
from receiver.setup.rotation import GRACE, Owner, Rotator


@click.command()
@options.AS_JSON
@operation
def list_keys(as_json: bool) -> None:
    """List the callback keys by their fingerprints."""
    found = current.keys().list()
    if as_json:
        output.json_out({"keys": [{"key": key.name, **_json(key)} for key in found]})
        return
    tables.show(
        (
            "key",
            "state",
            Column("from", goes=1),
            "since",
            "retires",
            Column("late uses", goes=2),
            "last (UTC)",
        ),
        [
            (
                key.name,
                key.state,
                "settings" if key.in_settings else "rotation",
                _day(key.current_since or key.created_at),
                _day(key.retired_at or key.retires_at),
                key.uses,
                None if key.used_at is None else f"{key.used_at:%m-%d %H:%M}",
            )
            for key in found
        ],
    )


@click.command()
@click.option(
    "--grace",
    type=click.IntRange(0, 365),
    default=GRACE.days,
    show_default=True,
    metavar="DAYS",
    help="How long the older key is still accepted at least.",
)
@options.YES
@options.AS_JSON
@operation
def rotate(grace: int, yes: bool, as_json: bool) -> None:
    """Move all numbers to a new key without losing a call.

    It creates a key, waits until every process accepts it, tests it through PUBLIC_URL and
    PUBLIC_URL_FALLBACK, moves the numbers that point here, and lets the older key retire later. If it
    stopped half way, run it again: it continues.
    """
    rotator = _rotator()
    begun = rotator.unfinished()
    question = (
        f"Go on with the rotation to {begun.name}?"
        if begun
        else "Make a new key, and move every number that points here to it?"
    )
    if not output.confirmed(question, yes=yes):
        output.say("Nothing was done.")
        raise SystemExit(1)
    done = rotator.rotate(timedelta(days=grace))
    with suppress(ProviderError):  # all is done; the console shows what somebody last saw
        for owner in rotator.owners:
            current.watch().remember(owner.provider.name, owner.client.subscribed_numbers())
    if as_json:
        output.json_out(
            {
                "key": done.key[:8],
                "moved": [progress.step.number for progress in done.moved],
                "older": [key.name for key in done.older],
                "retires_at": done.retires_at,
            }
        )
        return
    output.say(f"Done: {len(done.moved)} moved; new URLs are made with {done.key[:8]}.")
    for key in done.older:
        output.say(_leaving(key, done.retires_at))


@click.command()
@click.argument("key", metavar="KEY")
@options.YES
@operation
def retire(key: str, yes: bool) -> None:
    """Stop accepting a key.

    KEY is the beginning of its fingerprint. The service retires an older key by itself after the grace time,
    once nothing needs it any more.
    """
    rotator = _rotator()
    fitting = [each for each in current.keys().list() if each.fingerprint.startswith(key.lower())]
    if len(fitting) != 1:
        raise click.ClickException(
            f"{len(fitting) or 'no'} keys have a fingerprint that begins like that. See `receiver keys list`."
        )
    if used_at := fitting[0].used_at:
        output.say(f"The last callback with {fitting[0].name} came on {used_at:%Y-%m-%d at %H:%M} UTC.")
    if not output.confirmed(f"Turn away what comes with {fitting[0].name} from now on?", yes=yes):
        output.say("Nothing was done.")
        raise SystemExit(1)
    rotator.retire(fitting[0])
    output.say(f"{fitting[0].name} is retired; every process knows within seconds.")


def _rotator() -> Rotator:
    owners = [
        Owner(
            of,
            urls=partial(current.urls_with, of),
            secret=current.secret(of),
            client=current.number_client(of),
            journal=current.journal(of),
        )
        for of in current.providers()
    ]
    return Rotator(engine=current.engine(), ring=current.keys(), owners=owners, say=output.say)


def _leaving(key: Key, until: datetime) -> str:
    if not key.in_settings:
        return (
            f"{key.name} is accepted until {until:%Y-%m-%d} at least: it retires by itself once nothing needs"
            f" it any more. To turn it away at once: receiver keys retire {key.name}"
        )
    return (
        f"{key.name} stands in CALLBACK_KEYS and is accepted as long as it does. After {until:%Y-%m-%d},"
        " put a fresh one in its place and restart the service."
    )


def _json(key: Key) -> dict[str, object]:
    return {
        "state": key.state,
        "in_settings": key.in_settings,
        "created_at": key.created_at,
        "current_since": key.current_since,
        "retires_at": None if key.state is KeyState.CURRENT else key.retires_at,
        "retired_at": key.retired_at,
        "late_uses": key.uses,
        "used_at": key.used_at,
    }


def _day(when: datetime | None) -> str | None:
    return None if when is None else f"{when:%Y-%m-%d}"
