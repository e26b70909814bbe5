"""`/metrics`, as Prometheus reads it."""

import threading

import pytest
from conftest import API_TOKEN, KEY, OLD_KEY, make_config, signed, started
from firm import Firm, provider
from prometheus_client.parser import text_string_to_metric_families
from test_docs import table

from receiver.app import create_app
from receiver.background.integrity import Whole
from receiver.db import schema
from receiver.search.index import LogIndex

SMS = b"txn_ref=AA-SI-1&from=%2B6591234567&to=%2B6511111111&msg=x&date=2026-01-31+12:00:00"


def scrape(client) -> dict[str, float]:
    """Samples by name and labels, as they are written."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert answer.status_code == 200, answer.text
    samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return samples


def test_nobody_reads_it_without_a_token(client):
    assert client.get("/metrics").status_code == 401


def test_the_public_side_has_none(config):
    app = create_app(config, private=False)
    assert app.test_client().get("/metrics").status_code == 404


def test_it_counts_callbacks_and_commits(client, app):
    before = scrape(client)
    assert before["receiver_callbacks_total{kind=sms,outcome=stored}"] == 0
    for key in (KEY, OLD_KEY, OLD_KEY):
        client.post(f"/callbacks/{key}/sms", data=SMS, headers=signed(SMS))
    client.post(f"/callbacks/{KEY}/fax", data=b"txn_ref=F-1&fax_status=answered")
    after = scrape(client)
    assert after["receiver_callbacks_total{kind=sms,outcome=stored}"] == 3
    assert after["receiver_callbacks_total{kind=fax,outcome=stored}"] == 1
    assert sum(value for name, value in after.items() if name.startswith("receiver_older_key")) == 2
    assert after["receiver_commit_seconds_count"] == 4
    assert 0 < after["receiver_commit_seconds_sum"] < 10
    assert after["receiver_commit_seconds_bucket{le=+Inf}"] == 4
    assert (after["receiver_database_up"], after["receiver_queue_length"]) == (1, 0)
    assert after["receiver_index_behind_events"] >= 2
    LogIndex(app.extensions["receiver"].engine).catch_up()
    assert scrape(client)["receiver_index_behind_events"] == 0


def test_it_shows_what_waits_while_the_database_is_away(app, client):
    schema.downgrade(app.extensions["receiver"].engine, "base")
    assert client.post(f"/callbacks/{KEY}/sms", data=SMS, headers=signed(SMS)).status_code == 200
    shown = scrape(client)
    assert shown["receiver_callbacks_total{kind=sms,outcome=spooled}"] == 1
    assert shown["receiver_database_up"] == 0
    assert shown["receiver_spool_records{state=waiting}"] == 1
    assert shown["receiver_spool_oldest_seconds"] >= 0
    assert 0 < shown["receiver_spool_bytes"] < shown["receiver_spool_limit_bytes"] == 1024**3
    assert "receiver_numbers" not in shown


def test_it_shows_that_the_spool_cannot_be_read(app, client, config):
    config.spool_dir.write_text("in the way")
    assert scrape(client)["receiver_spool_up"] == 0


def test_it_can_be_read_while_no_thread_can_be_had_for_the_spool(client, monkeypatch):
    start = threading.Thread.start

    def start_others(thread):
        if thread.name == "asking":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    assert scrape(client)["receiver_spool_up"] == 0


def test_it_counts_what_is_not_trusted(client):
    client.post(f"/callbacks/{KEY}/sms", data=SMS, headers={"X-Hoiio-Signature": "f" * 64})
    shown = scrape(client)
    assert 0 < shown["receiver_quarantine_bytes"] < shown["receiver_quarantine_limit_bytes"]


@pytest.fixture
def firm(tmp_path):
    with provider() as simulator:
        yield Firm(simulator, tmp_path, 1)


def test_it_shows_numbers_masked_findings_and_jobs(firm):
    number = firm.simulator.subscribe("US", "CA")
    for app in started(firm.config()):
        parts, client = app.extensions["receiver"], app.test_client()
        parts.schedule.run_due()
        shown = scrape(client)
        raw = client.get("/metrics", headers={"Authorization": f"Bearer {API_TOKEN}"}).text
    assert number not in raw
    assert number.removeprefix("+") not in raw
    (days,) = [value for name, value in shown.items() if name.startswith("receiver_number_expiry_days")]
    assert 27 < days < 32
    assert shown["receiver_findings{code=not-configured,severity=warning}"] == 1
    assert shown["receiver_job_failing{job=watch}"] == 0
    assert shown["receiver_job_age_seconds{job=watch}"] < 60
    assert shown["receiver_account_balance{currency=SGD,provider=hoiio}"] == 96
    assert (shown["receiver_processes"], shown["receiver_provider_failures{provider=hoiio}"]) == (1, 0)


def test_each_metric_is_explained(app, client):
    app.extensions["receiver"].integrity.known = Whole.OK
    said = client.get("/metrics", headers={"Authorization": f"Bearer {API_TOKEN}"}).text
    families = {family.name for family in text_string_to_metric_families(said)}
    explained = {name.partition("{")[0].removesuffix("_total") for name in table("`/metrics`")}
    assert explained == {name for name in families if name.startswith("receiver_")}


def test_it_speaks_openmetrics_too(client):
    answer = client.get(
        "/metrics",
        headers={"Authorization": f"Bearer {API_TOKEN}", "Accept": "application/openmetrics-text"},
    )
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_it_can_be_read_while_nothing_is_set_up(tmp_path):
    for app in started(make_config(f"sqlite:///{tmp_path}/x.db", tmp_path, hoiio_access_token=None)):
        assert scrape(app.test_client())["receiver_numbers"] == 0
