"""What an endpoint of the API is: a name, a method, a path, and what it makes of a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.simulator.urls import usable

from .errors import ApiError
from .provider import Provider

ACCOUNTS = "/2010-04-01/Accounts/<account_sid>"
"""Where the older API is; below it a path ends in `.json`."""


@dataclass(frozen=True)
class Sent:
    """A request with valid credentials."""

    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    form: Sequence[tuple[str, str]]
    base_url: str
    """Where the sender reaches the simulator, without a slash at the end."""
    url_path: str
    test: bool = False
    """Whether it came with the test credentials."""

    def parameter(self, name: str, default: str = "") -> str:
        """A parameter of query or form; the last one, if it is repeated."""
        return dict([*self.query, *self.form]).get(name, default)

    def has(self, name: str) -> bool:
        """Whether a parameter was sent, if only empty."""
        return any(name == sent for sent, _ in [*self.query, *self.form])

    def flag(self, name: str) -> bool | None:
        """`true` or `false`; None if left out."""
        if not self.has(name):
            return None
        word = self.parameter(name).lower()
        if word not in ("true", "false"):
            raise ApiError(20001, f"{name} must be true or false")
        return word == "true"

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        text = self.parameter(name) or str(default)
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise ApiError(20001, f"{name} is not valid")
        return int(text)

    def not_found(self) -> ApiError:
        """The refusal of a request for what is not there."""
        return ApiError(20404, f"The requested resource {self.url_path} was not found")

    def url(self, name: str) -> str:
        """A full http(s) URL, or empty; the fragment belongs to it."""
        url = self.parameter(name)
        if url and not usable(url):
            raise ApiError(21402, f"{name} is not a valid URL: {url}")
        return url

    def method(self, name: str) -> str:
        """GET or POST."""
        method = self.parameter(name).upper()
        if method not in ("GET", "POST"):
            raise ApiError(21403, f"{name} must be GET or POST")
        return method


@dataclass(frozen=True)
class File:
    """An answer that is not JSON."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Created:
    """An answer with status 201."""

    body: dict[str, Any]


Answer = dict[str, Any] | Created | File | None
"""None is 204, without a body."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint; `name` is for faults and counts."""

    name: str
    method: str
    rule: str
    answer: Callable[[Provider, Sent], Answer]
    tests_too: bool = False
    """Whether test credentials open it."""
