"""What an application does with a call: the IVR requests and their notifications (protocol: IVR).

The last digits of a number that is dialled or transferred to decide the result: `DIAL_OUTCOMES`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import request

from .account import ApiError
from .api import Answer, Endpoint, Parameters, required
from .asked import block_of, notify_url, telephone, whole
from .calls import Block, Call
from .course import complete, finish, in_background, send
from .files import recording_link
from .provider import Provider

DIAL_OUTCOMES = {"0001": "busy", "0002": "unanswered", "0003": "failed"}
"""By the last digits of the number; all other numbers answer."""

DIALLED_PARTY_STAYS_SECONDS = 60.0
"""After that long a person who was dialled hangs up, unless the call has ended before."""

_ROOM = re.compile(r"[A-Za-z0-9._]{0,32}")


def _dial(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "dest")
    dest = telephone(parameters["dest"])
    block = block_of(provider, parameters, "dial")
    with provider.account() as (account, _):
        call = Call(
            session=f"S{account.reference()}",
            txn_ref=f"AA-C-{account.reference()}",
            billed_to=dest,
            parties={"dest": dest},
            block=block,
        )
        provider.calls[call.session] = call
    in_background(lambda: _ring(provider, call, _outcome(dest)))
    return {"session": call.session, "txn_ref": call.txn_ref}


def _ring(provider: Provider, call: Call, outcome: str) -> None:
    status = {"dial_status": outcome}
    if outcome != "answered" or not call.block.notify_url:
        with provider.account():
            call.block = replace(call.block, at_end=status)
            if outcome != "answered":
                call.minutes = 0  # nobody talked
        finish(provider, call)
        return
    with provider.account():
        call.state = "ongoing"
        parameters = call.report(status)
    send(provider, call, call.block.notify_url, parameters)
    call.over.wait(DIALLED_PARTY_STAYS_SECONDS)
    if not provider.stopping.is_set():
        finish(provider, call)


def _play(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session")
    block = block_of(provider, parameters, "play")
    # Without a URL to notify after the message, the call ends with it (protocol: after each block).
    return _middle(provider, parameters, block, ends=not block.notify_url)


def _gather(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session", "notify_url")
    max_digits = whole(parameters, "max_digits", 0, 0, 255)
    timeout = whole(parameters, "timeout", 15, 1, 3600)
    attempts = whole(parameters, "attempts", 1, 1, 100)
    block = block_of(provider, parameters, "gather")

    def press(call: Call) -> Block:
        keys, asked = "", 0
        while not keys and asked < attempts:
            keys = call.plan.digits.popleft() if call.plan.digits else ""
            asked += 1
        unanswered = asked if not keys else asked - 1
        digits = keys.partition("#")[0][: max_digits or None]
        return replace(block, result={"digits": digits}, silence=float(timeout * unanswered))

    return _middle(provider, parameters, block, prepare=press)


def _record(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session", "notify_url")
    whole(parameters, "max_duration", 120, 1, 86_400)
    base_url = provider.settings.base_url or request.host_url
    block = block_of(provider, parameters, "record")

    def record(call: Call) -> Block:
        recorded = {"record_url": recording_link(base_url, call)}
        # At the end too: a caller who hangs up while being recorded has still said something.
        return replace(block, result=recorded, at_end=recorded)

    return _middle(provider, parameters, block, prepare=record)


def _monitor(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session", "notify_url")
    block = block_of(provider, parameters, "monitor")
    target = notify_url(provider, parameters, "monitor_notify_url") or block.notify_url
    base_url = provider.settings.base_url or request.host_url

    def begin(call: Call) -> Block:
        if call.monitored:
            raise ApiError("error_monitor_in_progress")
        call.monitored = (target, recording_link(base_url, call))
        return block

    return _middle(provider, parameters, block, prepare=begin)


def _hold(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session")
    block_of(provider, parameters, "hold")
    with provider.account():
        call = _call(provider, parameters)
        _check_ready(call)
        # Hold has no notify URL, so an end while on hold is reported to the step before.
        call.state, call.on_hold = "ongoing", True
    return {}


def _unhold(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session", "notify_url")
    block = block_of(provider, parameters, "unhold")
    with provider.account():
        call = _call(provider, parameters)
        if not call.on_hold:
            raise ApiError("error_session_not_on_hold")
        _begin(call, block)
    in_background(lambda: complete(provider, call, block))
    return {}


def _transfer(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session", "dest")
    dest = parameters["dest"]
    room = dest.removeprefix("room:") if dest.startswith("room:") else None
    if room is None:
        telephone(dest)
    elif not _ROOM.fullmatch(room):
        raise ApiError("error_invalid_room")
    on_failure = parameters.get("on_failure") or "hangup"
    if on_failure not in ("hangup", "continue"):
        raise ApiError("error_on_failure_invalid")
    block = block_of(provider, parameters, "transfer")
    with provider.account() as (account, _):
        call = _call(provider, parameters)
        _check_ready(call, ending=True)
        planned = call.plan.dial
        outcome = "answered" if room is not None else planned.popleft() if planned else _outcome(dest)
        status = {"transfer_status": outcome}
        leaves = call.steps + 1 == call.plan.hangs_up_in
        talk = 0.0 if leaves else call.plan.dial_seconds
        block = replace(
            block, result=status, at_end=status, silence=(talk or 0.0) if outcome == "answered" else 0.0
        )
        _begin(call, block)
        new_room = f"R{account.reference()}" if room == "" else room
    # If answered, the two talk from here on; the next report is that of the end, when one of them hangs up.
    if outcome != "answered":
        in_background(lambda: complete(provider, call, block, ends=on_failure == "hangup"))
    elif talk is not None:
        in_background(lambda: complete(provider, call, block, ends=True))
    return {"room": new_room} if new_room else {}


def _hangup(provider: Provider, parameters: Parameters) -> Answer:
    required(parameters, "session")
    block = block_of(provider, parameters, "hangup")
    forced = parameters.get("force") == "enabled"
    if forced and parameters.get("msg"):
        raise ApiError("error_msg_invalid_length")  # it hangs up at once: there is no time to say anything
    with provider.account():
        call = _call(provider, parameters)
        if not forced:
            _check_ready(call, ending=True)
        call.on_hold, call.busy, call.block = False, True, block
    in_background(lambda: finish(provider, call))
    return {}


def _noted(step: str, endpoint: Endpoint) -> Endpoint:
    """The same, noting in the call what was requested, and whether it was refused."""
    hidden = {"app_id", "access_token", "session", "notify_url"}

    def noting(provider: Provider, parameters: Parameters) -> Answer:
        about = {name: value for name, value in parameters.items() if name not in hidden}
        note = {"step": step, **about}
        with provider.account():
            call = provider.calls.get(parameters.get("session", ""))
            if call is not None:
                call.way.append(note)  # before it is done: it may be the last of the call
        try:
            return endpoint(provider, parameters)
        except ApiError as refusal:
            note["refused"] = refusal.status
            raise

    return noting


IVR_ENDPOINTS: Mapping[str, Endpoint] = {
    "ivr/start/dial": _dial,
    "ivr/middle/play": _noted("play", _play),
    "ivr/middle/gather": _noted("gather", _gather),
    "ivr/middle/record": _noted("record", _record),
    "ivr/middle/monitor": _noted("monitor", _monitor),
    "ivr/middle/hold": _noted("hold", _hold),
    "ivr/middle/unhold": _noted("unhold", _unhold),
    "ivr/end/transfer": _noted("transfer", _transfer),
    "ivr/end/hangup": _noted("hangup", _hangup),
}


def _middle(
    provider: Provider,
    parameters: Parameters,
    block: Block,
    *,
    prepare: Callable[[Call], Block] | None = None,
    ends: bool = False,
) -> Answer:
    """Begin a middle block: it answers the call and reports when done. `prepare` gets the call first."""
    with provider.account():
        call = _call(provider, parameters)
        _check_ready(call)
        if prepare:
            block = prepare(call)
        _begin(call, block)
    in_background(lambda: complete(provider, call, block, ends=ends))
    return {}


def _begin(call: Call, block: Block) -> None:
    """Begin a block. The caller holds the lock."""
    call.state, call.on_hold, call.busy, call.block = "ongoing", False, True, block
    call.steps += 1


def _call(provider: Provider, parameters: Parameters) -> Call:
    """The call that a request names, if it has not ended. The caller holds the lock."""
    call = provider.calls.get(parameters["session"])
    if call is None:
        raise ApiError("error_invalid_session")
    if call.state == "ended":
        raise ApiError("error_session_ended")
    return call


def _check_ready(call: Call, *, ending: bool = False) -> None:
    """Refuse a block while another one runs, and a middle block while on hold."""
    if call.busy or (call.on_hold and not ending):
        raise ApiError("error_session_not_ready")


def _outcome(dest: str) -> str:
    return DIAL_OUTCOMES.get(dest[-4:], "answered")
