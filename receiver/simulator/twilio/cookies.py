"""Cookies of conversations: what is set for a message comes back with the next one of the same two."""

from collections.abc import Hashable
from datetime import datetime, timedelta

from requests.cookies import RequestsCookieJar

_KEPT = timedelta(hours=4)


class Cookies:
    """A jar for each conversation, until nothing was said in it for four hours. Not thread-safe by itself."""

    def __init__(self) -> None:
        self._jars: dict[Hashable, tuple[datetime, RequestsCookieJar]] = {}

    def of(self, conversation: Hashable, now: datetime) -> RequestsCookieJar:
        """The jar of a conversation that goes on now."""
        self._jars = {each: (said, jar) for each, (said, jar) in self._jars.items() if now - said < _KEPT}
        _, jar = self._jars.get(conversation, (now, RequestsCookieJar()))
        self._jars[conversation] = now, jar
        return jar
