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

JPEG = _media("image/jpeg", "jpg", "JPEG", rb"\xff\xd8\xff")
PNG = _media("image/png", "png", "PNG", rb"\x89PNG\r\n\x1a\n")
GIF = _media("image/gif", "gif", "GIF", rb"GIF8[79]a")
WEBP = _media("image/webp", "webp", "WebP", rb"RIFF....WEBP")
THREE_GP = _media("video/3gpp", "3gp", "3GP", rb"....ftyp3g")
MP4 = _media("video/mp4", "mp4", "MP4", rb"....ftyp(?!M4A)")
AMR = _media("audio/amr", "amr", "AMR", rb"#!AMR")
VCARD = _media("text/vcard", "vcf", "vCard", rb"BEGIN:VCARD")

FAXES = (PDF, TIFF)
RECORDINGS = (MP3, WAV, OGG, M4A)
ATTACHMENTS = (JPEG, PNG, GIF, WEBP, THREE_GP, MP4, AMR, VCARD, *FAXES, *RECORDINGS)
BY_TYPE = {media.type: media for media in ATTACHMENTS}
HEAD = 12
"""How many bytes tell."""

_MANY_NAMES = frozenset({"audio/", "video/", "text/"})
_ANY = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def recognised(head: bytes, among: tuple[Media, ...]) -> Media | None:
    """Which of these begins like that."""
    return next((media for media in among if media.begins.match(head)), None)


def may_be(told: str, among: tuple[Media, ...]) -> bool:
    """Whether what a server calls it (without parameters, in small letters) may be one of these.

    Audio has many names, such as `audio/x-wav`, and so have videos and cards. Their bytes decide.
    """
    family = told.partition("/")[0] + "/"
    return (
        told in _ANY
        or any(told == media.type for media in among)
        or (family in _MANY_NAMES and any(media.type.startswith(family) for media in among))
    )
