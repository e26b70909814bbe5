"""Files that came with messages."""

import base64
from typing import Any

from receiver.simulator.twilio.account import Account
from receiver.simulator.twilio.clock import rfc2822
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Endpoint, File, Sent
from receiver.simulator.twilio.filters import within
from receiver.simulator.twilio.paging import older
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import Media

from .messages import known_message


def _list_media(provider: Provider, sent: Sent) -> Answer:
    created = within(sent, "DateCreated")
    with provider.look() as (account, _):
        found = [
            account.media[sid]
            for sid in known_message(account, sent).media
            if sid in account.media and created(account.media[sid].date_created)
        ]
        return older(sent, "media_list", found, lambda media: _shown_media(media, sent))


def _fetch_media(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        return _shown_media(_known_media(account, sent), sent)


def _file(provider: Provider, sent: Sent) -> Answer:
    """The path without an extension is the file itself."""
    with provider.look() as (account, _):
        media = _known_media(account, sent)
    return File(base64.b64decode(media.content), media.content_type)


def _delete_media(provider: Provider, sent: Sent) -> Answer:
    with provider.account() as (account, _):
        media = _known_media(account, sent)
        known_message(account, sent).media.remove(media.sid)
        del account.media[media.sid]
    return None


def _known_media(account: Account, sent: Sent) -> Media:
    media = account.media.get(sent.path["media_sid"])
    if media is None or media.parent_sid != sent.path["sid"]:
        raise sent.not_found()
    return media


def _shown_media(media: Media, sent: Sent) -> dict[str, Any]:
    account_sid = sent.path["account_sid"]
    return {
        "sid": media.sid,
        "parent_sid": media.parent_sid,
        "account_sid": account_sid,
        "content_type": media.content_type,
        "date_created": rfc2822(media.date_created),
        "date_updated": rfc2822(media.date_created),
        "uri": f"/2010-04-01/Accounts/{account_sid}/Messages/{media.parent_sid}/Media/{media.sid}.json",
    }


_PATH = f"{ACCOUNTS}/Messages/<sid>/Media"

ENDPOINTS = (
    Endpoint("Media/list", "GET", f"{_PATH}.json", _list_media),
    Endpoint("Media/fetch", "GET", f"{_PATH}/<media_sid>.json", _fetch_media),
    Endpoint("Media/delete", "DELETE", f"{_PATH}/<media_sid>.json", _delete_media),
    Endpoint("Media/file", "GET", f"{_PATH}/<media_sid>", _file),
)
