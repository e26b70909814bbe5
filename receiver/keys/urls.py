"""Where a number's URLs lead: to this service, by which key, or elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from receiver.providers.base import Provider
from receiver.providers.registry import DEFAULT, PROVIDERS
from receiver.vocabulary.kinds import Kind

CALLBACKS = "/callbacks/"
"""How the path of every callback URL begins: `/callbacks/<key>/<provider>/<kind>`."""


def callback_url(public_url: str, key: str, kind: Kind, provider: Provider = DEFAULT) -> str:
    """Where a provider should POST what arrives of one kind. `public_url` ends in a slash."""
    return f"{public_url.rstrip('/')}{CALLBACKS}{key}/{provider.name}/{kind}"


def holds_key(url: str, secret: str) -> bool:
    """Whether a callback URL is made with this key."""
    return f"{CALLBACKS}{secret}/" in url


def split_path(path: str) -> tuple[str, str]:
    """The key in the path of a callback URL, and what stands behind it. Doubled slashes are one."""
    key, _, rest = path.removeprefix(CALLBACKS).lstrip("/").partition("/")
    return key, rest


def read_path(rest: str) -> tuple[Provider, Kind | None]:
    """What a callback URL says behind its key: `<provider>/<kind>`, or `<kind>` alone for the default.

    An unknown kind is None.
    """
    words = [word for word in rest.lower().split("/") if word]
    provider = PROVIDERS.get(words[0]) if words else None
    kinds = words if provider is None else words[1:]
    kind = _KINDS.get(kinds[0]) if len(kinds) == 1 else None
    return provider or DEFAULT, kind


def kind_of(url: str) -> Kind | None:
    """Which kind a callback URL of ours is for."""
    path = urlsplit(url).path.partition(CALLBACKS)[2]
    return read_path(path.partition("/")[2])[1]


_KEY = re.compile(rf"({CALLBACKS})[^/?#]+((?:/(?:{'|'.join(PROVIDERS)}))?/(?:{'|'.join(Kind)})\b)")
_KINDS = {str(kind): kind for kind in Kind}


class Target(StrEnum):
    """Where a number's URL leads."""

    UNSET = "not set"
    HERE = "this service"
    OLDER_KEY = "this service, older key"
    DEAD_KEY = "this service, dead key"
    """Our address, with a key that is no longer accepted: what arrives is turned away right now."""
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class CallbackUrls:
    """This service's callback URLs; `accepted` has the same with older keys that still work."""

    voice: str
    fax: str
    sms: str
    accepted: tuple[CallbackUrls, ...] = ()

    @classmethod
    def made_with(cls, public_url: str, key: str) -> CallbackUrls:
        """The URLs with one key, and no others."""
        voice, fax, sms = (callback_url(public_url, key, kind) for kind in (Kind.VOICE, Kind.FAX, Kind.SMS))
        return cls(voice, fax, sms)

    def of(self, kind: Kind) -> str:
        """The URL for one kind."""
        return {Kind.VOICE: self.voice, Kind.FAX: self.fax, Kind.SMS: self.sms}[kind]

    def target(self, url: str) -> Target:
        """Where a URL leads."""
        if not url:
            return Target.UNSET
        if url in self._ours:
            return Target.HERE
        if any(older.target(url) is Target.HERE for older in self.accepted):
            return Target.OLDER_KEY
        # Whatever else begins like ours was made by this service, too.
        address = self.voice.partition(CALLBACKS)[0] + CALLBACKS
        return Target.DEAD_KEY if url.startswith(address) else Target.ELSEWHERE

    @property
    def _ours(self) -> set[str]:
        """These URLs, and as they were spelled when there was one provider; both mean the same for ever."""
        urls = {self.voice, self.fax, self.sms}
        return urls | {url.replace(f"/{DEFAULT.name}/", "/") for url in urls}

    def is_ours(self, url: str) -> bool:
        """Whether a URL leads to this service, even with a key that is no longer accepted."""
        return self.target(url) not in (Target.UNSET, Target.ELSEWHERE)


def masked_url(url: str) -> str:
    """A URL without the callback key, if it is one of the kind this service has."""
    return _KEY.sub(r"\1•••\2", url)


def shown_url(url: str) -> str:
    """Host and path of any URL, without what may be secret: callback key, password, query."""
    return re.sub(r"^[a-zA-Z]+://([^/?#]*@)?|[?#].*", "", masked_url(url), flags=re.DOTALL)
