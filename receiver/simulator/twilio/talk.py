"""A call in progress: it fetches documents and executes their verbs until one side hangs up."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from receiver.simulator.urls import resolved

from .alerts import alert
from .callers import Caller, Course
from .clock import rfc2822, stamp
from .documents import Source, Unanswered, fetch
from .provider import Provider
from .records import Call, Number
from .twiml import VOICE, Verb
from .webhook import Line

_LONGEST_WAY = 100
"""Documents in a call; no source has Twilio's limit, and Record and Redirect can go in circles."""

_ERROR_MESSAGE = "We are sorry, an application error has occurred. Goodbye."
_CHARACTERS_A_SECOND, _PLAY_SECONDS, _KEY_SECONDS = 15, 5.0, 1.0
_LONGEST_LOOP = 1000


class HungUp(Exception):
    """The call is over; the word says who ended it or why."""


class Next(NamedTuple):
    """Another document to fetch, which ends this one."""

    kind: str
    url: str
    method: str
    parameters: Mapping[str, str]


LongVerb = Callable[["Talk", Verb, str], Next | None]
"""A verb with a file of its own. The text is the URL of the document."""


class Talk:
    """One call, executed on the thread that calls `run`."""

    def __init__(
        self,
        provider: Provider,
        line: Line,
        number: Number,
        call: Call,
        caller: Caller,
        *,
        long: Mapping[str, LongVerb],
    ) -> None:
        self.provider, self.line, self.number, self.call, self.caller = provider, line, number, call, caller
        self._long = long
        self.course = Course()
        self.usual: dict[str, str] = {}
        """What every request about the call says, besides its status."""
        self.base_url = ""
        """Where others reach the simulator."""
        self.recordings: list[str] = []
        self.soon: list[Callable[[], None]] = []
        """What happens once the next request was answered, or the call is over."""

    def run(self) -> str:
        """Go through the whole call; returns why it ended."""
        self.set_status("ringing")
        step = Next("voice", self.number.voice_url, self.number.voice_method, {})
        try:
            for _ in range(_LONGEST_WAY):
                following = self._document(step)
                if following is None:
                    return "end of document"
                step = following
        except HungUp as end:
            return str(end)
        except Unanswered:
            self._answer()
            self.hear(_ERROR_MESSAGE)
            return "application error"
        return "too many documents"

    def parameters(self) -> dict[str, str]:
        """What every request about the call says now."""
        return {**self.usual, "CallStatus": self.call.status}

    def set_status(self, status: str) -> None:
        """Note a new status, for the API to show."""
        with self.provider.account() as (_, now):
            self.call.status, self.call.date_updated = status, stamp(now)

    def hear(self, what: str) -> None:
        """Let the caller hear something."""
        self.course.heard.append(what)

    def spend(self, seconds: float) -> None:
        """Let time pass in the call; `HungUp` if the caller hangs up meanwhile."""
        left = self.caller.hangs_up_after - self.course.seconds
        spent = min(seconds, max(left, 0.0))
        self.course.seconds += spent
        if self.provider.stopping.wait(spent * self.provider.settings.pace):
            raise HungUp("simulator stopped")
        if seconds > left:
            raise HungUp("caller hung up")

    def _document(self, step: Next) -> Next | None:
        self.course.step("request", url=step.url, method=step.method, kind=step.kind)
        document, url = fetch(
            self.provider,
            self.line,
            Source(step.kind, step.url, step.method, {**self.parameters(), **step.parameters}),
            known=VOICE,
            resource_sid=self.call.sid,
            fallback=(self.number.voice_fallback_url, self.number.voice_fallback_method),
        )
        self.catch_up()
        for position, verb in enumerate(document.verbs):
            if verb.name == "Reject" and position == 0 and self.course.answered_at is None:
                self.course.step("Reject", reason=verb.get("reason", "rejected"))
                self.set_status("busy" if verb.get("reason") == "busy" else "no-answer")
                raise HungUp("rejected")
            if not (verb.name == "Pause" and self.course.answered_at is None):
                self._answer()
            if following := self._execute(verb, url):
                return following
        self._answer()
        return None

    def _answer(self) -> None:
        if self.course.answered_at is None:
            self.course.answered_at = self.course.seconds
            self.set_status("in-progress")

    def _execute(self, verb: Verb, url: str) -> Next | None:
        if verb.name in ("Say", "Play", "Pause"):
            self.course.step(verb.name, text=verb.text)
            self.spend(self._prompt(verb, url))
            return None
        if verb.name == "Gather":
            return self._gather(verb, url)
        if verb.name in self._long:
            return self._long[verb.name](self, verb, url)
        if verb.name == "Redirect":
            self.course.step("Redirect", url=verb.text)
            return Next("redirect", resolved(url, verb.text), verb.method(), {})
        if verb.name == "Hangup":
            self.course.step("Hangup")
            raise HungUp("hung up on")
        # A Reject that is not the first verb of the call does nothing.
        self.course.step("Reject", ignored=True)
        return None

    def _prompt(self, verb: Verb, url: str) -> float:
        """Let the caller hear a prompt; returns how long it is."""
        if verb.name == "Pause":
            return float(max(verb.whole("length", 1), 1))
        times = verb.whole("loop", 1) or _LONGEST_LOOP
        if verb.name == "Say":
            self.hear(verb.text)
            return times * len(verb.text) / _CHARACTERS_A_SECOND
        self.hear(f"[{verb.get('digits') or resolved(url, verb.text)}]")
        return times * _PLAY_SECONDS

    def _gather(self, verb: Verb, url: str) -> Next | None:
        inputs = verb.get("input", "dtmf").split()
        keys = self.caller.digits.popleft() if "dtmf" in inputs and self.caller.digits else ""
        said = self.caller.speech.popleft() if "speech" in inputs and not keys and self.caller.speech else ""
        prompts = [self._prompt(noun, url) for noun in verb.nouns]
        finish = verb.get("finishOnKey", "#")
        digits, pressed, _ = keys.partition(finish) if finish else (keys, "", "")
        wanted = verb.whole("numDigits", 0)
        if wanted and len(digits) >= wanted:
            digits, pressed = digits[:wanted], ""
        self.course.step("Gather", digits=digits, speech=said)
        if not digits and not said:
            self.spend(sum(prompts) + verb.whole("timeout", 5))
            if verb.get("actionOnEmptyResult") != "true":
                return None
        else:
            # A key stops the prompt: nobody waits for its end.
            self.spend(_KEY_SECONDS * len(digits) if digits else len(said) / _CHARACTERS_A_SECOND)
        found = {"SpeechResult": said, "Confidence": "0.9"} if said else {"Digits": digits}
        if pressed:
            found["FinishedOnKey"] = pressed
        return action("gather", verb, url, found)

    def catch_up(self) -> None:
        """Do what was to happen soon."""
        while self.soon:
            self.soon.pop(0)()

    def now(self) -> str:
        """The time, as callbacks have it."""
        with self.provider.look() as (_, now):
            return rfc2822(stamp(now)) or ""

    def report(self, kind: str, url: str, method: str, parameters: Mapping[str, str]) -> None:
        """Make a status callback: its answer is ignored, and a failure is a warning."""
        reply = self.line.request(kind, url, method, parameters)
        if reply.error:
            alert(self.provider, 15003, "warning", reply, self.call.sid)

    def tell(self, step: Next) -> None:
        """Make a request whose answer nobody hears, since the caller is gone."""
        self.course.step("request", url=step.url, method=step.method, kind=step.kind)
        told = {**self.parameters(), **step.parameters}
        reply = self.line.request(step.kind, step.url, step.method, told)
        if reply.error:
            alert(self.provider, reply.error, "error", reply, self.call.sid)


def action(kind: str, verb: Verb, url: str, found: Mapping[str, str]) -> Next:
    """The request for a verb's action: to the document's own URL, if it names none."""
    return Next(kind, resolved(url, verb.get("action")), verb.method(), found)
