"""Small files that come with messages."""

import struct
import zlib

from receiver.simulator.sound import silent_mp3, silent_wav


def picture(content_type: str) -> bytes:
    """A file of a type: real for a picture and a sound that are common, and text for all others."""
    if content_type == "image/png":
        return _PNG
    if content_type == "image/gif":
        return _GIF
    if content_type == "audio/mpeg":
        return silent_mp3(1)
    if content_type in ("audio/wav", "audio/x-wav"):
        return silent_wav(1, 1)
    return f"A file of type {content_type} from the simulator.\n".encode()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


# One grey pixel each.
_PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\x80"))
    + _chunk(b"IEND", b"")
)
_GIF = bytes.fromhex("47494638396101000100800000808080ffffff2c00000000010001000002024401003b")
