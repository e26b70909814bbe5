"""Pages and a picture of a document, drawn by a process that hostile bytes may kill, and nothing else."""

import io
import os
import struct
import tempfile
import time

import pytest
from documents import blank_pdf, pdf, tiff
from PIL import Image

from receiver.archive import preview
from receiver.archive.preview import draw


def drawn(content: bytes, media_type: str):
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return draw(file, media_type)


def picture(content: bytes, media_type: str) -> Image.Image:
    image = Image.open(io.BytesIO(drawn(content, media_type).picture))
    image.load()
    return image


def test_a_pdf_is_drawn():
    found = drawn(pdf(3), "application/pdf")
    assert found.pages == 3
    image = picture(pdf(3), "application/pdf")
    assert image.width == 800
    assert image.convert("L").getextrema() == (0, 255)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_tiff_is_drawn_as_high_as_it_is_on_paper(compression):
    assert drawn(tiff(2, compression), "image/tiff").pages == 2
    image = picture(tiff(2, compression), "image/tiff")
    assert image.width == 800
    assert 1040 <= image.height <= 1080  # 204 dots to the inch across, 98 down
    assert image.getextrema() == (0, 255)


def test_ten_thousand_pages_are_counted():
    assert drawn(blank_pdf(10_000), "application/pdf").pages == 10_000


@pytest.mark.parametrize(
    "size", ["[0 0 10000000 10000000]", "[0 0 1 10000000]", "[0 0 10000000 1]", "[0 0 0 0]", "[9 9 -9 nan]"]
)
def test_a_page_of_any_size_gives_a_small_picture(size):
    image = picture(blank_pdf(1, size), "application/pdf")
    assert image.width <= 800
    assert image.height <= 1600


def bomb() -> bytes:
    """A TIFF that says it has 16 thousand million pixels, in a few bytes."""
    entries = [(256, 4, 1, 130_000), (257, 4, 1, 130_000), (258, 3, 1, 1), (259, 3, 1, 1)]
    entries += [(262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 130_000), (279, 4, 1, 100)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + bytes(100)


def ring() -> bytes:
    """A TIFF whose second page is its first."""
    content = bytearray(tiff(1))
    first = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, first)[0]
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    return bytes(content)


HOSTILE = {
    "truncated pdf": (pdf()[:400], "application/pdf"),
    "no pdf": (b"%PDF-1.7\n" + os.urandom(5000), "application/pdf"),
    "truncated tiff": (tiff()[:200], "image/tiff"),
    "no tiff": (b"II*\0" + os.urandom(5000), "image/tiff"),
    "bomb": (bomb(), "image/tiff"),
    "no pages": (blank_pdf(0), "application/pdf"),
    "empty": (b"", "application/pdf"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_drawn_hurts_nobody(name):
    assert drawn(*HOSTILE[name]).picture is None


def test_a_ring_of_pages_ends():
    began = time.monotonic()
    drawn(ring(), "image/tiff")
    assert time.monotonic() - began < 30


PROGRAMS = {
    "memory": "bytearray(1 << 34)",
    "time": "import time\nwhile True: pass",
    "waits": "import time\ntime.sleep(600)",
    "crash": "import ctypes\nctypes.string_at(0)",
    "flood": "while True: sys.stdout.buffer.write(b'x' * 65536)",
    "rubbish": "sys.stdout.write('99999999999999999999\\nGIF89a')",
}


def take_over(words, tmp_path, monkeypatch):
    program = tmp_path / "taken.py"
    limits = f"import sys\nsys.path.insert(0, {str(preview._PROGRAM.parent)!r})\nimport render\n"
    program.write_text(f"{limits}render.SECONDS = 1\nrender._limit()\n{words}")
    monkeypatch.setattr(preview, "_PROGRAM", program)
    monkeypatch.setattr(preview, "_PATIENCE", 3.0)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_process_is_held_whatever_it_does(name, tmp_path, monkeypatch):
    """As if a document had taken it over."""
    take_over(PROGRAMS[name], tmp_path, monkeypatch)
    began = time.monotonic()
    found = drawn(pdf(), "application/pdf")
    assert time.monotonic() - began < 10
    assert found.picture is None
    assert found.pages in {None, 1}


def test_it_knows_none_of_our_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("HOIIO_ACCESS_TOKEN", "sesame")
    told = (
        "import os\nsys.stdout.buffer.write(b'1\\n\\x89PNG\\r\\n\\x1a\\n' + repr(dict(os.environ)).encode())"
    )
    take_over(told, tmp_path, monkeypatch)
    found = drawn(pdf(), "application/pdf").picture
    assert found is not None
    assert b"sesame" not in found
