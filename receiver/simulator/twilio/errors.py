"""Twilio's refusals: its codes, with the HTTP status and the message of each."""

from typing import Any

MORE_INFO = "https://www.twilio.com/docs/errors/"

_REFUSALS: dict[int, tuple[int, str]] = {
    10001: (403, "Account is not active"),
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20005: (403, "Account not active"),
    20403: (403, "Forbidden"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    21201: (400, "No 'To' number is specified"),
    21211: (400, "The 'To' number is not a valid phone number"),
    21212: (400, "The 'From' number is not a valid phone number"),
    21220: (400, "The call is not in progress, so it cannot be redirected"),
    21402: (400, "The URL is not valid"),
    21403: (400, "The method is not valid: use GET or POST"),
    21405: (400, "VoiceFallbackUrl needs a VoiceUrl"),
    21406: (400, "SmsFallbackUrl needs an SmsUrl"),
    21407: (400, "Numbers of this type have no SMS"),
    21408: (400, "Permission to send an SMS has not been enabled for the region of the 'To' number"),
    21421: (400, "PhoneNumber is not valid"),
    21422: (400, "PhoneNumber is not available"),
    21451: (400, "AreaCode is not valid"),
    21452: (400, "No phone numbers found in the AreaCode"),
    21457: (400, "AreaCode is not supported"),
    21481: (400, "PageToken is not valid"),
    21602: (400, "The message has no body"),
    21603: (400, "No 'From' number is specified"),
    21604: (400, "No 'To' number is specified"),
    21606: (400, "The 'From' number is not a number of this account that can send messages"),
    21610: (400, "The recipient has unsubscribed"),
    21611: (400, "The 'From' number has too many messages queued"),
    21612: (400, "The 'To' number cannot be reached by SMS"),
    21613: (400, "Address required"),
    21614: (400, "The 'To' number is not a mobile number"),
    21615: (400, "Phone Number Requires a Local Address"),
    21631: (400, "Phone Number Requires an Address but the 'AddressSid' parameter was empty"),
    21649: (400, "Bundle required"),
    21650: (400, "Identity required"),
    21651: (400, "Supporting document required"),
    21710: (409, "The phone number is already in this messaging service"),
    21712: (409, "The phone number is in another messaging service"),
}

CODES = frozenset(_REFUSALS)


class ApiError(Exception):
    """Twilio refuses. Without a code it is one of the refusals whose code is not known."""

    def __init__(self, code: int | None, message: str | None = None, *, status: int | None = None) -> None:
        usual_status, usual = _REFUSALS[code] if code else (400, "Bad Request")
        self.code = code
        self.status = status or usual_status
        self.message = message or usual
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """The body of the answer."""
        known = {"code": self.code, "more_info": f"{MORE_INFO}{self.code}"} if self.code else {}
        return {"message": self.message, "status": self.status, **known}
