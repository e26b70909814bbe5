"""What requests about calls and SMS ask for, read from their parameters."""

import re

from receiver.simulator.telephone import is_international

from .account import ApiError
from .api import Parameters, url_fault
from .calls import Block
from .provider import Provider
from .spoken import heard

_LONGEST_TAG = 256


def block_of(provider: Provider, parameters: Parameters, name: str) -> Block:
    """The block that a request asks for, from the parameters that all blocks share."""
    heard(parameters.get("msg", ""))
    return Block(name, notify_url(provider, parameters, "notify_url"), tag(parameters))


def tag(parameters: Parameters) -> dict[str, str]:
    """The tag that a request wants back, if there is one."""
    given = parameters.get("tag", "")
    if len(given) > _LONGEST_TAG:
        raise ApiError("error_tag_invalid_length")
    return {"tag": given} if given else {}


def notify_url(provider: Provider, parameters: Parameters, name: str) -> str:
    """The URL to notify, if there is one and it can be notified."""
    url = parameters.get(name, "")
    fault = url_fault(url, provider.settings.resolve_hosts) if url else None
    if fault == "invalid":
        raise ApiError("error_invalid_notify_url")
    if fault == "unable_to_resolve":
        raise ApiError("error_unable_to_resolve_notify_url")
    return url


def whole(parameters: Parameters, name: str, default: int, low: int, high: int) -> int:
    """A whole number within limits."""
    text = parameters.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
        raise ApiError(f"error_invalid_{name}")
    return int(text)


def telephone(dest: str) -> str:
    """A number that can be called."""
    if not is_international(dest):
        raise ApiError("error_dest_invalid")
    return dest
