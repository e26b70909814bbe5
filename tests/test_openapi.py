"""The OpenAPI document says what the API does: everything in it is asked, in ways nobody would think of."""

import re
from pathlib import Path

import pytest
import schemathesis
from conftest import API_TOKEN, KEY, make_config, started
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test

from receiver import current
from receiver.relay.planner import Planner
from receiver.relay.target import TargetSort
from receiver.web.api.openapi import document
from receiver.web.api.operation import OPERATIONS

load_all_checks()
# What a search or a time may be is more than a schema can say, so not all that fits it is understood. And the
# token here goes with every request, whatever a check does to it; a test below asks without.
LEFT_OUT = {"positive_data_acceptance", "ignored_auth"}
CHECKED = [check for check in CHECKS.get_all() if getattr(check, "__name__", "") not in LEFT_OUT]
SCHEMA = schemathesis.openapi.from_dict(document())
EXAMPLES = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A log with events of every kind, one of them quarantined, and a target that gets them."""
    path: Path = tmp_path_factory.mktemp("openapi")
    config = make_config(
        f"sqlite:///{path}/receiver.db", path, api_rate=1_000_000, outbound_allow=("127.0.0.0/8",)
    )
    for app in started(config):
        client = app.test_client()
        with app.app_context():
            current.targets().add("shop", TargetSort.WEBHOOK, {"url": "http://127.0.0.1:9/"}, by="tests")
        for kind, body in [
            (
                "sms",
                "txn_ref=AA-SI-1&msg=hello&from=%2B6591110001&to=%2B16500000001&date=2026-01-01+10:00:00",
            ),
            ("voice", "txn_ref=AA-C-1&session=S1&call_state=ringing&from=%2B6591110001&to=%2B6560000001"),
            ("voice", "txn_ref=AA-C-1&session=S1&call_state=ended&duration=2&debit=0.040&currency=SGD"),
            (
                "fax",
                "txn_ref=AA-C-2&fax_status=failed&fax_error_code=busy&from=%2B6591110003&to=%2B6560000002",
            ),
            ("sms", "nothing=known"),
        ]:
            assert client.post(f"/callbacks/{KEY}/{kind}?{body}").status_code == 200
        with app.app_context():
            Planner(current.engine()).plan()
        yield client


@pytest.mark.parametrize(
    "asked",
    [one for one in OPERATIONS if one.path != "/events/stream"],  # that one never ends
    ids=lambda one: f"{one.method} {one.path}",
)
def test_it_does_what_the_document_says(client, asked):
    # `schema.parametrize` would make what is asked while tests are collected: seconds for each worker.
    @EXAMPLES
    def check(case):
        # Without a server in between, what is compressed would be checked as it is.
        headers = {"Authorization": f"Bearer {API_TOKEN}", "Accept-Encoding": "identity"}
        answer = case.call(app=client.application, headers=headers)
        case.validate_response(answer, checks=CHECKED)

    told = HypothesisTestConfig(modes=list(HypothesisTestMode), project=SCHEMA.config)
    ask = create_test(operation=SCHEMA[asked.path][asked.method], test_func=check, config=told)
    ask()


def test_it_describes_every_route(client):
    rules = {
        rule.rule.replace("<", "{").replace(">", "}").replace("rest:", "").replace("int:", "")
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }
    assert rules == {f"/api/v1{one.path}" for one in OPERATIONS}


def test_no_route_answers_without_a_token(client):
    for one in (one for one in OPERATIONS if not one.public):
        path = re.sub(r"\{\w+\}", "1", one.path)
        answer = client.open(f"/api/v1{path}", method=one.method)
        assert (one.path, answer.status_code) == (one.path, 401)


def test_the_document_is_public_and_says_what_each_operation_is_about(client):
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    told = answer.json
    tags = {tag["name"] for tag in told["tags"]}
    for path, methods in told["paths"].items():
        for method, one in methods.items():
            assert set(one["tags"]) <= tags, (path, method)
            assert "example" in one["responses"]["400"]["content"]["application/json"]


def test_no_name_in_the_document_is_one_of_our_modules():
    # Two models of one name get the paths of their modules, and generated clients make classes of these.
    assert not [name for name in document()["components"]["schemas"] if "__" in name]
