"""The pages of a document and a picture of its first one, made in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Engine, select, update

from receiver.archive.render import LARGEST, MOST_PAGES
from receiver.archive.room import new_file
from receiver.archive.states import Preview
from receiver.archive.store import NotThere, Store, preview_of
from receiver.db.engine import writing_lazily
from receiver.models import DOCUMENTS
from receiver.outbound.media import PDF

_PROGRAM = Path(__file__).with_name("render.py")
_PATIENCE = 40.0
"""Seconds for the process; its own limit is on the time that it computes."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
AT_ONCE = max(1, (os.cpu_count() or 2) // 2)
"""Documents that may be drawn at the same time: the other half of the machine is for callbacks."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is known of a document that was looked into."""

    pages: int | None
    picture: bytes | None
    """PNG; None if it cannot be drawn."""


def draw(document: BinaryIO, media_type: str) -> Drawn:
    """Look into a file. Whatever its bytes do to the process that reads them, this returns."""
    kind = "pdf" if media_type == PDF.type else "tiff"
    with tempfile.TemporaryFile() as answer:
        process = subprocess.Popen(  # noqa: S603  # our own program; the document is its input
            [sys.executable, "-I", str(_PROGRAM), kind],
            stdin=document.fileno(),
            stdout=answer.fileno(),
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},  # our settings hold secrets
            start_new_session=True,  # a Ctrl-C at the terminal is not for it
        )
        try:
            worked = process.wait(_PATIENCE) == 0
        except subprocess.TimeoutExpired:
            worked = False
        finally:
            process.kill()
            process.wait()
        answer.seek(0)
        pages = answer.readline(16).strip()
        picture = answer.read(LARGEST)
    known = pages.isdigit() and 0 < int(pages) <= MOST_PAGES
    return Drawn(
        int(pages) if known else None, picture if worked and picture.startswith(_SIGNATURE) else None
    )


def make_preview(engine: Engine, store: Store, sha256: str) -> None:
    """Draw a document that is kept, and note what came of it. It stays whatever comes of it. To draw it twice
    is harmless."""
    wanted = DOCUMENTS.c.sha256 == sha256
    with engine.connect() as connection:
        media_type = connection.scalar(select(DOCUMENTS.c.media_type).where(wanted))
    if media_type is None:
        return
    drawn = _drawn(store, sha256, media_type)
    if drawn.picture is not None:
        with new_file(store.room) as file:
            file.write(drawn.picture)
            file.flush()
            store.put(preview_of(sha256), Path(file.name))
    preview = Preview.FAILED if drawn.picture is None else Preview.YES
    noted = update(DOCUMENTS).where(wanted).values(pages=drawn.pages, preview=preview.value)
    with writing_lazily(engine) as connection:
        there = connection.execute(noted).rowcount
    if not there:  # deleted in the meantime
        store.delete(preview_of(sha256))


def _drawn(store: Store, sha256: str, media_type: str) -> Drawn:
    try:
        document = store.open(sha256)
    except NotThere:
        return Drawn(None, None)
    # A process needs a real file; what comes from a bucket is none.
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(document, copy)
        document.close()
        copy.seek(0)
        return draw(copy, media_type)
