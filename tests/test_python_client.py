"""The program of docs/api.md, with the client that a public generator makes from the document."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import API_TOKEN, make_config, started
from test_api import fill
from werkzeug.serving import make_server

DOCS = (Path(__file__).parent.parent / "docs/api.md").read_text()
PROGRAM = DOCS.split("```python\n")[1].split("```")[0]


@pytest.fixture
def address(tmp_path):
    """A service with a missed call in its log."""
    for app in started(make_config(f"sqlite:///{tmp_path}/receiver.db", tmp_path)):
        fill(app.test_client())
        server = make_server("127.0.0.1", 0, app)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.port}"
        server.shutdown()
        thread.join()


def generate(address: str, folder: Path) -> None:
    words = ["--url", f"{address}/api/v1/openapi.json", "--meta", "none", "--output-path", "receiver_client"]
    command = [Path(sys.executable).parent / "openapi-python-client", "generate", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_client_made_from_the_document_reads_the_log(address, tmp_path):
    generate(address, tmp_path)

    def run(token: str) -> subprocess.CompletedProcess[str]:
        program = PROGRAM.replace("http://127.0.0.1:8000", address).replace("rcv_…", token)
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run(API_TOKEN)
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    assert line.startswith("+6591110001 20")
    assert line.endswith(" missed")
    refused = run("wrong")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("this token is not known, was revoked, or has ended")
