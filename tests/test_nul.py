"""A NUL in what is asked for. PostgreSQL's text has none: nothing is found, and nothing fails."""

import re

import pytest
from conftest import make_config
from test_console import form_token, signed_in

from receiver.access.scopes import Scope

NAMES = (
    "q",
    "name",
    "state",
    "target",
    "search",
    "from",
    "to",
    "number",
    "after",
    "since",
    "range",
    "list",
    "about",
)
API = {"api_tokens": ("token-one",), "api_rate": 1000}
ENDLESS = ("stream", "live", "tail")


@pytest.fixture
def config(database_url, tmp_path):
    return make_config(
        database_url, tmp_path, secret_key="a-secret-for-tests", public_url="http://127.0.0.1/", **API
    )


def addresses(app) -> list[str]:
    """Every page and every endpoint that is read, with a NUL where something is named."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    paths = [
        re.sub(
            r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda part: "1" if part[1] == "int" else "a%00b", rule.rule
        )
        for rule in rules
        if not rule.rule.startswith("/callbacks") and not any(word in rule.rule for word in ENDLESS)
    ]
    asked = "&".join(f"{name}=a%00b" for name in NAMES)
    return [path for path in paths if "%00" in path] + [f"{path}?{asked}" for path in paths]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_no_page_and_no_endpoint_fails(app):
    client = signed_in(app, "ada", Scope.ADMIN)
    headers = {"Authorization": "Bearer token-one"}
    failed = [
        address
        for address in addresses(app)
        if client.get(address, headers=headers if address.startswith("/api/") else None).status_code >= 500
    ]
    assert failed == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_a_name_with_one_is_a_wrong_name(app):
    signed_in(app, "ada", Scope.ADMIN)
    client = app.test_client()
    given = {"form_token": form_token(client, "/login"), "name": "ada\0", "password": "no\0"}
    assert client.post("/login", data=given).status_code == 401
