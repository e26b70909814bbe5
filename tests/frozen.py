"""A disk that hangs: a small file system of its own that can be frozen, as one behind a lost network is."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FREEZE, _THAW = 0xC0045877, 0xC0045878
_SIZE = 24 << 20


class Disk:
    """What writes to it waits while it is frozen. `folder` is where it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._frozen = False

    def freeze(self) -> None:
        self._tell(_FREEZE)
        self._frozen = True

    def thaw(self) -> None:
        if self._frozen:
            self._tell(_THAW)
            self._frozen = False

    def _tell(self, what: int) -> None:
        place = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(place, what, 0)
        finally:
            os.close(place)


@contextmanager
def disk(path: Path) -> Iterator[Disk]:
    """One for a test, which is skipped where none can be had."""
    image, folder = path / "disk.img", path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(_SIZE)
    for words in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, folder]):
        try:
            subprocess.run(words, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a file system of our own cannot be had: {error}")
    made = Disk(folder)
    try:
        yield made
    finally:
        made.thaw()
        subprocess.run(["umount", "--lazy", folder], check=True)
