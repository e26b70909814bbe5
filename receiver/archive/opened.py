"""The store that the settings name."""

from __future__ import annotations

from urllib.parse import urlsplit

from config import Config
from receiver.archive.folder import Folder
from receiver.archive.store import Store


def open_store(config: Config) -> Store:
    """The bucket if one is set, or else the directory. Touches neither."""
    if config.archive_bucket is None:
        return Folder(config.archive_dir)
    # Most commands and installations need no client for it.
    from receiver.archive.bucket import Bucket  # noqa: PLC0415

    parts = urlsplit(config.archive_bucket)
    key, secret = config.archive_s3_key, config.archive_s3_secret
    return Bucket(
        parts.netloc,
        parts.path.strip("/"),
        endpoint=config.archive_s3_endpoint or "",
        region=config.archive_s3_region,
        key=key.get_secret_value() if key else "",
        secret=secret.get_secret_value() if secret else "",
    )
