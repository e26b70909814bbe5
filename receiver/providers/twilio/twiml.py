"""Instructions as TwiML. A library writes it: what a rules file says is text, whatever signs it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from receiver.providers.answer import Answer
from receiver.providers.twilio.ways import OVERRIDES
from receiver.vocabulary.answering import (
    Dial,
    Gather,
    HangUp,
    Instruction,
    Prompt,
    Record,
    Reject,
    Say,
    Sound,
)

_TYPE = "text/xml"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOCALES = {
    **{"ar": "ar-XA", "cs": "cs-CZ", "da": "da-DK", "de": "de-DE", "el": "el-GR", "en": "en-US"},
    **{"es": "es-ES", "fi": "fi-FI", "fil": "fil-PH", "fr": "fr-FR", "hi": "hi-IN", "hu": "hu-HU"},
    **{"id": "id-ID", "it": "it-IT", "ja": "ja-JP", "ko": "ko-KR", "ms": "ms-MY", "nb": "nb-NO"},
    **{"nl": "nl-NL", "pl": "pl-PL", "pt": "pt-PT", "ro": "ro-RO", "ru": "ru-RU", "sv": "sv-SE"},
    **{"ta": "ta-IN", "th": "th-TH", "tr": "tr-TR", "uk": "uk-UA", "vi": "vi-VN", "zh": "zh-CN"},
}
"""A language alone is none that it speaks: it wants the country too."""


def is_spoken(language: str) -> bool:
    """Whether a language has its country, or one is known for it."""
    return "-" in language or language in _LOCALES


def document(instruction: Instruction, next_url: str) -> Answer:
    """The document for an instruction, after which `next_url` is asked for the next one."""
    response = Element("Response")
    response.extend(_verbs(instruction, next_url + OVERRIDES))
    return _answer(response)


def message(text: str) -> Answer:
    """The document that answers a message."""
    response = Element("Response")
    SubElement(response, "Message").text = _plain(text)
    return _answer(response)


def _verbs(instruction: Instruction, next_url: str) -> Iterator[Element]:
    match instruction:
        case Say(prompt=prompt):
            yield _prompt(prompt)
            yield _redirect(next_url)
        case Gather(prompt=prompt, most=most, wait=wait):
            # Without input the action is called too: what happens then is not for this document to say.
            gather = Element(
                "Gather",
                action=next_url,
                input="dtmf",
                numDigits=str(most),
                timeout=str(wait),
                finishOnKey="#",
                actionOnEmptyResult="true",
            )
            gather.append(_prompt(prompt))
            yield gather
        case Dial(number=number, ring=ring, prompt=prompt):
            if prompt is not None:
                yield _prompt(prompt)
            dial = Element("Dial", action=next_url)
            if ring is not None:
                dial.set("timeout", str(ring))
            SubElement(dial, "Number").text = _plain(number)
            yield dial
        case Record(longest=longest, beep=beep, prompt=prompt):
            if prompt is not None:
                yield _prompt(prompt)
            yield _record(longest, beep, next_url)
            # A recording of nothing may be passed over, without a word of it.
            yield _redirect(next_url)
        case Reject():
            yield Element("Reject")
        case HangUp():
            yield Element("Hangup")


def _record(longest: int, beep: bool | None, next_url: str) -> Element:
    record = Element(
        "Record",
        action=next_url,
        maxLength=str(longest),
        finishOnKey="#",
        # The action may be called before the file exists.
        recordingStatusCallback="recording" + OVERRIDES,
        recordingStatusCallbackEvent="completed absent",
    )
    if beep is not None:
        record.set("playBeep", "true" if beep else "false")
    return record


def _prompt(prompt: Prompt) -> Element:
    if isinstance(prompt, Sound):
        play = Element("Play")
        play.text = _plain(prompt.url)
        return play
    say = Element("Say", language=_LOCALES.get(prompt.language, prompt.language))
    say.text = _plain(prompt.text)
    return say


def _redirect(url: str) -> Element:
    redirect = Element("Redirect")
    redirect.text = url
    return redirect


def _plain(text: str) -> str:
    """A text without what XML cannot hold, even escaped."""
    return _NOT_XML.sub(" ", text)


def _answer(response: Element) -> Answer:
    return Answer(_TYPE, tostring(response, encoding="utf-8", xml_declaration=True))
