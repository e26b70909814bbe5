"""Counts the pages of a document and draws the first one: a program of its own, which may be killed.

Documents come from strangers, and what reads them was written for speed. So this runs in a process with
little memory and time, and without our settings: see `receiver.archive.preview`. It imports nothing of ours.

The document is on the standard input; the argument is `pdf` or `tiff`. A line with the number of pages goes
to the standard output, then the picture as PNG.
"""

from __future__ import annotations

import os
import resource
import sys
import warnings
from typing import Any, BinaryIO

WIDTH, HEIGHT = 800, 1600
"""Pixels of a preview at most."""
MOST_PIXELS = 60_000_000
"""Of a picture that is drawn; a fax in the finest resolution has about eight million."""
MEMORY = 1024**3
SECONDS = 20
LARGEST = 8 * 1024 * 1024
MOST_PAGES = 100_000


def main(kind: str) -> None:
    _limit()
    source = sys.stdin.buffer
    picture = _pdf(source) if kind == "pdf" else _tiff(source)
    picture.save(sys.stdout.buffer, "PNG", compress_level=6)
    sys.stdout.buffer.flush()


def _limit() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, LARGEST),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(10)  # callbacks come first
    warnings.simplefilter("error")


def _tell(pages: int) -> None:
    """At once: drawing may end the process."""
    sys.stdout.buffer.write(b"%d\n" % pages)
    sys.stdout.buffer.flush()


def _pdf(source: BinaryIO) -> Any:
    import pypdfium2  # type: ignore[import-untyped]  # noqa: PLC0415  # after the limits

    document = pypdfium2.PdfDocument(source)
    _tell(len(document))
    page = document[0]
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise ValueError("a page without a size")
    drawn = page.render(scale=min(WIDTH / width, HEIGHT / height)).to_pil()
    return drawn.crop((0, 0, min(drawn.width, WIDTH), min(drawn.height, HEIGHT)))  # it rounds up


def _tiff(source: BinaryIO) -> Any:
    from PIL import Image  # noqa: PLC0415  # after the limits

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    image = Image.open(source, formats=("TIFF",))
    _tell(_pages(image))
    image.seek(0)
    # Many faxes have twice as many dots to the inch across as down.
    across, down = (float(each) or 1.0 for each in image.info.get("dpi", (1.0, 1.0)))
    stretch = min(max(across / down, 0.25), 4.0)
    width, height = image.width, max(1, round(image.height * stretch))
    scale = min(WIDTH / width, HEIGHT / height, 1.0)
    grey = image.convert("L") if image.mode in {"1", "L", "I;16"} else image.convert("RGB")
    return grey.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX)


def _pages(image: Any) -> int:
    pages = 1
    try:
        while pages < MOST_PAGES:
            image.seek(pages)
            pages += 1
    except EOFError:
        pass
    return pages


if __name__ == "__main__":
    main(sys.argv[1])
