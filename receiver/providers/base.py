"""What a provider is to the rest of the house: everything that is asked of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from config import Config
from receiver.outbound.sign_in import SignIn
from receiver.providers.answer import Answer
from receiver.providers.caution import Caution
from receiver.providers.here import Here, Way
from receiver.providers.market import Market
from receiver.providers.numbers import NumberClient
from receiver.providers.phone import Phone
from receiver.vocabulary.answering import Ability
from receiver.vocabulary.errors import OperatorError
from receiver.vocabulary.fields import Sort
from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState, Kind
from receiver.vocabulary.notification import Notification, Parameters
from receiver.vocabulary.verdict import Verdict


class NotConfigured(OperatorError):
    """A setting that only this needs is missing. The message says which."""


class WhichProvider(OperatorError):
    """Several providers would do, and nobody said which."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"say which provider: --provider {' or '.join(names)}")


@dataclass(slots=True)
class Request:
    """A callback as it came, as far as signatures are about it."""

    target: Callable[[], str]
    """Path and query exactly as they came: escapes are signed as they are. Put together when asked for."""
    body: bytes
    header: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A callback that is on stable storage, as far as its answer may depend on it."""

    said: Notification
    parameters: Parameters
    trusted: bool
    """Whether it is out of quarantine, or its signature is valid: strangers hear nothing of the owner's."""
    sender: str | None
    recipient: str | None
    """Both ends in their one spelling."""
    identity: str
    """Of its event."""
    again: bool = False
    """Whether it repeats what was kept before, here or by another process."""


class Answers(Protocol):
    """What a provider that reads answers is told, beside the status. From memory: nothing in here waits."""

    def to(self, kept: Kept) -> Answer:
        """The answer to one callback. The same callback has the same answer, however often it comes."""
        ...

    def usual(self, kind: Kind) -> Answer:
        """What any callback of a kind can be answered with, where there is no answer of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Reception:
    """How one process takes a provider's callbacks: made once, at its start, from the settings."""

    verify: Callable[[Request], Verdict]
    """What the signature of a callback is worth. Without a secret nothing is valid. Never raises or waits."""
    answers: Answers | None = None
    """None if the provider reads nothing but the status."""
    stranger: Callable[[Request], str | None] = lambda _: None
    """Why a callback is plainly not about the account of the settings, if so. Never raises or waits."""
    phone: Phone | None = None
    """How it is told what a call does next; None if it cannot be told."""
    patience: float | None = None
    """Seconds within which a callback has to be answered, even if only that it is not kept. None if its
    provider does not say how long it waits: then an answer that comes late may still be one."""


class Provider(Protocol):
    """One provider. Nothing outside of `receiver.providers` knows more about it than this."""

    @property
    def name(self) -> str:
        """As it stands in URLs, in the log and in commands: a short word in small letters."""
        ...

    @property
    def title(self) -> str:
        """As people write it."""
        ...

    @property
    def zone(self) -> tzinfo:
        """The zone of its dates and of its calendar."""
        ...

    @property
    def pages(self) -> tuple[str, ...]:
        """Our documents that say what we assume of it, by path from the top of the checkout."""
        ...

    # Callbacks. `read` and `same` run on the receive path: they never raise and never wait.

    @property
    def paths(self) -> Mapping[str, Kind]:
        """The last words of its callback URLs, in small letters, and the kind of what comes to each."""
        ...

    @property
    def kept_headers(self) -> tuple[str, ...]:
        """Headers of its own that are worth keeping with a callback."""
        ...

    def secret(self, config: Config) -> str | None:
        """What it signs callbacks with."""
        ...

    def verifies(self, config: Config) -> bool:
        """Whether any callback of its can be verified with these settings."""
        ...

    def reception(self, config: Config) -> Reception:
        """How its callbacks are taken with these settings."""
        ...

    @property
    def vouches(self) -> bool:
        """Whether a valid signature says that a callback is about our account, whatever numbers it names: the
        provider may have some that it does not list."""
        ...

    def cautions(self, config: Config) -> Iterable[Caution]:
        """What of the settings costs callbacks of its, although it can be used."""
        ...

    def sign(self, url: str, body: bytes, secret: str) -> dict[str, str]:
        """The headers with which it would sign a form that it posts to a URL: our own tests are signed so."""
        ...

    @property
    def doubts(self) -> Mapping[str, str]:
        """What of ours may be wrong when a genuine callback of its is quarantined, by the reason."""
        ...

    def read(self, kind: Kind, parameters: Parameters) -> Notification:
        """What a callback says. `kind` is the URL's; plain evidence of another kind overrules it."""
        ...

    def same(self, said: Notification, parameters: Parameters, header: Callable[[str], str]) -> str | None:
        """What two callbacks with one reference share if they are the same; None: all that they say.

        `header` gives one of `kept_headers`, or nothing.
        """
        ...

    def sign_in(self, config: Config) -> SignIn | None:
        """What its server wants to see before it gives out documents; None if a link is enough."""
        ...

    # Answering.

    @property
    def can(self) -> frozenset[Ability]:
        """What it can do with a call and with an SMS."""
        ...

    def speaks(self, language: str) -> bool:
        """Whether it is known to understand a language as it stands in a rules file, `en` or `zh-HK`; also if
        nothing is known of that."""
        ...

    def sent_as(self, text: str) -> int | None:
        """In how many SMS it sends a text, each of which is charged; None if it sends none so long."""
        ...

    # The log.

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters it documents, and the field of an event that each becomes (or its own name)."""
        ...

    @property
    def sorts(self) -> Mapping[str, Sort]:
        """What those of its parameters hold that become no field."""
        ...

    @property
    def measures(self) -> frozenset[str]:
        """Parameters that hold a time or an amount: as words they would say nothing."""
        ...

    @property
    def steps(self) -> Mapping[str, CallStep]:
        """Its words for the steps of a call (`ivr_block` of an event), and what each of them is."""
        ...

    @property
    def tells_afterwards(self) -> bool:
        """Whether it tells of a step only once that is over. Then no step is one in which the caller hung up,
        and that a call is under way says only that something is over: a sentence, say."""
        ...

    @property
    def states(self) -> Mapping[str, EventState]:
        """Its words for how a call stands (`call_state`): `ringing`, `ongoing` or `ended`."""
        ...

    @property
    def endings(self) -> Mapping[str, CallOutcome]:
        """Those of the same words that tell what became of a call in which nothing else happened."""
        ...

    @property
    def parties(self) -> Mapping[str, CallOutcome]:
        """Its words for what became of somebody who was called (`dial_status`, `transfer_status`)."""
        ...

    def filled(self, text: str) -> frozenset[int]:
        """The lengths at which long SMS are cut that this text has exactly: then it may go on in another."""
        ...

    def order(self, txn_ref: str) -> tuple[str, int]:
        """What its references sort by, in the order in which it gave them."""
        ...

    # Numbers.

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of the settings that its API needs."""
        ...

    def configured(self, config: Config) -> bool:
        """Whether its API can be used with these settings."""
        ...

    @property
    def market(self) -> Market:
        """What its numbers are sold by."""
        ...

    def way(self, here: Here, kind: Kind) -> Way | None:
        """What a number has when it brings this kind to this service; None if it does not take the kind."""
        ...

    def client(self, config: Config, sleep: Callable[[float], None]) -> NumberClient:
        """A client of its API that waits by `sleep`. `NotConfigured` without credentials."""
        ...

    def account(self, config: Config) -> tuple[str, str]:
        """Where its API is, and which account is used there. Not secret, but for digests only."""
        ...

    def live(self, config: Config) -> bool:
        """Whether that is the provider itself, and not a stand-in."""
        ...
