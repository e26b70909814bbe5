"""Faxes and recordings for download; the link to a fax expires (protocol: incoming fax)."""

import hashlib
import hmac
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, abort, current_app, request

from receiver.simulator.sound import silent_mp3

from .calls import Call
from .pdf import text_pdf
from .provider import Provider

_EXTENSION = ".pdf"
_RECORDING_SECONDS = 3


def link(base_url: str, name: str, expires: int, key: str) -> str:
    """A link to a fax that works until a time (seconds since 1970, in the simulator's time)."""
    query = urlencode({"Expires": expires, "Signature": _signature(name, str(expires), key)})
    return f"{base_url.rstrip('/')}/files/{name}{_EXTENSION}?{query}"


def recording_link(base_url: str, call: Call) -> str:
    """A link to a new recording of a call. Nothing in the documents says that these expire."""
    call.recordings += 1
    return f"{base_url.rstrip('/')}/files/recordings/{quote(call.session, safe='')}-{call.recordings}.mp3"


def files_blueprint(provider: Provider) -> Blueprint:
    """`/files/`: the PDF for a valid link, 403 for any other."""
    blueprint = Blueprint("files", __name__)

    @blueprint.get("/files/<name>.pdf")
    def fax(name: str) -> Response:
        expires = request.args.get("Expires", "")
        signature = request.args.get("Signature", "")
        expected = _signature(name, expires, provider.settings.access_token)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            abort(403, "The link's signature is not right.")
        with provider.look() as (account, now):
            fax = account.faxes.get(name)
        if int(expires) <= now.timestamp():
            abort(403, "The link has expired.")
        if fax is None:
            abort(404, "There is no such fax any more.")
        head = f"FAX\nFrom: {fax.sender}\nTo:   {fax.recipient}\nDate: {fax.date} (GMT+8)\n\n"
        return current_app.response_class(text_pdf(head + fax.text), mimetype="application/pdf")

    @blueprint.get("/files/recordings/<session>-<int:number>.mp3")
    def recording(session: str, number: int) -> Response:
        with provider.account():
            call = provider.calls.get(session)
            if call is None or not 1 <= number <= call.recordings:
                abort(404, "There is no such recording.")
        return current_app.response_class(silent_mp3(_RECORDING_SECONDS), mimetype="audio/mpeg")

    return blueprint


def _signature(name: str, expires: str, key: str) -> str:
    return hmac.new(key.encode(), f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()
