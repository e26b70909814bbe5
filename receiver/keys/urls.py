"""Where a number's URLs lead: to this service, by which key, or elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from receiver.vocabulary.kinds import Kind


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

    def of(self, kind: Kind) -> str:
        """The URL for one kind."""
        return {Kind.VOICE: self.voice, Kind.FAX: self.fax, Kind.SMS: self.sms}[kind]

    def target(self, url: str) -> Target:
        """Where a URL leads."""
        if not url:
            return Target.UNSET
        if url in (self.voice, self.fax, self.sms):
            return Target.HERE
        if any(older.target(url) is Target.HERE for older in self.accepted):
            return Target.OLDER_KEY
        # Ours end in <key>/<kind>; whatever else begins like ours was made by this service, too.
        address = self.voice.rpartition("/")[0].rpartition("/")[0]
        return Target.DEAD_KEY if url.startswith(f"{address}/") else Target.ELSEWHERE


def masked_url(url: str) -> str:
    """A URL without the callback key, if it is one of the kind this service has."""
    return re.sub(r"/callbacks/[^/?#]+/(voice|fax|sms)\b", r"/callbacks/•••/\1", url)


def shown_url(url: str) -> str:
    """Host and path of any URL, without what may be secret: callback key, password, query."""
    return re.sub(r"^[a-zA-Z]+://([^/?#]*@)?|[?#].*", "", masked_url(url), flags=re.DOTALL)
