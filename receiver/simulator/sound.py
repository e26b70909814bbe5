"""Silence of a given length, in the forms in which recordings are kept."""

import io
import wave

_RATE = 8000

# A frame of MPEG-1 layer III at 32 kbit/s and 32 kHz: 144 bytes, 36 ms, silent because its fields are zero.
_SILENT_FRAME = b"\xff\xfb\x18\xc4" + bytes(140)
_FRAME_SECONDS = 0.036


def silent_wav(seconds: int, channels: int) -> bytes:
    """A WAV file: 16 bits, 8 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(bytes(2 * channels * _RATE * seconds))
    return file.getvalue()


def silent_mp3(seconds: int) -> bytes:
    """An MP3 file of one channel."""
    return _SILENT_FRAME * max(1, round(seconds / _FRAME_SECONDS))
