"""Applications, whose URLs count for the numbers that name one in place of their own."""

from dataclasses import asdict
from typing import Any

from receiver.simulator.twilio.account import new_sid
from receiver.simulator.twilio.clock import rfc2822, stamp
from receiver.simulator.twilio.endpoint import ACCOUNTS, Answer, Created, Endpoint, Sent
from receiver.simulator.twilio.provider import Provider
from receiver.simulator.twilio.records import Application

_URLS = {
    "VoiceUrl": "voice_url",
    "VoiceFallbackUrl": "voice_fallback_url",
    "StatusCallback": "status_callback",
    "SmsUrl": "sms_url",
    "SmsFallbackUrl": "sms_fallback_url",
}


def _create(provider: Provider, sent: Sent) -> Answer:
    urls = {attribute: sent.url(name) for name, attribute in _URLS.items() if sent.has(name)}
    with provider.account() as (account, now):
        application = Application(
            sid=new_sid("AP"),
            friendly_name=sent.parameter("FriendlyName"),
            date_created=stamp(now),
            date_updated=stamp(now),
            **urls,
        )
        account.applications[application.sid] = application
        return Created(_shown(application, sent))


def _fetch(provider: Provider, sent: Sent) -> Answer:
    with provider.look() as (account, _):
        application = account.applications.get(sent.path["sid"])
    if application is None:
        raise sent.not_found()
    return _shown(application, sent)


def _shown(application: Application, sent: Sent) -> dict[str, Any]:
    account_sid = sent.path["account_sid"]
    urls = {name: getattr(application, name) or None for name in _URLS.values()}
    return (
        asdict(application)
        | urls
        | {
            "account_sid": account_sid,
            "date_created": rfc2822(application.date_created),
            "date_updated": rfc2822(application.date_updated),
            "uri": f"/2010-04-01/Accounts/{account_sid}/Applications/{application.sid}.json",
        }
    )


ENDPOINTS = (
    Endpoint("Applications/create", "POST", f"{ACCOUNTS}/Applications.json", _create),
    Endpoint("Applications/fetch", "GET", f"{ACCOUNTS}/Applications/<sid>.json", _fetch),
)
