"""The URL by which a call goes on, which tells us where the call was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from config import Config
from receiver.answering import passed_on
from receiver.answering.passed_on import PassedOn
from receiver.answering.state import State
from receiver.providers.here import Here
from receiver.providers.phone import Phone, ReadsAnswers
from receiver.vocabulary.notification import Parameters


class Onward:
    """Makes these URLs, and finds in a callback what stood in one."""

    def __init__(
        self, config: Config, keys: Callable[[], Sequence[str]], phones: Mapping[str, Phone]
    ) -> None:
        """`keys` gives the callback keys that are accepted, the current one first."""
        secret = "" if config.secret_key is None else config.secret_key.get_secret_value()
        self._public_url, self._keys, self._phones = config.public_url, keys, phones
        self._passed_on = PassedOn(keys, secret)
        readers = {name: phone for name, phone in phones.items() if isinstance(phone, ReadsAnswers)}
        self._missed = {name: phone.missed for name, phone in readers.items()}
        self._names = frozenset({passed_on.NAME, *self._missed.values()})

    def url(self, provider: str, session: str, state: State, now: datetime) -> str:
        """Where a call goes on that will be there then.

        Whoever reads our answers gets it relative to the URL that was answered: so a call that came to the
        second machine stays there.
        """
        word, token = self._phones[provider].word, self._passed_on.token(provider, session, state, now)
        query = f"?{passed_on.NAME}={token}"
        if provider in self._missed:
            return word + query
        if self._public_url is None:
            raise ValueError("PUBLIC_URL is not set")
        return Here(self._public_url, self._keys()[0]).callback(provider, word) + query

    def may_be_in(self, parameters: Parameters) -> bool:
        """Whether a callback may tell where a call was. Takes less than a microsecond."""
        return not parameters.params.keys().isdisjoint(self._names)

    def missed(self, provider: str, parameters: Parameters) -> str | None:
        """The URL of ours that did not answer, if a callback came here because of that."""
        name = self._missed.get(provider)
        return None if name is None else parameters.first(name) or None

    def token(self, provider: str, parameters: Parameters) -> str | None:
        """What stood in the URL that was called, or that should have answered; None if that was none of
        these."""
        token = parameters.first(passed_on.NAME)
        if token is None and (missed := self.missed(provider, parameters)) is not None:
            return passed_on.token_in(missed)
        return token

    def state(self, provider: str, session: str, token: str, now: datetime) -> State:
        """Where a call was that brought this token, or `Unreadable`."""
        return self._passed_on.state(provider, session, token, now)
