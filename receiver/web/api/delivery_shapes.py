"""What the query API answers and takes about targets, deliveries and replays."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from receiver.relay.delivery import DeliveryState
from receiver.relay.target import TargetSort, TargetState
from receiver.web.api.shapes import Cursor, IdList, Time

SomeText = Annotated[str, Field(max_length=500)]
Settings = Annotated[
    dict[str, Any],
    Field(
        description="What a sort wants to know. webhook: `url`, `headers`, `secret`. For the other sorts see "
        "`receiver targets add SORT --help`."
    ),
]
_STRICT = ConfigDict(extra="forbid")


class Target(BaseModel):
    """Where events are delivered that a search finds."""

    id: int
    name: str
    sort: TargetSort
    place: str = Field(description="Where it leads, in a few words.")
    search: str = Field(description="In the search language; empty for every event.")
    ordered: bool = Field(description="Whether events of a call or conversation go one after the other.")
    state: TargetState = Field(
        description="`failing`: its attempts fail one after the other; it is tried less and less often."
    )
    waiting: int = Field(description="Deliveries that are not made yet.")
    dead: int = Field(description="Deliveries that were given up.")
    delivered_at: Time | None = Field(description="The last success.")
    paused_at: Time | None
    paused_why: str | None
    failures: int = Field(description="Failed attempts since the last success.")
    failing_since: Time | None
    failure: str | None = Field(description="Why the last attempt failed.")
    next_try_at: Time | None = Field(description="For a failing one.")
    settings: dict[str, Any] = Field(description="Nothing in it is secret. Empty if `mask` is set.")
    created_at: Time
    created_by: str


class TargetWithSecret(Target):
    """A target, and what its deliveries are verified with: shown this once."""

    secret: str | None = Field(description="Null for a sort without signatures.")


class Targets(BaseModel):
    """All targets, by name."""

    targets: list[Target]


class NewTarget(BaseModel):
    """A target to make."""

    model_config = _STRICT

    name: SomeText
    sort: TargetSort
    settings: Settings
    search: SomeText = ""
    ordered: Annotated[bool, Field(strict=True)] = False


class ChangedTarget(BaseModel):
    """What is to change of a target."""

    model_config = _STRICT

    name: SomeText | None = None
    settings: Settings | None = None
    search: SomeText | None = None
    ordered: Annotated[bool, Field(strict=True)] | None = None


class Reason(BaseModel):
    """Why, for those who look at it later."""

    model_config = _STRICT

    why: SomeText = ""


class Removed(BaseModel):
    """What was removed."""

    removed: str


class Attempt(BaseModel):
    """One attempt at a delivery."""

    began_at: Time
    milliseconds: int
    delivered: bool
    request: str = Field(description="What was sent where, in a line.")
    status: int | None
    reason: str | None = Field(description="Why it failed.")
    answer: str | None = Field(description="The beginning of what the other side said.")


class Delivery(BaseModel):
    """One event on its way to one target."""

    id: int
    target: str
    event_id: int
    replay_id: int | None
    state: DeliveryState
    attempts: int
    status: int | None = Field(description="The HTTP status of the last attempt.")
    reason: str | None = Field(description="Why the last attempt failed, or it was given up.")
    next_try_at: Time | None = Field(description="While it waits.")
    created_at: Time
    done_at: Time | None


class WholeDelivery(Delivery):
    """A delivery with all attempts at it, oldest first."""

    log: list[Attempt]


class DeliveryPage(BaseModel):
    """Deliveries, newest first."""

    deliveries: list[Delivery]
    next: Cursor | None


class Retry(BaseModel):
    """Which deliveries: by id, or all that were given up of one target."""

    model_config = _STRICT

    ids: IdList | None = None
    dead_of: SomeText | None = Field(default=None, description="The name of a target.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.ids is None) == (self.dead_of is None):
            raise ValueError("give either ids or dead_of")
        return self


class RetriedDeliveries(BaseModel):
    """What is tried again."""

    retried: int = Field(
        description="Those delivered already, or being tried right now, are passed over and not counted."
    )


class Cancel(Reason):
    """Which deliveries, by id, and why."""

    ids: IdList


class Cancelled(BaseModel):
    """What is given up."""

    cancelled: int = Field(description="Those that do not wait are passed over and not counted.")


class Replay(BaseModel):
    """Events that are sent to a target once more."""

    id: int
    target: str
    search: str
    state: str = Field(description="`planning`, `sending`, `stopped` or `done`.")
    planned: int = Field(
        description="Deliveries made of it so far; all of them once it is no longer planned."
    )
    waiting: int
    delivered: int
    dead: int
    cancelled: int
    asked_by: str
    asked_at: Time
    ended_at: Time | None = Field(description="When all was planned, or it was stopped.")
    stopped_by: str | None


class ReplayPage(BaseModel):
    """Replays, newest first."""

    replays: list[Replay]
    next: Cursor | None


class NewReplay(BaseModel):
    """What is to be sent where: what a search finds, or events by id."""

    model_config = _STRICT

    to: Annotated[SomeText, Field(description="The name of a target.")]
    search: SomeText | None = Field(default=None, description="May name a time: `since:7d`. Empty for all.")
    event_ids: IdList | None = None
    dry_run: Annotated[bool, Field(strict=True)] = Field(default=False, description="Only count.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.search is None) == (self.event_ids is None):
            raise ValueError("give either search or event_ids")
        return self


class Asked(BaseModel):
    """How many events a replay sends, or the replay that was begun."""

    events: int | None = Field(description="Null unless it was a dry run.")
    replay: Replay | None = Field(description="Null if it was a dry run.")
