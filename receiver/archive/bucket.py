"""A store in an S3-compatible bucket, which any number of machines share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import S3Store

from receiver.archive.reading import reading
from receiver.archive.room import room_of_our_own
from receiver.archive.store import Entry, NotThere, StoreError, is_name, place_of

_IN_ONE_PIECE = 8 * 1024 * 1024
"""Bytes that are sent in one request, which can say that nothing may be replaced. More goes in parts, so that
it need not stand in memory; what it replaces then has the same bytes."""


class Bucket:
    """See `receiver.archive.store.Store`."""

    def __init__(
        self, bucket: str, prefix: str, *, endpoint: str, region: str, key: str, secret: str
    ) -> None:
        self._where = f"s3://{bucket}/{prefix}".rstrip("/")
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config={
                "access_key_id": key,
                "secret_access_key": secret,
                "region": region,
                **({"endpoint": endpoint.rstrip("/")} if endpoint else {}),
            },
            client_options={
                "timeout": timedelta(seconds=60),
                "connect_timeout": timedelta(seconds=5),
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
        )

    @property
    def room(self) -> Path:
        return room_of_our_own()

    def put(self, name: str, source: Path) -> None:
        with self._telling():
            if source.stat().st_size > _IN_ONE_PIECE:
                obstore.put(self._store, place_of(name), source)
                return
            try:
                obstore.put(self._store, place_of(name), source, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return

    def open(self, name: str) -> BinaryIO:
        with self._reading():
            return reading(obstore.open_reader(self._store, place_of(name)), self._reading)

    def exists(self, name: str) -> bool:
        with self._telling():
            try:
                obstore.head(self._store, place_of(name))
            except (FileNotFoundError, NotFoundError):
                return False
            return True

    def delete(self, name: str) -> None:
        with self._telling():
            try:
                obstore.delete(self._store, place_of(name))
            except (FileNotFoundError, NotFoundError):
                return

    def list(self) -> Iterator[Entry]:
        with self._telling():
            for some in obstore.list(self._store, chunk_size=1000):
                for found in some:
                    name = found["path"].rpartition("/")[2]
                    if is_name(name):
                        yield Entry(name, found["size"], found["last_modified"])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._telling():
            try:
                yield
            except (FileNotFoundError, NotFoundError):
                raise NotThere("the archive does not hold this document") from None

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            # Its own words hold the whole request.
            what = type(error).__name__
            raise StoreError(
                f"the archive in {self._where} cannot be used ({what}): see ARCHIVE_BUCKET and ARCHIVE_S3_…"
            ) from None
