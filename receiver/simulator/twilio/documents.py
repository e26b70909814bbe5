"""What an answer makes Twilio do: a document to execute, or an error and the fallback URL."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from receiver.simulator.outcome import FALLBACK

from .alerts import alert
from .provider import Provider
from .twiml import MESSAGING, VOICE, BadTwiml, Document, Verb, read
from .webhook import Line, Reply

_TWIML = ("text/xml", "application/xml", "text/html")
_TOO_LARGE = 64 * 1024
"""No source has Twilio's limit."""
_SCHEMA = 12200
_WARNINGS_TOLD = 10


class Unanswered(Exception):
    """Neither a URL nor its fallback gave a document."""


@dataclass(frozen=True)
class Source:
    """Where a document comes from."""

    kind: str
    url: str
    method: str
    parameters: Mapping[str, str]


def fetch(
    provider: Provider,
    line: Line,
    source: Source,
    *,
    known: Set[str],
    resource_sid: str,
    fallback: tuple[str, str],
) -> tuple[Document, str]:
    """The document that a URL answers and the URL it is from; if it fails, the fallback's.

    Whatever goes wrong leaves an alert. `Unanswered` if nothing is left to ask.
    """
    reply = line.request(source.kind, source.url, source.method, source.parameters)
    try:
        return _document(provider, reply, known, resource_sid), reply.url
    except BadTwiml as problem:
        alert(provider, problem.code, "error", reply, resource_sid)
        code = problem.code
    if not fallback[0]:
        raise Unanswered
    failed = {"ErrorCode": str(code), "ErrorUrl": source.url}
    reply = line.request(FALLBACK, *fallback, {**source.parameters, **failed})
    try:
        return _document(provider, reply, known, resource_sid), reply.url
    except BadTwiml as problem:
        alert(provider, problem.code, "error", reply, resource_sid)
        raise Unanswered from problem


def remark(reply: Reply) -> int | None:
    """What is warned of in the answer to a message's status callback: all but 204 or an empty document."""
    if reply.status == 204:
        return None
    try:
        document = _understood(reply, MESSAGING)
    except BadTwiml as problem:
        return problem.code
    return _SCHEMA if document.verbs or document.warnings else None


def _document(provider: Provider, reply: Reply, known: Set[str], resource_sid: str) -> Document:
    if reply.error:
        raise BadTwiml(reply.error)
    document = _understood(reply, known)
    if document.warnings:
        text = "; ".join(document.warnings[:_WARNINGS_TOLD])
        alert(provider, _SCHEMA, "warning", reply, resource_sid, text=text)
    return document


def _understood(reply: Reply, known: Set[str]) -> Document:
    kind = reply.content_type
    if not reply.body.strip():
        raise BadTwiml(11770)
    if len(reply.body) > _TOO_LARGE:
        raise BadTwiml(11750)
    if kind in _TWIML:
        return read(reply.body, known)
    if kind == "text/plain":
        try:
            return read(reply.body, known)
        except BadTwiml:
            text = reply.body.decode("utf-8", "replace")
            return Document((Verb("Say" if known is VOICE else "Message", text=text),))
    if kind.startswith("audio/") and known is VOICE:
        return Document((Verb("Play", text=reply.url),))
    raise BadTwiml(12300)
