"""`receiver numbers configure`: where one number points, set by hand."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from receiver import current
from receiver.cli import options, output, progress
from receiver.cli.numbers import shown
from receiver.cli.numbers.held import Holding, held
from receiver.cli.operation import operation
from receiver.keys.rewritten import instead_of
from receiver.providers.numbers import SubscribedNumber
from receiver.settings.values import URL_SPELLING, is_spelled
from receiver.setup import apply
from receiver.setup.by_hand import changed
from receiver.setup.plan import Configure
from receiver.vocabulary.kinds import Kind

_HERE = "here"
_NOWHERE = "none"


@click.command()
@click.argument("number", type=options.NumberType())
@click.option("--forward-to", metavar="URL", help="For calls or faxes: a URL, `here`, or `none`.")
@click.option("--forward-sms-to", metavar="URL", help="For SMS: a URL, `here`, or `none`.")
@click.option(
    "--mode",
    type=click.Choice([str(Kind.VOICE), str(Kind.FAX)]),
    help="Take incoming calls for voice or fax.",
)
@options.PROVIDER
@options.YES
@options.AS_JSON
@operation
def configure(
    *,
    number: str,
    provider: str | None,
    forward_to: str | None,
    forward_sms_to: str | None,
    mode: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Change where one of your numbers points.

    What you do not name stays as it is.
    """
    if forward_to is forward_sms_to is mode is None:
        raise click.UsageError("Say what to change: --forward-to, --forward-sms-to or --mode.")
    holding = held(number, provider)
    number_now, urls = holding.number, holding.shown.urls
    calls = Kind(mode) if mode else number_now.routes.calls
    if calls in holding.provider.market.refused:
        raise click.UsageError(holding.provider.market.refused[calls])
    given = {
        calls: _url("--forward-to", forward_to, holding, calls),
        Kind.SMS: _url("--forward-sms-to", forward_sms_to, holding, Kind.SMS),
    }
    if mode is not None and given[calls] is None:
        given[calls] = number_now.routes.of(number_now.routes.calls)
    step = changed(number_now, {kind: url for kind, url in given.items() if url is not None}, urls)
    if step.holds(number_now):
        output.say("Nothing to do.")
    else:
        output.say(f"{output.spoken(number)}: {shown.changes(step, urls)}")
        if not output.confirmed("Change it?", yes=yes):
            output.say("Nothing was changed.")
            raise SystemExit(1)
        number_now = _apply(step, holding)
    now = shown.Held(holding.provider, number_now, urls)
    if as_json:
        output.json_out(shown.number_json(now))
    else:
        shown.show_numbers([now], several=len(current.providers()) > 1)


def _url(option: str, given: str | None, holding: Holding, kind: Kind) -> str | None:
    """The URL that an option stands for; empty for `none`, and None if it was not given."""
    if given is None:
        return None
    if given == _NOWHERE:
        return ""
    if given == _HERE:
        return instead_of(holding.number.routes.of(kind), kind, current.our_urls(holding.provider))
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise click.UsageError(
            f"{option} takes a full URL such as https://example.com/sms, `here` or `none`."
        )
    if not is_spelled(given):
        raise click.UsageError(f"{option} holds {URL_SPELLING}.")
    return given


def _apply(step: Configure, holding: Holding) -> SubscribedNumber:
    client, journal = holding.client, current.journal(holding.provider)
    with journal.lease(say=output.say), progress.spinner("Configuring …"):
        done = apply.configure(step, client, journal)
    if done.number is None or done.outcome not in (apply.StepOutcome.DONE, apply.StepOutcome.FOUND):
        raise click.ClickException(done.detail)
    return done.number
