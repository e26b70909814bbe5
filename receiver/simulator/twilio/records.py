"""What Twilio remembers: records with its own words, times in ISO 8601, money as text. None of them acts."""

from dataclasses import dataclass, field

API_VERSION = "2010-04-01"

UrlSetting = str
"""A URL as it was configured, with its fragment; empty if it is not set."""


@dataclass
class Number:
    """A number that the account holds, and where its events go."""

    sid: str
    phone_number: str
    friendly_name: str
    country: str
    type: str
    renews: str
    """The day on which the next month is charged."""
    date_created: str
    date_updated: str
    voice_url: UrlSetting = ""
    voice_method: str = "POST"
    voice_fallback_url: UrlSetting = ""
    voice_fallback_method: str = "POST"
    sms_url: UrlSetting = ""
    sms_method: str = "POST"
    sms_fallback_url: UrlSetting = ""
    sms_fallback_method: str = "POST"
    status_callback: UrlSetting = ""
    status_callback_method: str = "POST"
    voice_application_sid: str = ""
    sms_application_sid: str = ""
    trunk_sid: str = ""
    voice_receive_mode: str = "voice"
    voice_caller_id_lookup: bool = False
    address_sid: str = ""
    bundle_sid: str = ""
    identity_sid: str = ""
    emergency_status: str = "Inactive"
    emergency_address_sid: str = ""
    api_version: str = API_VERSION


@dataclass
class Call:
    """A call, or a leg that another call dialled."""

    sid: str
    from_: str
    to: str
    direction: str
    phone_number_sid: str
    date_created: str
    date_updated: str
    status: str = "queued"
    start_time: str | None = None
    end_time: str | None = None
    duration: int | None = None
    price: str | None = None
    parent_call_sid: str | None = None
    forwarded_from: str | None = None
    caller_name: str | None = None


@dataclass
class Message:
    """A message in either direction."""

    sid: str
    from_: str
    to: str
    body: str
    direction: str
    status: str
    num_segments: int
    date_created: str
    date_updated: str
    date_sent: str | None = None
    price: str | None = None
    error_code: int | None = None
    media: list[str] = field(default_factory=list)
    messaging_service_sid: str | None = None


@dataclass
class Media:
    """A file of a message."""

    sid: str
    parent_sid: str
    content_type: str
    content: str
    """In base64."""
    date_created: str


@dataclass
class Recording:
    """A recording of a call; its sound is silence."""

    sid: str
    call_sid: str
    source: str
    status: str
    channels: int
    start_time: str
    date_created: str
    date_updated: str
    duration: int | None = None
    error_code: int | None = None


@dataclass
class Alert:
    """Something that went wrong with a customer's URL."""

    sid: str
    error_code: int
    log_level: str
    alert_text: str
    resource_sid: str
    request_method: str
    request_url: str
    request_variables: str
    request_headers: str
    response_headers: str
    response_body: str
    date_created: str


@dataclass
class Address:
    """A postal address of the customer."""

    sid: str
    customer_name: str
    friendly_name: str
    street: str
    city: str
    region: str
    postal_code: str
    iso_country: str
    date_created: str
    date_updated: str


@dataclass
class Bundle:
    """Documents that a regulator asks for, reviewed by Twilio."""

    sid: str
    friendly_name: str
    iso_country: str
    number_type: str
    status: str
    date_created: str
    date_updated: str


@dataclass
class Application:
    """URLs that count for the numbers that name it in place of their own; all are called by POST."""

    sid: str
    friendly_name: str
    date_created: str
    date_updated: str
    voice_url: UrlSetting = ""
    voice_fallback_url: UrlSetting = ""
    status_callback: UrlSetting = ""
    sms_url: UrlSetting = ""
    sms_fallback_url: UrlSetting = ""
    voice_method: str = "POST"
    voice_fallback_method: str = "POST"
    status_callback_method: str = "POST"
    sms_method: str = "POST"
    sms_fallback_method: str = "POST"


@dataclass
class Service:
    """A messaging service: what takes the messages of its numbers."""

    sid: str
    date_created: str
    date_updated: str
    friendly_name: str = ""
    inbound_request_url: UrlSetting = ""
    inbound_method: str = "POST"
    fallback_url: UrlSetting = ""
    fallback_method: str = "POST"
    use_inbound_webhook_on_number: bool = False
    numbers: list[str] = field(default_factory=list)
    """Their SIDs."""


@dataclass(frozen=True)
class Entry:
    """A ledger entry: what was charged, for which number, and the balance afterwards."""

    date: str
    kind: str
    number: str
    debit: str
    balance: str
    detail: str
