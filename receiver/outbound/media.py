"""Which kind of file some bytes are, whatever their server calls them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Media:
    """A kind of file that we take."""

    type: str
    extension: str
    words: str
    """What people call it."""
    begins: re.Pattern[bytes]


def _media(type_: str, extension: str, words: str, begins: bytes) -> Media:
    return Media(type_, extension, words, re.compile(begins, re.DOTALL))


PDF = _media("application/pdf", "pdf", "PDF", rb"%PDF-")
TIFF = _media("image/tiff", "tif", "TIFF", rb"II\*\0|MM\0\*")
MP3 = _media("audio/mpeg", "mp3", "MP3", rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]")
WAV = _media("audio/wav", "wav", "WAV", rb"RIFF....WAVE")
OGG = _media("audio/ogg", "ogg", "Ogg", rb"OggS")
M4A = _media("audio/mp4", "m4a", "M4A", rb"....ftyp")

FAXES = (PDF, TIFF)
RECORDINGS = (MP3, WAV, OGG, M4A)
BY_TYPE = {media.type: media for media in (*FAXES, *RECORDINGS)}
HEAD = 12
"""How many bytes tell."""

_ANY = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def recognised(head: bytes, among: tuple[Media, ...]) -> Media | None:
    """Which of these begins like that."""
    return next((media for media in among if media.begins.match(head)), None)


def may_be(told: str, among: tuple[Media, ...]) -> bool:
    """Whether what a server calls it (without parameters, in small letters) may be one of these.

    Audio has many names, such as `audio/x-wav`. Its bytes decide.
    """
    return (
        told in _ANY
        or any(told == media.type for media in among)
        or (told.startswith("audio/") and any(media.type.startswith("audio/") for media in among))
    )
