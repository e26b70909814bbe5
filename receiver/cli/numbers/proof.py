"""`receiver numbers test`: does a callback arrive?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import click

from receiver import current
from receiver.cli import options, output, progress
from receiver.cli.numbers.held import asked_for, held
from receiver.cli.operation import operation
from receiver.keys.doors import Door, doors, doors_of
from receiver.keys.hops import Proof
from receiver.keys.proof import prove
from receiver.keys.route import shown_url
from receiver.keys.urls import CallbackUrls
from receiver.providers.base import Provider
from receiver.providers.numbers import SubscribedNumber, only_in_console
from receiver.vocabulary.kinds import Kind
from receiver.vocabulary.mask import masked_number
from receiver.vocabulary.printable import printable

Proved = tuple[Door, Proof]
"""A URL, and how far a test to it came."""


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

    It goes to this service's callback URLs, on PUBLIC_URL_FALLBACK too, or, with NUMBER, to where the
    provider sends what arrives for that number. The answer names the hop that failed: dns, connect, tls,
    answer or log. In the log the event has the type `test`.
    """
    wanted = [Kind(kind) for kind in kinds] or list(Kind)
    elsewhere: dict[Kind, str] = {}
    asked: SubscribedNumber | None = None
    if number:
        holding = held(number, provider)
        asked, urls = holding.number, current.our_urls(holding.provider)
        elsewhere = _elsewhere(asked, urls, wanted)
        targets = [(holding.provider, doors_of(urls, asked))]
    else:
        targets = [(of, doors(current.our_urls(of))) for of in asked_for(provider)]
    tested = [(of, prove_doors(of, [door for door in each if door.kind in wanted])) for of, each in targets]
    proofs = [proof for _, each in tested for _, proof in each]
    holds = not elsewhere and bool(proofs) and all(proof.holds for proof in proofs)
    if as_json:
        tests = [proof_json(of, door, proof) for of, each in tested for door, proof in each]
        output.json_out({"holds": holds, "tests": tests, "elsewhere": elsewhere})
    else:
        show_proofs([(of.title if len(tested) > 1 else "", each) for of, each in tested])
        _show_the_rest(asked, elsewhere, any_proofs=bool(proofs))
    if not holds:
        raise SystemExit(1)


def _show_the_rest(
    number: SubscribedNumber | None, elsewhere: Mapping[Kind, str], *, any_proofs: bool
) -> None:
    for kind, where in elsewhere.items():
        click.echo(f"{kind:6} goes to {printable(where)}, not to this service")
    if number is None:
        if not any_proofs:
            output.say("No provider of yours has that kind.")
        return
    for kind in sorted(number.unsure - elsewhere.keys()):
        output.say(f"Whether {kind} comes here is not known: the provider does not tell what takes it first.")
    setup = f"receiver setup --number {output.spoken(number.number)}"
    beyond = only_in_console(number.overruled, number.routes)
    for kind in sorted(elsewhere.keys() & beyond):
        output.say(f"Only the provider's console can bring {kind} here.")
    if elsewhere.keys() - beyond:
        output.say(f"To bring it here: {setup} --take-over")
    elif not any_proofs and not elsewhere:
        output.say(f"Nothing that arrives for {masked_number(number.number)} is sent anywhere: {setup}")


def prove_doors(of: Provider, asked: Iterable[Door]) -> list[Proved]:
    """Prove callback URLs of a provider, showing that it goes on."""
    secret = current.secret(of)
    proved: list[Proved] = []
    for door in asked:
        with progress.spinner(f"Testing {door.name} …"):
            proof = prove(current.engine(), door.url, door.kind, secret, provider=of)
            proved.append((door, proof.about(door.setting)))
    return proved


def show_proofs(titled: Sequence[tuple[str, Sequence[Proved]]]) -> None:
    """One line each, behind a title if there is one, and for those that failed, why and what to do; said once
    if it is the same for all below a title."""
    names = [f"{title} {door.name}".lstrip() for title, proved in titled for door, _ in proved]
    width = max(map(len, names), default=0)
    for title, proved in titled:
        for door, proof in proved:
            click.echo(f"{f'{title} {door.name}'.lstrip():{width}}  {_way(proof)}")
        for sentence, mend in dict.fromkeys((proof.sentence, proof.mend) for _, proof in proved):
            if sentence:
                click.echo(wrapped(sentence[:1].upper() + sentence[1:]))
                click.echo(wrapped(mend, "→ "))


def proof_json(of: Provider, door: Door, proof: Proof) -> dict[str, object]:
    """A proof, for `--json`."""
    return {
        "provider": of.name,
        "kind": door.kind,
        "name": door.name,
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


def _elsewhere(number: SubscribedNumber, urls: CallbackUrls, kinds: Iterable[Kind]) -> dict[Kind, str]:
    """Where the provider sends what does not come here, as it may be shown."""
    here = urls.brought_here(number)
    by_url = {kind: shown_url(url) for kind, url in number.routes.urls.items()}
    instead = {kind: each.name for kind, each in number.overruled.items()}
    return {kind: where for kind, where in (by_url | instead).items() if kind in kinds and kind not in here}
