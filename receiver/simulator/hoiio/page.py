"""A page for the browser: the account, and how to make something arrive."""

from flask import Blueprint, Response, current_app, render_template, request

from receiver.simulator.control import overview

from .control import owned
from .provider import Provider


def page_blueprint(provider: Provider) -> Blueprint:
    """`/`: one self-contained HTML page that changes nothing."""
    blueprint = Blueprint("page", __name__, template_folder="templates")

    @blueprint.get("/")
    def account() -> Response:
        html = render_template("account.html", base_url=request.host_url, **overview(provider, owned))
        response = current_app.response_class(html, mimetype="text/html")
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return response

    return blueprint
