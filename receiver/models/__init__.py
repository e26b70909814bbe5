"""The tables. Times are aware UTC, phone numbers and references are text, raw requests are bytes."""

from receiver.models.answering import DECISIONS, Decision, RulesSwitch, RulesVersion
from receiver.models.archive import (
    ARCHIVED,
    DOCUMENTS,
    Archived,
    ArchiveLate,
    ArchiveOrphan,
    ArchiveState,
    Document,
)
from receiver.models.base import Base, Id, Lines, Money, UtcTime, Words
from receiver.models.contacts import CONTACTS, Contact
from receiver.models.counts import ConversationCount, Hour, HourCount, IndexState, NumberCount
from receiver.models.duty import DUTY, DutyRow
from receiver.models.ends import CallWithoutEnd, EndsLate
from receiver.models.events import CONTACT_OF_EVENT, EVENTS, REPEATS, WHOLE_EVENT, Event, Repeat
from receiver.models.jobs import JobState
from receiver.models.journal import SetupLease, SetupStep
from receiver.models.keeping import Intervention, Released
from receiver.models.numbers import AccountRow, CallbackKey, FindingRow, NumberRow, Process
from receiver.models.relay import (
    ATTEMPTS,
    DELIVERIES,
    AttemptRow,
    DeliveryRow,
    LateEvent,
    RelayState,
    ReplayRow,
    TargetRow,
)
from receiver.models.tokens import Token
from receiver.models.users import SavedSearch, SignIn, SignInFailure, User

__all__ = [
    "ARCHIVED",
    "ATTEMPTS",
    "CONTACTS",
    "CONTACT_OF_EVENT",
    "DECISIONS",
    "DELIVERIES",
    "DOCUMENTS",
    "DUTY",
    "EVENTS",
    "REPEATS",
    "WHOLE_EVENT",
    "AccountRow",
    "ArchiveLate",
    "ArchiveOrphan",
    "ArchiveState",
    "Archived",
    "AttemptRow",
    "Base",
    "CallWithoutEnd",
    "CallbackKey",
    "Contact",
    "ConversationCount",
    "Decision",
    "DeliveryRow",
    "Document",
    "DutyRow",
    "EndsLate",
    "Event",
    "FindingRow",
    "Hour",
    "HourCount",
    "Id",
    "IndexState",
    "Intervention",
    "JobState",
    "LateEvent",
    "Lines",
    "Money",
    "NumberCount",
    "NumberRow",
    "Process",
    "RelayState",
    "Released",
    "Repeat",
    "ReplayRow",
    "RulesSwitch",
    "RulesVersion",
    "SavedSearch",
    "SetupLease",
    "SetupStep",
    "SignIn",
    "SignInFailure",
    "TargetRow",
    "Token",
    "User",
    "UtcTime",
    "Words",
]
