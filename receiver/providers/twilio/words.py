"""The provider's words, and what each is in the log."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.vocabulary.kinds import CallOutcome, CallStep, EventState, Kind

PATHS: Mapping[str, Kind] = {
    "voice": Kind.VOICE,
    "sms": Kind.SMS,
    "status": Kind.VOICE,
    "recording": Kind.VOICE,
}
"""The last words of its callback URLs: calls and what they go on to, messages, ends of calls, recordings."""

STEPS = {
    "gather": CallStep.MENU,
    "dial": CallStep.DIALLED,
    "leg": CallStep.DIALLING,
    "record": CallStep.RECORDED,
    "redirect": CallStep.WENT_ON,
    "recording": CallStep.RECORDING_READY,
    "recording-state": CallStep.RECORDING_STATE,
    "absent": CallStep.NOTHING_RECORDED,
    "transcription": CallStep.TRANSCRIBED,
}
"""Its verbs, and what else reports: somebody who was dialled, a recording, what was heard in one."""
STATES = {
    **dict.fromkeys(("queued", "initiated", "ringing"), EventState.RINGING),
    "in-progress": EventState.ONGOING,
    **dict.fromkeys(("completed", "busy", "failed", "no-answer", "canceled"), EventState.ENDED),
}
ENDINGS = {
    "busy": CallOutcome.BUSY,
    "no-answer": CallOutcome.NO_ANSWER,
    "failed": CallOutcome.MISSED,
    "canceled": CallOutcome.CANCELED,
}
"""Not `completed`: a call that only heard a sentence is completed too, and nobody was reached."""
PARTIES = {
    **dict.fromkeys(("completed", "answered", "in-progress"), CallOutcome.ANSWERED),
    "busy": CallOutcome.BUSY,
    "no-answer": CallOutcome.NO_ANSWER,
    "failed": CallOutcome.MISSED,
    "canceled": CallOutcome.CANCELED,
}

WITHHELD = {
    "+266696687": "anonymous",
    "+7378742833": "restricted",
    "+2562533": "blocked",
    "+8656696": "unknown",
    "+86282452253": "unavailable",
}
"""What it gives for the number of a caller who withholds it: a word as it is typed on a telephone's keys."""
