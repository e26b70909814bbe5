"""What buying and updating a number have in common: where its events go, and what excludes what."""

from collections.abc import Mapping
from dataclasses import replace

from receiver.simulator.twilio.endpoint import Sent
from receiver.simulator.twilio.errors import ApiError
from receiver.simulator.twilio.records import Number

_URLS = {
    "VoiceUrl": "voice_url",
    "VoiceFallbackUrl": "voice_fallback_url",
    "SmsUrl": "sms_url",
    "SmsFallbackUrl": "sms_fallback_url",
    "StatusCallback": "status_callback",
}
_METHODS = {
    "VoiceMethod": "voice_method",
    "VoiceFallbackMethod": "voice_fallback_method",
    "SmsMethod": "sms_method",
    "SmsFallbackMethod": "sms_fallback_method",
    "StatusCallbackMethod": "status_callback_method",
}
_TEXTS = {
    "VoiceApplicationSid": "voice_application_sid",
    "SmsApplicationSid": "sms_application_sid",
    "TrunkSid": "trunk_sid",
    "AddressSid": "address_sid",
    "BundleSid": "bundle_sid",
    "IdentitySid": "identity_sid",
    "EmergencyAddressSid": "emergency_address_sid",
    "ApiVersion": "api_version",
}
_WORDS = {
    "VoiceReceiveMode": ("voice_receive_mode", ("voice", "fax")),
    "EmergencyStatus": ("emergency_status", ("Active", "Inactive")),
}
_LONGEST_NAME = 64


def configure(number: Number, sent: Sent, capabilities: Mapping[str, bool]) -> None:
    """Set what was sent and keep the rest; refused, nothing is changed. A URL is cleared by an empty one."""
    changed = replace(number)
    for name, attribute in _URLS.items():
        if sent.has(name):
            setattr(changed, attribute, sent.url(name))
    for name, attribute in _METHODS.items():
        if sent.has(name):
            setattr(changed, attribute, sent.method(name))
    for name, attribute in _TEXTS.items():
        if sent.has(name):
            setattr(changed, attribute, sent.parameter(name))
    _describe(changed, sent)
    _exclude(changed, sent)
    if changed.voice_fallback_url and not changed.voice_url:
        raise ApiError(21405)
    if changed.sms_fallback_url and not changed.sms_url:
        raise ApiError(21406)
    if changed.sms_url and not capabilities["sms"]:
        raise ApiError(21407)
    vars(number).update(vars(changed))


def _describe(changed: Number, sent: Sent) -> None:
    for name, (attribute, words) in _WORDS.items():
        if sent.has(name):
            if sent.parameter(name) not in words:
                raise ApiError(20001, f"{name} must be one of {', '.join(words)}")
            setattr(changed, attribute, sent.parameter(name))
    if sent.has("FriendlyName"):
        if len(sent.parameter("FriendlyName")) > _LONGEST_NAME:
            raise ApiError(20001, f"FriendlyName has more than {_LONGEST_NAME} characters")
        changed.friendly_name = sent.parameter("FriendlyName")
    if (lookup := sent.flag("VoiceCallerIdLookup")) is not None:
        changed.voice_caller_id_lookup = lookup


def _exclude(changed: Number, sent: Sent) -> None:
    """A trunk or an application deletes what it replaces, and a URL deletes the application."""
    if sent.parameter("TrunkSid"):
        changed.voice_application_sid = ""
    elif sent.parameter("VoiceApplicationSid"):
        changed.trunk_sid, changed.voice_url, changed.voice_fallback_url = "", "", ""
    elif sent.parameter("VoiceUrl"):
        changed.voice_application_sid = ""
    if sent.parameter("SmsApplicationSid"):
        changed.sms_url, changed.sms_fallback_url = "", ""
    elif sent.parameter("SmsUrl"):
        changed.sms_application_sid = ""
