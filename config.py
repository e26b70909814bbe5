"""Settings: read once, checked together, frozen.

Every setting is an environment variable of the same name in capitals; in development the `.env` file of the
checkout is read too. A secret may instead be the content of a file named by `<NAME>_FILE`. A relative path
means one in the checkout, wherever a command is run. Nothing else in the project reads the environment
but `receiver listen`, which needs none of these settings.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from receiver.settings import mail, values
from receiver.settings.by_number import Documents, documents
from receiver.settings.choices import LogFormat, LogLevel, Signatures
from receiver.settings.files import (
    CHECKOUT,
    COMMAND,
    DEMO,
    DEMO_COMMAND,
    DOTENV,
    ConfigError,
    read_env_file,
)

LIVE_API_URL = "https://secure.hoiio.com/open/"
TWILIO_API_URL = "https://api.twilio.com/"

ACCOUNTS = (("hoiio_app_id", "hoiio_access_token"), ("twilio_account_sid", "twilio_auth_token"))
"""The settings that name an account at a provider: all of a group, or none."""


class Config(BaseModel):
    """All settings of one process. Secrets have no default and do not show in `repr`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    hoiio_app_id: str | None = None
    hoiio_access_token: SecretStr | None = None
    hoiio_api_url: str = LIVE_API_URL
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_api_key: str | None = None
    twilio_api_secret: SecretStr | None = Field(default=None, validate_default=True)
    twilio_signing_keys: tuple[SecretStr, ...] = ()
    twilio_api_url: str = TWILIO_API_URL
    twilio_voice_answer: Documents | None = Field(default=None, repr=False)
    public_url: str | None = None
    public_url_fallback: str | None = None
    callback_keys: tuple[SecretStr, ...] = Field(default=(), validate_default=True)
    database_url: str = Field(default="sqlite:///var/receiver.db", repr=False, validate_default=True)
    spool_dir: Path = Field(default=Path("var/spool"), validate_default=True)
    archive_dir: Path = Field(default=Path("var/archive"), validate_default=True)
    archive_bucket: str | None = None
    archive_s3_endpoint: str | None = None
    archive_s3_region: str = "us-east-1"
    archive_s3_key: SecretStr | None = None
    archive_s3_secret: SecretStr | None = Field(default=None, validate_default=True)
    signatures: Signatures = Signatures.PREFER
    api_tokens: tuple[SecretStr, ...] = ()
    secret_key: SecretStr | None = None
    outbound_allow: tuple[str, ...] = ()
    smtp_url: SecretStr | None = None
    mail_from: str | None = Field(default=None, validate_default=True)
    time_zone: str | None = None
    handlers: str | None = None
    rules: Path | None = None
    log_format: LogFormat = LogFormat.AUTO
    log_level: LogLevel = LogLevel.INFO

    max_body_bytes: int = Field(default=64 * 1024, ge=1024, le=16 * 1024 * 1024, description="bytes")
    commit_deadline: float = Field(default=2.0, ge=0.1, le=60, description="seconds")
    api_rate: int = Field(default=100, ge=1, le=1_000_000, description="requests a second")
    queue_limit: int = Field(default=4096, ge=1, le=100_000, description="callbacks")
    connection_limit: int = Field(default=16384, ge=16, le=100_000, description="connections")
    stop_timeout: float = Field(default=15.0, ge=1, le=600, description="seconds")
    spool_limit_mb: int = Field(default=1024, ge=1, le=1_000_000, description="megabytes")
    quarantine_limit_mb: int = Field(default=256, ge=1, le=1_000_000, description="megabytes")
    retention: dict[str, timedelta] = {}
    delivery_log: timedelta = timedelta(days=30)

    _files: tuple[Path, ...] = PrivateAttr(default=())

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that `<NAME>_FILE` named."""
        return self._files

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, dotenv: Path | None = DOTENV) -> Config:
        """The settings of this process, or `ConfigError` with all that is wrong with them."""
        variables: dict[str, str] = {}
        if dotenv is not None and dotenv.is_file():
            variables = read_env_file(dotenv)
        problems = cls._misspelt(variables)
        variables |= os.environ if environ is None else environ
        given: dict[str, str] = {}
        files: list[Path] = []
        for field in cls.model_fields:
            name = field.upper()
            if variables.get(name):
                given[field] = variables[name]
            elif file := variables.get(f"{name}_FILE"):
                files.append(CHECKOUT / file)
                try:
                    given[field] = (CHECKOUT / file).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
                    problems.append(f"{name}_FILE: cannot read {file}: {reason}")
                    given[field] = "x" * values.SHORTEST_SECRET  # keeps the one problem from being told twice
        try:
            config = cls.model_validate(given)
        except ValidationError as error:
            problems += [_sentence(item) for item in error.errors(include_input=False)]
        if problems:
            raise ConfigError("wrong settings:\n" + "\n".join(f"  {problem}" for problem in problems))
        config._files = tuple(files)
        return config

    @classmethod
    def _misspelt(cls, names: Iterable[str]) -> list[str]:
        """Names in our own file that are nearly settings. The environment belongs to others, too."""
        known = [f"{field.upper()}{ending}" for field in cls.model_fields for ending in ("", "_FILE")]
        meant = {name: get_close_matches(name.upper(), known, n=1, cutoff=0.85) for name in names}
        return [
            f"{name}: there is no such setting; did you mean {close[0]}?"
            for name, close in meant.items()
            if close and name not in known
        ]

    @field_validator("twilio_account_sid")
    @classmethod
    def _account(cls, sid: str | None) -> str | None:
        if sid is not None and not re.fullmatch(r"AC[0-9a-fA-F]{32}", sid):
            raise ValueError("must be AC and 32 hexadecimal digits, as the account's dashboard shows it")
        return sid

    @field_validator("twilio_api_secret")
    @classmethod
    def _key_and_secret(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (secret is None) is not (info.data.get("twilio_api_key") is None):
            raise ValueError("TWILIO_API_KEY and TWILIO_API_SECRET are a pair: set both, or neither")
        return secret

    @field_validator("twilio_voice_answer", mode="before")
    @classmethod
    def _what_callers_hear(cls, value: Any) -> Any:
        return documents(value, CHECKOUT, root="Response") if isinstance(value, str) else value

    @field_validator("twilio_signing_keys", "callback_keys", "api_tokens", "outbound_allow", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("callback_keys")
    @classmethod
    def _some_key(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not keys:
            raise ValueError(
                f"is missing: the secret in the callback URL. Make one with: {values.KEY_RECIPE}"
            )
        for key in keys:
            text = key.get_secret_value()
            if not all(char.isascii() and (char.isalnum() or char in "-_") for char in text):
                raise ValueError(f"may hold only A-Z a-z 0-9 - and _. Make one with: {values.KEY_RECIPE}")
        return values.long_enough(keys)

    @field_validator("api_tokens")
    @classmethod
    def _long_tokens(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return values.long_enough(tokens)

    @field_validator("outbound_allow")
    @classmethod
    def _networks_and_hosts(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            values.allowed(entry)
        return entries

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            mail.mail_server(url.get_secret_value())
        return url

    @field_validator("mail_from")
    @classmethod
    def _mail_address(cls, address: str | None, info: ValidationInfo) -> str | None:
        if address is not None:
            mail.mail_address(address)
        elif info.data.get("smtp_url") is not None:
            raise ValueError("is missing: the address that mail by SMTP_URL comes from")
        return address

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        return name if name is None else values.zone(name)

    @field_validator("handlers")
    @classmethod
    def _module_or_file(cls, where: str | None) -> str | None:
        return None if where is None else values.module_or_file(where, CHECKOUT)

    @field_validator("retention", mode="before")
    @classmethod
    def _ages(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return values.ages(value)

    @field_validator("delivery_log", mode="before")
    @classmethod
    def _days(cls, value: Any) -> Any:
        return values.days(value) if isinstance(value, str) else value

    @field_validator("secret_key")
    @classmethod
    def _long_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            values.long_enough((secret,))
        return secret

    @field_validator("hoiio_api_url", "twilio_api_url", "public_url", "public_url_fallback")
    @classmethod
    def _http_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        return values.service_url(url)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        return values.database_url(url, CHECKOUT)

    @field_validator("archive_bucket")
    @classmethod
    def _bucket(cls, bucket: str | None) -> str | None:
        return None if bucket is None else values.bucket(bucket)

    @field_validator("archive_s3_endpoint")
    @classmethod
    def _endpoint(cls, url: str | None) -> str | None:
        return None if url is None else values.origin(url)

    @field_validator("archive_s3_secret")
    @classmethod
    def _bucket_needs_keys(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if info.data.get("archive_bucket") and not (secret and info.data.get("archive_s3_key")):
            raise ValueError("ARCHIVE_BUCKET needs both ARCHIVE_S3_KEY and ARCHIVE_S3_SECRET")
        return secret

    @field_validator("spool_dir", "archive_dir", "rules")
    @classmethod
    def _in_checkout(cls, path: Path | None) -> Path | None:
        return None if path is None else CHECKOUT / path


def blank(*, but: Collection[str] = ()) -> dict[str, str]:
    """Variables by which all settings but these are as if `.env` and the environment had none of them."""
    names = [field.upper() for field in Config.model_fields if field not in but]
    return {spelt: "" for name in names for spelt in (name, f"{name}_FILE")}


def use_demo(dotenv: Path = DOTENV, demo: Path = DEMO) -> bool:
    """Take the settings of the demo, for this process and those it starts; whether that was done.

    Only while the demo runs, and only where nothing says otherwise: no credentials of a real account, and
    none of the demo's settings in the environment. What the demo leaves blank counts as neither.
    """
    settings = _running(demo)
    if settings is None:
        return False
    try:
        own = {name: value for name, value in dotenv_values(dotenv).items() if value}
    except (OSError, UnicodeDecodeError):
        return False  # what is wrong with .env is told by who reads it
    credentials = [name.upper() for names in ACCOUNTS for name in names]
    real = [name for name in credentials if name in own or f"{name}_FILE" in own]
    set_here = [name for name, value in settings.items() if value]
    told = [spelt for name in (*set_here, *credentials) for spelt in (name, f"{name}_FILE")]
    # What is also in .env comes from there: `flask` has loaded it.
    if real or any(os.environ.get(name) not in (None, "", own.get(name)) for name in told):
        return False
    os.environ.update(settings)
    return True


def command_here(demo: Path = DEMO) -> str:
    """How a person calls our command for the service that this process is part of, as a demo or not."""
    settings = _running(demo)
    of_demo = settings and all(os.environ.get(name) == value for name, value in settings.items())
    return DEMO_COMMAND if of_demo else COMMAND


def _running(demo: Path) -> dict[str, str] | None:
    """The settings of the demo that runs here, if one does."""
    try:
        with demo.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found = dotenv_values(stream=file)
                return {name: value for name, value in found.items() if value is not None}
    except (OSError, UnicodeDecodeError):
        pass
    return None  # there is none, or nobody holds it: left behind by one that has ended


def _sentence(item: Any) -> str:
    name = str(item["loc"][0])
    ours = item["type"] == "value_error"
    message = item["msg"].removeprefix("Value error, ") if ours else _allowed(Config.model_fields[name])
    return f"{name.upper()}: {message}"


def _allowed(field: FieldInfo) -> str:
    """What a setting with a choice or limits may be: pydantic's own words are for programmers."""
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return f"must be one of {', '.join(field.annotation)}"
    least, most = (getattr(part, name) for part, name in zip(field.metadata, ("ge", "le"), strict=True))
    number = "whole number" if field.annotation is int else "number"
    return f"must be a {number} of {field.description}, {least} to {most}"
