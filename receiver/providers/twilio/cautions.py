"""Settings by which callbacks of Twilio are lost that need not be."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urldefrag, urljoin
from xml.etree.ElementTree import Element, fromstring

from config import Config
from receiver.providers.caution import Caution
from receiver.providers.here import CALLBACKS
from receiver.providers.twilio.ways import OVERRIDES, PATIENCE

LONGEST_DEADLINE = 4.0
"""Seconds: what is left of `PATIENCE` is for the spool."""
_POSTED = ("action", "callback", "url")
"""How the names of attributes end that hold a URL to which something is posted."""
_SOMEWHERE = "https://receiver.invalid"


def cautions(config: Config) -> Iterator[Caution]:
    """What of the settings costs callbacks."""
    account = config.twilio_account_sid or config.twilio_auth_token
    if account is not None and config.commit_deadline > LONGEST_DEADLINE:
        yield Caution(
            "long-deadline",
            f"Twilio is answered after {PATIENCE:g} seconds at the latest, and COMMIT_DEADLINE is"
            f" {config.commit_deadline:g}: while the database hangs, its callbacks are answered 503"
            " before the spool has them.",
            f"Set COMMIT_DEADLINE to {LONGEST_DEADLINE:g} or less.",
        )
    for where in sorted(set(_without_retries(config))):
        yield Caution(
            "document-retries",
            f"In TWILIO_VOICE_ANSWER, {where} leads here and asks for no other try:"
            " what comes there while this service restarts is lost.",
            f"Write {OVERRIDES.replace('&', '&amp;')} behind its URL.",
        )


def _without_retries(config: Config) -> Iterator[str]:
    documents = config.twilio_voice_answer
    if documents is None:
        return
    for document in filter(None, (documents.others, *documents.by_number.values())):
        for element in fromstring(document).iter():  # noqa: S314  # the owner's own file
            for where, url in _urls(element):
                if _leads_here(config, url) and not _asks_for_retries(url):
                    yield where


def _urls(element: Element) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if name.lower().endswith(_POSTED):
            yield f"{name} of <{element.tag}>", value
    if element.tag == "Redirect":
        yield "<Redirect>", (element.text or "").strip()


def _leads_here(config: Config, url: str) -> bool:
    """Relative ones are so to the callback URL that was answered with the document."""
    addresses = (config.public_url or _SOMEWHERE, config.public_url_fallback)
    ours = [f"{address.rstrip('/')}{CALLBACKS}" for address in addresses if address]
    try:
        whole = urljoin(f"{ours[0]}key/twilio/voice", url)
    except ValueError:
        return False
    return bool(url) and whole.startswith(tuple(ours))


def _asks_for_retries(url: str) -> bool:
    """Whether a failure of ours is followed by another try."""
    said = parse_qs(urldefrag(url).fragment)
    wanted = set(said.get("rp", [""])[0].split(","))
    return said.get("rc") != ["0"] and bool(wanted & {"5xx", "all"})
