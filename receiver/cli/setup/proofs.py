"""Trying the callback URLs before anything is paid, and proving them once numbers point there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from receiver.cli import output, progress
from receiver.cli.numbers.proof import prove_urls
from receiver.keys.hops import Proof
from receiver.keys.proof import reach
from receiver.keys.urls import CallbackUrls
from receiver.setup.run import Account
from receiver.vocabulary.kinds import Kind


@dataclass(frozen=True)
class Proofs:
    """What is known of the callback URL of each kind: whether it answers, and whether a test arrived."""

    reached: Mapping[Kind, Proof]
    tested: Mapping[Kind, Proof] = field(default_factory=dict)


def reached(urls: CallbackUrls, kinds: Iterable[Kind]) -> dict[Kind, Proof]:
    """Try the callback URLs, and warn of those that do not answer."""
    with progress.spinner("Trying the callback URLs …"):
        proofs = {kind: reach(urls.of(kind)) for kind in sorted(kinds)}
    _warn_of(proofs)
    return proofs


def tested(account: Account, answered: Mapping[Kind, Proof]) -> dict[Kind, Proof]:
    """Let a test arrive at those that answered, and say whether it did."""
    urls = account.urls
    proofs = prove_urls(
        account.provider, {kind: urls.of(kind) for kind, proof in answered.items() if proof.holds}
    )
    if arrived := [kind for kind, proof in proofs.items() if proof.holds]:
        output.say(f"Proved: a test for {' and '.join(arrived)} arrived in the log.")
    _warn_of(proofs)
    return proofs


def _warn_of(proofs: Mapping[Kind, Proof]) -> None:
    for problem in dict.fromkeys(
        (proof.sentence, proof.mend) for proof in proofs.values() if not proof.holds
    ):
        with_it = [kind for kind, proof in proofs.items() if (proof.sentence, proof.mend) == problem]
        output.say(
            f"Warning: the callback URL for {' and '.join(with_it)} does not work from this machine:"
            f" {' '.join(problem)}"
        )
