"""Can the module of the owner's own handlers be loaded?"""

from __future__ import annotations

from receiver.doctor.check import Check, Patient
from receiver.handlers.load import LoadError
from receiver.numbers.findings import Finding, error
from receiver.relay.handlers.learn import learn
from receiver.relay.sender import TargetError
from receiver.vocabulary.printable import sentence


def look(patient: Patient, found: list[Finding]) -> str:
    if patient.config.handlers is None:
        return "none"
    mend = "Correct it, and see `receiver handlers check`."
    try:
        handlers = learn(patient.config.handlers)
    except LoadError as problem:
        found.append(error("handlers-broken", f"The handlers cannot be loaded: {problem}.", mend))
        return ""
    for handler in handlers:
        try:
            handler.target_search()
        except TargetError as problem:
            said = f"The search of the handler {handler.name} is none: {sentence(str(problem))}"
            found.append(error("handlers-broken", said, mend, handler.name))
    return f"{len(handlers)} in the module"


CHECK = Check("handlers", look, without_database=True)
