"""Trying the callback URLs before anything is paid, and proving them once numbers point there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from receiver.cli import output, progress
from receiver.cli.numbers.proof import Proved, prove_doors
from receiver.keys.doors import doors, named
from receiver.keys.proof import reach
from receiver.keys.urls import CallbackUrls
from receiver.setup.run import Account
from receiver.vocabulary.kinds import Kind


@dataclass(frozen=True)
class Proofs:
    """What is known of the callback URLs: whether each answers, and whether a test arrived."""

    reached: Sequence[Proved]
    tested: Sequence[Proved] = ()


def reached(urls: CallbackUrls, kinds: Iterable[Kind]) -> list[Proved]:
    """Try the callback URLs of these kinds, and warn of those that do not answer."""
    asked = [door for door in doors(urls) if door.kind in kinds]
    with progress.spinner("Trying the callback URLs …"):
        proofs = [(door, reach(door.url).about(door.setting)) for door in asked]
    _warn_of(proofs)
    return proofs


def tested(account: Account, answered: Iterable[Proved]) -> list[Proved]:
    """Let a test arrive at those that answered, and say whether it did."""
    proofs = prove_doors(account.provider, [door for door, proof in answered if proof.holds])
    if arrived := [door for door, proof in proofs if proof.holds]:
        output.say(f"Proved: a test for {named(arrived)} arrived in the log.")
    _warn_of(proofs)
    return proofs


def _warn_of(proofs: Sequence[Proved]) -> None:
    for problem in dict.fromkeys((proof.sentence, proof.mend) for _, proof in proofs if not proof.holds):
        with_it = [door for door, proof in proofs if (proof.sentence, proof.mend) == problem]
        output.say(
            f"Warning: the callback URL for {named(with_it)} does not work from this machine:"
            f" {' '.join(problem)}"
        )
