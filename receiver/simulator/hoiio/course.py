"""How a call goes on by itself: a step is over, somebody hangs up, and the application is told."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from receiver.simulator.statefile import StateError

from .calls import Block, Call
from .provider import Provider
from .tariff import CALL_RATE, charge

log = logging.getLogger(__name__)


def finish(provider: Provider, call: Call) -> None:
    """End a call, charge it, and report that to the step in progress. Does nothing if it has ended."""
    with provider.account() as (account, now):
        if call.state == "ended":
            return
        call.state = "ended"
        minutes = call.minutes_to_bill()
        debit = CALL_RATE * minutes
        billing = charge(account, "call", call.billed_to, debit, now, detail=f"{minutes} min")
        ended = call.report(call.block.at_end) | billing
        ended |= {"duration": str(minutes), "rate": f"{CALL_RATE:.3f}"}
        reports = [(call.block.notify_url, ended)]
        if call.monitored:
            monitor_url, recording = call.monitored
            reports.append((monitor_url, ended | {"ivr_block": "monitor", "monitor_url": recording}))
    try:
        for url, parameters in reports:
            send(provider, call, url, parameters)
    finally:
        call.over.set()


def send(provider: Provider, call: Call, url: str, parameters: Mapping[str, str]) -> None:
    """Send a notification about a call, if there is a URL for it, and unless it gets lost."""
    if not url:
        return
    with provider.account():
        passage = call.plan.notifications.popleft() if call.plan.notifications else "sent"
    if passage == "lost" or (passage == "late" and provider.stopping.wait(call.plan.late_seconds)):
        return
    for _ in range(2 if passage == "doubled" else 1):
        call.deliveries += provider.notify("voice", url, parameters, call.manner)


def complete(provider: Provider, call: Call, block: Block, *, ends: bool = False) -> None:
    """Wait for a block to finish, then report it or the end of the call; nothing if it was cut short."""
    leaves = call.steps == call.plan.hangs_up_in
    seconds = call.block_seconds + (0.0 if leaves else block.silence)
    provider.wait(call.over, seconds * provider.settings.pace)
    if provider.stopping.is_set():
        return
    with provider.account():
        if call.block is not block or call.state == "ended":
            return
        ends = ends or leaves
        if not ends:
            call.busy = False
            # What the block reports now is not reported again at the end.
            call.block = replace(block, at_end={})
            parameters = call.report(block.result)
    if ends:
        finish(provider, call)
    else:
        send(provider, call, block.notify_url, parameters)


def in_background(step: Callable[[], None]) -> None:
    """Continue a call while the request that caused it is answered."""

    def run() -> None:
        try:
            step()
        except StateError as problem:
            log.error("%s", problem)

    threading.Thread(target=run, daemon=True).start()
