"""What is wrong with a search: each mistake in a sentence, and all of them at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from receiver.vocabulary.errors import OperatorError


class SearchError(OperatorError, ValueError):
    """A search that cannot be understood. The message names each part that is wrong and says what can be."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__(". ".join(mistakes))
        self.mistakes = mistakes
        """One sentence for each, without a full stop."""


class Mistakes:
    """Collects what is wrong while the rest is read on."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def note(self, mistake: str) -> None:
        """Keep this one for later."""
        self._said[mistake] = None

    @contextmanager
    def noted(self, before: str = "") -> Iterator[None]:
        """What is wrong in this block is kept for later, with `before` in front of each mistake."""
        try:
            yield
        except SearchError as error:
            for mistake in error.mistakes:
                self.note(before + mistake)

    def tell(self) -> None:
        """Raise a `SearchError` of all that was noted, if anything was."""
        if self._said:
            raise SearchError(*self._said)


_OTHER_WORDS = {
    "call": "voice",
    "calls": "voice",
    "message": "sms",
    "messages": "sms",
    "text": "sms",
    "texts": "sms",
    "unanswered": "missed",
}
"""What others say for words that we know: spelled alike may mean the opposite."""


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody may have meant who typed this one."""
    known = [*known]
    if (ours := _OTHER_WORDS.get(word.lower())) in known:
        return ours
    near = difflib.get_close_matches(word.lower()[:40], known, n=1, cutoff=0.7)
    return near[0] if near else None


def unknown(name: str, word: str, known: Iterable[str]) -> SearchError:
    """For a value that is none of the known ones."""
    known = [*known]
    near = meant(word, known)
    use = f"did you mean {near}? Use" if near else "use"
    return SearchError(f"{name}: {word[:40]!r} is unknown; {use} one of {', '.join(known)}")
