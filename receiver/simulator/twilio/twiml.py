"""TwiML as data: a document's verbs, and what is wrong with it."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

_CALLBACK = {"recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent"}
_STATUS = {"statusCallback", "statusCallbackEvent", "statusCallbackMethod"}
_SAY, _PLAY, _PAUSE = {"voice", "language", "loop"}, {"loop", "digits"}, {"length"}
_DOCUMENTED: Mapping[str, tuple[Set[str], Set[str]]] = {
    "Say": (_SAY, set()),
    "Play": (_PLAY, set()),
    "Pause": (_PAUSE, set()),
    "Gather": (
        {"action", "method", "timeout", "finishOnKey", "numDigits", "input", "actionOnEmptyResult"}
        | {"language", "hints", "speechTimeout", "speechModel", "profanityFilter", "bargeIn"}
        | {"partialResultCallback", "partialResultCallbackMethod", "maxSpeechTime", "enhanced", "debug"},
        {"Say", "Play", "Pause"},
    ),
    "Record": (
        {"action", "method", "timeout", "finishOnKey", "maxLength", "playBeep", "trim"}
        | {"transcribe", "transcribeCallback"}
        | _CALLBACK,
        set(),
    ),
    "Dial": (
        {"action", "method", "timeout", "timeLimit", "callerId", "hangupOnStar", "answerOnBridge", "record"}
        | {"recordingTrack", "trim", "ringTone", "sequential", "referUrl", "referMethod", "callReason"}
        | _CALLBACK,
        {"Number", "Client", "Sip", "Conference", "Queue"},
    ),
    "Hangup": (set(), set()),
    "Reject": ({"reason"}, set()),
    "Redirect": ({"method"}, set()),
    "Message": ({"to", "from", "action", "method", "statusCallback"}, {"Body", "Media"}),
}
_NOUNS: Mapping[str, Set[str]] = {
    "Say": _SAY,
    "Play": _PLAY,
    "Pause": _PAUSE,
    "Number": {"url", "method", "sendDigits", "byoc", "machineDetection"} | _STATUS,
    "Client": {"url", "method"} | _STATUS,
    "Sip": {"url", "method", "username", "password"} | _STATUS,
    "Body": set(),
    "Media": set(),
}

VOICE = frozenset(("Say", "Play", "Pause", "Gather", "Record", "Dial", "Hangup", "Reject", "Redirect"))
MESSAGING = frozenset(("Message", "Redirect"))


class BadTwiml(Exception):
    """A document that cannot be executed; the code is Twilio's."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Verb:
    """A verb, or a noun in one."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    nouns: tuple["Verb", ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """An attribute."""
        return self.attributes.get(name, default)

    def method(self, name: str = "method") -> str:
        """An attribute that is a method; what is neither counts as left out."""
        return "GET" if self.get(name).upper() == "GET" else "POST"

    def whole(self, name: str, default: int) -> int:
        """An attribute that is a whole number; what is none counts as left out."""
        text = self.get(name)
        return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else default


@dataclass(frozen=True)
class Document:
    """The verbs of a document that its reader knows, and the warnings about the rest."""

    verbs: tuple[Verb, ...]
    warnings: tuple[str, ...] = ()


def read(body: bytes, known: Set[str]) -> Document:
    """A document for voice or for messages; `BadTwiml` if it is none. What it does not know it leaves out."""
    if re.match(rb"\s*<\?xml[^>]*version=[\"'](?!1\.0)", body):
        raise BadTwiml(12101)
    try:
        # The parser expands no entities from outside, and limits those within.
        root = ET.fromstring(body.strip())  # noqa: S314
    except (ET.ParseError, LookupError, ValueError) as error:  # the last two for an encoding
        raise BadTwiml(12100) from error
    if root.tag != "Response":
        raise BadTwiml(12102)
    warnings: list[str] = []
    verbs = [_verb(element, warnings) for element in root if _is_known(element, known, warnings)]
    return Document(tuple(verbs), tuple(warnings))


def _is_known(element: ET.Element, known: Set[str], warnings: list[str]) -> bool:
    if element.tag not in known:
        warnings.append(f"Element {element.tag} is not known here")
    return element.tag in known


def _verb(element: ET.Element, warnings: list[str]) -> Verb:
    attributes, nouns = _DOCUMENTED[element.tag]
    inner = [
        Verb(noun.tag, _attributes(noun, _NOUNS.get(noun.tag, noun.attrib.keys()), warnings), _text(noun))
        for noun in element
        if _is_known(noun, nouns, warnings)
    ]
    return Verb(element.tag, _attributes(element, attributes, warnings), _text(element), tuple(inner))


def _attributes(element: ET.Element, documented: Set[str], warnings: list[str]) -> dict[str, str]:
    for name in element.attrib.keys() - documented:
        warnings.append(f"Attribute {name} is not allowed in {element.tag}")
    return {name: value for name, value in element.attrib.items() if name in documented}


def _text(element: ET.Element) -> str:
    return " ".join("".join([element.text or "", *(inner.tail or "" for inner in element)]).split())
