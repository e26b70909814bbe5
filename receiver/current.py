"""Typed access to what the running application was built with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app, url_for
from sqlalchemy import Engine

from config import Config
from receiver.hoiio.client import NumberClient
from receiver.hoiio.notifications import Kind
from receiver.log.find import EventLog
from receiver.log.record import Recorder
from receiver.log.spool import Spool
from receiver.log.write import EventWriter
from receiver.work.schedule import Schedule

EXTENSION = "receiver"


class NotConfigured(Exception):
    """A setting that only this command needs is missing. The message says which."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything `create_app` put together."""

    config: Config
    engine: Engine
    spool: Spool
    writer: EventWriter
    recorder: Recorder
    log: EventLog
    schedule: Schedule


def parts() -> Parts:
    return cast(Parts, current_app.extensions[EXTENSION])


def config() -> Config:
    return parts().config


def engine() -> Engine:
    return parts().engine


def recorder() -> Recorder:
    return parts().recorder


def spool() -> Spool:
    return parts().spool


def writer() -> EventWriter:
    return parts().writer


def event_log() -> EventLog:
    return parts().log


def number_client() -> NumberClient:
    """A client for the provider's API, or `NotConfigured` without credentials."""
    settings = config()
    if settings.hoiio_app_id is None or settings.hoiio_access_token is None:
        raise NotConfigured(
            "set HOIIO_APP_ID and HOIIO_ACCESS_TOKEN: the provider's API cannot be used without"
        )
    return NumberClient(
        settings.hoiio_app_id, settings.hoiio_access_token.get_secret_value(), settings.hoiio_api_url
    )


def callback_urls(key: str | None = None) -> dict[str, str]:
    """Where the provider should POST, by kind; with the current key unless another is given."""
    settings = config()
    if settings.public_url is None:
        raise NotConfigured("set PUBLIC_URL: the address at which the provider reaches this service")
    key = key or settings.callback_keys[0].get_secret_value()
    with current_app.test_request_context(base_url=settings.public_url):
        return {kind: url_for("callbacks.receive", key=key, kind=kind, _external=True) for kind in Kind}
