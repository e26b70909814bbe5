"""The sample files of deploy/, by the real programs in front of a real server."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme
from conftest import KEY, make_config, signed
from databases import new_file
from ports import free_port
from test_serve import Service

DEPLOY = Path(__file__).parent.parent / "deploy"
BODY = b"txn_ref=AA-SI-1&msg=hello&from=%2B6591234567&to=%2B16501234567"


class Proxy:
    """One of the proxies, running in front of a service."""

    under_a_path = False

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.service = Service(new_file(directory / "receiver.db"), directory)
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.log = directory / "proxy.log"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(directory / "authority.pem")
        leaf = authority.issue_cert("localhost")
        leaf.private_key_pem.write_to_path(directory / "key.pem")
        for at, part in enumerate(leaf.cert_chain_pems):
            part.write_to_path(directory / "certificate.pem", append=at > 0)

    def nginx(self) -> list[str]:
        sample = (DEPLOY / "nginx.conf").read_text()
        sample = re.sub(r"listen \S*443 ssl;", "", sample)
        sample = sample.replace("server_name", f"listen 127.0.0.1:{self.port} ssl;\n    server_name")
        sample = re.sub(r"/etc/letsencrypt\S+/fullchain.pem", str(self.directory / "certificate.pem"), sample)
        sample = re.sub(r"/etc/letsencrypt\S+/privkey.pem", str(self.directory / "key.pem"), sample)
        sample = sample.replace("/var/log/nginx", str(self.directory))
        (self.directory / "sample.conf").write_text(self._ours(sample))
        spaces = "".join(
            f"{name}_temp_path {self.directory}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = self.directory / "nginx.conf"
        config.write_text(
            f"daemon off; master_process off; pid {self.directory}/nginx.pid; error_log {self.log};"
            f"events {{}} http {{ {spaces} include {self.directory}/sample.conf; }}"
        )
        test = subprocess.run(["nginx", "-t", "-c", config], capture_output=True, text=True, check=False)
        assert test.returncode == 0, test.stderr
        return ["nginx", "-c", str(config)]

    def caddy(self) -> list[str]:
        sample = (DEPLOY / "Caddyfile").read_text()
        given = f"{self.directory}/certificate.pem {self.directory}/key.pem"
        sample = sample.replace(
            "receiver.example.com {", f"https://localhost:{self.port} {{\n\ttls {given}\n"
        ).replace("{\n", "{\n\tadmin off\n\tauto_https disable_redirects\n", 1)
        config = self.directory / "Caddyfile"
        config.write_text(self._ours(sample))
        return ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]

    def start(self, command: list[str]) -> None:
        self.service.start()
        with self.log.open("ab") as log:
            home = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(self.directory)}
            self.process = subprocess.Popen(command, env=home, stdout=log, stderr=log)
        end = time.monotonic() + 15
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.ask("GET", "/")
                return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def ask(self, method: str, path: str, **given) -> requests.Response:
        authority = self.directory / "authority.pem"
        return requests.request(method, f"{self.url}{path}", verify=authority, timeout=10, **given)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.service.process.poll() is None:
            self.service.kill()

    def _ours(self, sample: str) -> str:
        if self.under_a_path:
            sample = sample.replace("location /callbacks/ {", "location /receiver/callbacks/ {")
            sample = sample.replace("proxy_pass http://receiver;", "proxy_pass http://receiver/callbacks/;")
            sample = sample.replace("handle /callbacks/* {", "handle_path /receiver/* {")
            sample = sample.replace(
                "header_up X-Req", "header_up X-Forwarded-Prefix /receiver\nheader_up X-Req"
            )
        assert "127.0.0.1:8000;" in sample or "127.0.0.1:8000 {" in sample
        return re.sub(r"127\.0\.0\.1:8000(?=;| \{)", f"127.0.0.1:{self.service.port}", sample)


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    if shutil.which(request.param, path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        pytest.skip(f"{request.param} is not installed")
    proxy = Proxy(tmp_path)
    proxy.start(getattr(proxy, request.param)())
    yield proxy
    proxy.close()


@pytest.mark.slow
def test_callbacks_pass_the_sample_proxy_and_nothing_else_does(proxy: Proxy) -> None:
    path = f"/callbacks/{KEY}/sms"
    assert proxy.ask("POST", path, data=BODY, headers=signed(BODY)).status_code == 200
    assert proxy.ask("GET", f"{path}?txn_ref=AA-SI-2&msg={'x' * 20_000}").status_code == 200
    assert proxy.ask("POST", path, data=b"x" * 70_000).status_code == 413
    sms, long = sorted(proxy.service.events(), key=lambda event: event["txn_ref"])
    assert (sms["signature"], sms["sender"]) == ("valid", "+6591234567")
    assert len(long["text"]) == 20_000
    for private in ("/", "/api/v1/events", "/metrics", "/health/ready", "/login"):
        assert proxy.ask("GET", private).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_callbacks_pass_under_a_path_that_the_proxy_takes_away(program: str, tmp_path: Path) -> None:
    if shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        pytest.skip(f"{program} is not installed")
    proxy = Proxy(tmp_path)
    proxy.under_a_path = True
    proxy.start(getattr(proxy, program)())
    try:
        path = f"/receiver/callbacks/{KEY}/sms"
        assert proxy.ask("POST", path, data=BODY, headers=signed(BODY)).status_code == 200
        assert [event["signature"] for event in proxy.service.events()] == ["valid"]
        assert proxy.ask("GET", "/receiver/login").status_code == (404 if program == "nginx" else 421)
    finally:
        proxy.close()


@pytest.mark.slow
def test_no_log_of_the_sample_proxy_holds_the_key_even_while_the_service_is_away(proxy: Proxy) -> None:
    proxy.service.kill()
    answer = proxy.ask("POST", f"/callbacks/{KEY}/sms", data=BODY, headers=signed(BODY))
    assert answer.status_code == 502
    proxy.close()
    logs = [*proxy.directory.glob("*.log")]
    assert logs
    assert not [log.name for log in logs if KEY in log.read_text()]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = (DEPLOY / "receiver.service").read_text()
    found = dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))
    config = make_config(new_file(tmp_path / "receiver.db"), tmp_path)
    assert float(found["TimeoutStopSec"]) > config.stop_timeout + 10
    assert int(found["LimitNOFILE"]) > 2 * config.connection_limit
    ours = unit.replace("/srv/receiver/.venv/bin", str(Path(sys.executable).parent))
    file = tmp_path / "receiver.service"
    file.write_text(ours.replace("User=receiver", "User=root"))
    command = ["systemd-analyze", "verify", file]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
