"""The page of the API's document: public, whole, and made from the document."""

import re
from html import unescape

import pytest
from conftest import make_config

from receiver.app import create_app
from receiver.web.api.openapi import document
from receiver.web.api.operation import OPERATIONS


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Asked by a stranger; no database is there."""
    path = tmp_path_factory.mktemp("page")
    app = create_app(make_config(f"sqlite:///{path}/none.db", path))
    yield app.test_client().get("/docs/api")
    app.extensions["receiver"].engine.dispose()


def test_it_is_public_and_runs_nothing(page):
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|https?://(?!localhost)", page.text)


def test_every_operation_parameter_and_error_is_on_it(page):
    text = unescape(page.text)
    for one in OPERATIONS:
        assert f"<b>{one.method}</b> <code>{one.path}</code>" in text
        assert coded(" ".join(one.describes.split())) in text
        for parameter in one.parameters:
            assert f"<code>{parameter.name}</code>" in text
            assert coded(parameter.describes) in text
    for tag in document()["tags"]:
        assert f'<h2 id="{tag["name"]}">' in text
    for status in ("400", "401", "403", "408", "413", "429", "503"):
        assert f"<dt>{status}</dt>" in text


def coded(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", text)


def test_its_examples_are_whole(page):
    text = unescape(page.text)
    assert 'curl -H "$H" "$U/events/1"' in text
    assert """curl -X POST -H "$H" --json '{"ids": [1]}' "$U/quarantine/release\"""" in text
    assert "{event_id}" not in "".join(re.findall(r"<pre>curl.*?</pre>", text))
