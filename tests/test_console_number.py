"""The page of a number: what is known of it, and the test that a button posts."""

import csv
import io
import json
import re

import pytest
from conftest import KEY, OLD_KEY
from firm import serving
from test_console import form_token, signed_in

from receiver import current
from receiver.access.scopes import Scope


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("firm"), secret_key="a-secret-for-tests") as firm:
        with firm.app.app_context():
            of = current.provider()
            current.watch().remember(of.name, current.number_client(of).subscribed_numbers())
        yield firm


def numbers(firm) -> dict[str, str]:
    """The firm's numbers, by what they are for."""
    voice, fax, sms = (number["number"] for number in firm.simulator.account["numbers"])
    return {"voice": voice, "fax": fax, "sms": sms}


def test_a_number_is_tested_by_a_button(firm):
    client, number = signed_in(firm.app, "olga", Scope.OPERATE), numbers(firm)["voice"]
    page = client.get("/numbers").text
    assert f'class="open" href="/numbers/{number}"' in page
    page = client.get(f"/numbers/{number}").text
    assert "never tested" in page
    assert "Nothing has arrived for this number yet." in page
    assert client.post(f"/numbers/{number}", data={}).status_code == 400
    tested = client.post(f"/numbers/{number}", data={"form_token": form_token(client)}).text
    event = re.search(r"the test arrived after \d+ ms as <a href=\"/events/(\d+)\"", tested)[1]
    assert f", event {event}</a>" in client.get(f"/numbers/{number}").text
    assert "Test by this service" in client.get(f"/events/{event}").text
    for key in (KEY, OLD_KEY):
        assert key not in page + tested


def test_what_leads_elsewhere_is_not_tested(firm):
    client, number = signed_in(firm.app, "otto", Scope.OPERATE), numbers(firm)["sms"]
    page = client.get(f"/numbers/{number}").text
    assert "other.example.com" in page
    assert "<button>Test</button>" not in page
    tested = client.post(f"/numbers/{number}", data={"form_token": form_token(client)}).text
    assert "arrived after" not in tested


def test_only_operators_test(firm):
    client, number = signed_in(firm.app, "rita", Scope.READ), numbers(firm)["fax"]
    page = client.get(f"/numbers/{number}").text
    assert "here, older key" in page
    assert "<button>Test</button>" not in page
    answer = client.post(f"/numbers/{number}", data={"form_token": form_token(client)})
    assert (answer.status_code, "requires the role operate" in answer.text) == (403, True)
    assert client.get("/numbers/+6500000000").status_code == 404


def test_a_mask_hides_the_number_on_its_page(firm):
    client, number = signed_in(firm.app, "mona", Scope.OPERATE), numbers(firm)["voice"]
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})
    # In the address of the form that lifts the mask it has to stay.
    page = client.get(f"/numbers/{number}").text.replace(f'name="next" value="/numbers/{number}"', "")
    assert number not in page
    assert number.removeprefix("+") not in page


def test_the_list_of_numbers_is_filtered_and_exported(firm):
    client, fax = signed_in(firm.app, "nora", Scope.READ), numbers(firm)["fax"]
    for wish, left in ((fax[:4], [fax]), (f"{fax[1:5]} FAX here", [fax]), (f"{fax} elsewhere", [])):
        page = client.get("/numbers", query_string={"q": wish}).text
        assert re.findall(r'class="open" href="/numbers/([^"]+)"', page) == left
        given = {"q": wish, "format": "ndjson"}
        lines = client.get("/export/numbers", query_string=given).text.splitlines()
        assert [json.loads(line)["number"] for line in lines] == left
    rows = list(csv.DictReader(io.StringIO(client.get("/export/numbers").text.lstrip("\ufeff"))))
    assert {row["number"].lstrip("'"): row["calls_to"] for row in rows}[fax] == "here, older key"
    client.post("/mask", data={"form_token": form_token(client), "on": "1"})
    assert fax not in client.get("/export/numbers").text
