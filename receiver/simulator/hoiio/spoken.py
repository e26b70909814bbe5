"""What a caller hears of a `msg`: plain text, or its markup (protocol: IVR requests)."""

import re
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from .account import ApiError

_LONGEST = 1000
_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_GENDERS = ("female", "male")
_SOUNDS = (".mp3", ".wav", ".gsm")


def heard(msg: str) -> list[str]:
    """Each thing that is spoken, `zh-HK: …` if in another language than English, or played, `<URL>`.

    `ApiError` for what the provider cannot read.
    """
    if len(msg) > _LONGEST:
        raise ApiError("error_msg_invalid_length")
    if "<" not in msg:
        return [msg] if msg else []
    try:
        root = ET.fromstring(f"<msg>{msg}</msg>")  # noqa: S314  # the simulator's one customer is its owner
    except ET.ParseError as error:
        raise ApiError("error_msg_invalid_xml") from error
    said = [(root.text or "").strip()]
    for element in root:
        said += [_element(element), (element.tail or "").strip()]
    return [one for one in said if one]


def _element(element: ET.Element) -> str:
    text = (element.text or "").strip()
    if len(element):
        raise ApiError("error_msg_invalid_xml")
    if element.tag == "url":
        return _sound(text)
    if element.tag != "speech":
        raise ApiError("error_msg_invalid_xml")
    language = element.get("language", "en")
    if not _LANGUAGE.fullmatch(language):
        raise ApiError("error_msg_invalid_language")
    if element.get("gender", _GENDERS[0]) not in _GENDERS:
        raise ApiError("error_msg_invalid_gender")
    return text if language == "en" else f"{language}: {text}"


def _sound(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError("error_msg_invalid_url")
    if not parts.path.lower().endswith(_SOUNDS):
        raise ApiError("error_msg_invalid_file_format")
    return f"<{url}>"
