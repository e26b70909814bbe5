"""A server that gives documents as the tests say, and the documents."""

import functools
import io
import threading
from contextlib import contextmanager

from PIL import Image
from test_fetch import Server, answer

MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 100
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(500)


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def give(content: bytes, content_type: str = "application/octet-stream", status: int = 200, **headers: str):
    return answer(content, status, Content_Type=content_type, **headers)


def page(mark: int = 0, size: tuple[int, int] = (1728, 1100)) -> Image.Image:
    """A page of a fax in normal resolution, with a mark that makes it different from others."""
    image = Image.new("1", size, 1)
    image.paste(0, (100, 100 + mark % 800, 600, 140 + mark % 800))
    image.paste(0, (700, 200, 701 + mark % 900, 210))
    return image


@functools.cache  # the time at which it was made is in it
def pdf(pages: int = 1, mark: int = 0) -> bytes:
    into = io.BytesIO()
    page(mark).save(into, "PDF", save_all=True, append_images=[page(mark + one) for one in range(1, pages)])
    return into.getvalue()


def tiff(pages: int = 1, compression: str = "group4") -> bytes:
    into = io.BytesIO()
    more = [page(one) for one in range(1, pages)]
    page().save(into, "TIFF", compression=compression, dpi=(204, 98), save_all=True, append_images=more)
    return into.getvalue()


def blank_pdf(pages: int, size: str = "[0 0 595 842]") -> bytes:
    """Pages without content, by hand: as many as one likes, of any size."""
    kids = " ".join(f"{number + 3} 0 R" for number in range(pages))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {pages}/Kids[{kids}]>>".encode(),
        *[f"<</Type/Page/Parent 2 0 R/MediaBox{size}>>".encode()] * pages,
    ]
    written, places = b"%PDF-1.4\n", []
    body = io.BytesIO()
    body.write(written)
    for number, each in enumerate(objects, 1):
        places.append(body.tell())
        body.write(b"%d 0 obj\n%b\nendobj\n" % (number, each))
    start = body.tell()
    body.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    body.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    body.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))
    return body.getvalue()
