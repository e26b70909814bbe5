"""`receiver numbers test`: does a callback arrive?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

import click

from receiver import current
from receiver.cli import options, output, progress
from receiver.cli.numbers.held import asked_for, held
from receiver.cli.operation import operation
from receiver.keys.hops import Proof
from receiver.keys.proof import prove
from receiver.keys.urls import CallbackUrls, shown_url
from receiver.providers.base import Provider
from receiver.providers.numbers import SubscribedNumber
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import printable


@click.command()
@click.argument("number", type=options.NumberType(), required=False)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in Kind]),
    help="Test only this kind. Repeatable.",
)
@options.PROVIDER
@options.AS_JSON
@operation
def test_callbacks(
    *, number: str | None, kinds: tuple[str, ...], provider: str | None, as_json: bool
) -> None:
    """Post a signed test, and look for it in the log.

    It goes through PUBLIC_URL to this service's callback URLs or, with NUMBER, to where the provider sends
    what arrives for that number. The answer names the hop that failed: dns, connect, tls, answer or log. In
    the log the event has the type `test`.
    """
    wanted = [Kind(kind) for kind in kinds] or list(Kind)
    elsewhere: dict[Kind, str] = {}
    targets: list[tuple[Provider, dict[Kind, str]]] = []
    if number:
        holding = held(number, provider)
        here, elsewhere = _targets(holding.number, current.our_urls(holding.provider), wanted)
        targets.append((holding.provider, here))
    else:
        for of in asked_for(provider):
            urls = current.our_urls(of)
            targets.append((of, {kind: urls.of(kind) for kind in wanted if kind in urls.kinds}))
    tested = [(of, prove_urls(of, theirs)) for of, theirs in targets]
    proofs = [proof for _, theirs in tested for proof in theirs.values()]
    holds = not elsewhere and bool(proofs) and all(proof.holds for proof in proofs)
    if as_json:
        tests = [proof_json(of, kind, proof) for of, theirs in tested for kind, proof in theirs.items()]
        output.json_out({"holds": holds, "tests": tests, "elsewhere": elsewhere})
    else:
        for of, theirs in tested:
            show_proofs(theirs, of.title if len(tested) > 1 else "")
        _show_the_rest(number, elsewhere, any_proofs=bool(proofs))
    if not holds:
        raise SystemExit(1)


def _show_the_rest(number: str | None, elsewhere: Mapping[Kind, str], *, any_proofs: bool) -> None:
    for kind, where in elsewhere.items():
        click.echo(f"{kind:6} goes to {printable(where)}, not to this service")
    if elsewhere:
        output.say(f"To bring it here: receiver setup --number {number} --take-over")
    elif not any_proofs and number:
        output.say(f"Nothing of {masked_number(number)} is sent anywhere: receiver setup --number {number}")
    elif not any_proofs:
        output.say("No provider of yours has that kind.")


def prove_urls(of: Provider, targets: Mapping[Kind, str]) -> dict[Kind, Proof]:
    """Prove the callback URL of each kind, showing that it goes on."""
    secret = current.secret(of)
    proofs: dict[Kind, Proof] = {}
    for kind, url in targets.items():
        with progress.spinner(f"Testing {kind} …"):
            proofs[kind] = prove(current.engine(), url, kind, secret, provider=of)
    return proofs


def show_proofs(proofs: Mapping[Kind, Proof], title: str = "") -> None:
    """One line a kind, and for those that failed, why and what to do; said once if it is the same for all."""
    for kind, proof in proofs.items():
        click.echo(f"{title} {kind:6} {_way(proof)}".lstrip())
    for sentence, mend in dict.fromkeys((proof.sentence, proof.mend) for proof in proofs.values()):
        if sentence:
            click.echo(wrapped(sentence[:1].upper() + sentence[1:]))
            click.echo(wrapped(mend, "→ "))


def proof_json(of: Provider, kind: Kind, proof: Proof) -> dict[str, object]:
    """A proof, for `--json`."""
    return {
        "provider": of.name,
        "kind": kind,
        "holds": proof.holds,
        "passed": proof.passed,
        "failed": proof.failed,
        "sentence": proof.sentence or None,
        "mend": proof.mend or None,
        "milliseconds": proof.milliseconds,
        "certificate_until": proof.certificate_until,
        "event": proof.event,
    }


def wrapped(text: str, mark: str = "") -> str:
    """A sentence below a line of a table, within 80 columns."""
    first = " " * 7 + mark
    return textwrap.fill(printable(text), 80, initial_indent=first, subsequent_indent=" " * len(first))


def _way(proof: Proof) -> str:
    hops = [f"{hop} ok" for hop in proof.passed]
    if proof.failed:
        return ", ".join([*hops, f"{proof.failed} FAILED"])
    return f"{', '.join(hops)} ({proof.milliseconds} ms, event {proof.event})"


def _targets(
    number: SubscribedNumber, urls: CallbackUrls, kinds: Iterable[Kind]
) -> tuple[dict[Kind, str], dict[Kind, str]]:
    """Where the provider sends what arrives for a number: our URLs, and the others as they may be shown."""
    asked = {kind: url for kind, url in number.routes.urls.items() if kind in kinds}
    here = urls.brought_here(number.routes)
    elsewhere = {kind: shown_url(url) for kind, url in asked.items() if kind not in here}
    return {kind: url for kind, url in asked.items() if kind in here}, elsewhere
