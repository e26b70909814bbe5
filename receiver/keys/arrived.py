"""What became of a test that arrived in the log."""

from __future__ import annotations

from dataclasses import dataclass

from receiver.providers.base import Provider
from receiver.vocabulary.kinds import EventType, Kind
from receiver.vocabulary.verdict import Verdict


@dataclass(frozen=True)
class Sent:
    """The test as it was sent; `headers` are the names of those that sign it."""

    kind: Kind
    query: bytes
    body: bytes
    headers: tuple[str, ...]
    provider: Provider


@dataclass(frozen=True)
class Arrived:
    """Its event."""

    id: int
    kind: str
    type: str
    signature: str
    quarantine: str | None
    query: bytes
    body: bytes


def problem_of(row: Arrived, sent: Sent) -> tuple[str, str] | None:
    """What is wrong with the event, and what to do; None if it is as it was sent."""
    return _content_problem(row, sent) or _event_problem(row, sent)


def _content_problem(row: Arrived, sent: Sent) -> tuple[str, str] | None:
    """Whether it says exactly what was sent."""
    if not row.body:
        return (
            "it arrived without its body.",
            "Let the proxy pass request bodies (nginx: proxy_pass_request_body on).",
        )
    if row.body != sent.body:
        return (
            f"its body was changed on the way: {len(sent.body)} bytes were sent, {len(row.body)} arrived.",
            "Let the proxy pass bodies as they are: the provider has signed them.",
        )
    if row.query != sent.query:
        what = "its query was changed on the way" if row.query else "it arrived without its query"
        return f"{what}.", "Let the proxy pass path and query as they are."
    return None


def _event_problem(row: Arrived, sent: Sent) -> tuple[str, str] | None:
    """Whether it was taken for what it is."""
    if row.signature == Verdict.MISSING:
        return (
            f"it arrived without the header {', '.join(sent.headers)}, so no callback can be verified.",
            "Let the proxy pass this header.",
        )
    if row.kind != sent.kind:
        return (
            f"it was sent as {sent.kind} and arrived as {row.kind}.",
            "Let the proxy pass the path as it is.",
        )
    if row.signature == Verdict.INVALID:
        return _signature_problem(sent.provider)
    if row.quarantine is not None:
        return f"it was quarantined: {row.quarantine}.", "Let the proxy pass the path as it is."
    if row.type != EventType.TEST:
        return "the service that answers is of an older version.", "Restart it."
    return None


def _signature_problem(provider: Provider) -> tuple[str, str]:
    found, same = "its signature was found wrong, though it arrived whole", "or give both the same"
    if not _signs_address(provider):
        return (
            f"{found}: the service verifies with another secret than this command.",
            f"Restart the service if the credentials of {provider.title} were changed, {same}.",
        )
    return (
        f"{found}: the service has another PUBLIC_URL, or another secret of {provider.title}, than this"
        " command; or a proxy changes the path.",
        f"Restart the service if PUBLIC_URL or the credentials of {provider.title} were changed, {same}; let"
        " the proxy pass the path as it is.",
    )


def _signs_address(provider: Provider) -> bool:
    """Whether the same has another signature at another address."""
    one, another = (provider.sign(f"https://{host}/", b"", "secret") for host in "ab")
    return one != another
