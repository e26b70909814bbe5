"""The pieces of `make run` that can be seen without starting anything."""

import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from config import Config
from receiver.quickstart.addresses import require_free
from receiver.quickstart.demo import pick_numbers
from receiver.quickstart.errors import QuickstartError
from receiver.quickstart.run import main
from receiver.quickstart.settings import make_env
from receiver.quickstart.story import mask


def test_it_writes_settings_that_are_valid_and_private(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert make_env(path)
    config = Config.from_env({}, dotenv=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(config.callback_keys) == len(config.api_tokens) == 1
    assert config.secret_key is not None
    assert [file.name for file in tmp_path.iterdir()] == [".env"]


def test_it_never_overwrites_settings(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("CALLBACK_KEYS=the-key-in-use\n")
    assert not make_env(path)
    assert path.read_text() == "CALLBACK_KEYS=the-key-in-use\n"


def test_it_leaves_a_dangling_link_to_settings_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.symlink_to(tmp_path / "not-mounted-yet")
    assert not make_env(path)
    assert path.is_symlink()


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(QuickstartError) as caught:
            require_free(("127.0.0.1", port))
    sentence = str(caught.value)
    assert f"Port {port} on 127.0.0.1 is in use" in sentence
    assert "make run LISTEN=127.0.0.1:" in sentence


@pytest.mark.parametrize("listen", ["8000", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:0", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    result = CliRunner().invoke(main, ["--listen", listen])
    assert result.exit_code == 2
    assert "is not a host and a port" in result.output


def test_it_takes_a_number_for_voice_and_sms_and_one_for_fax() -> None:
    fax = {"number": "+6565311001", "mode": "FAX", "capabilities": ["VOICE", "FAX"]}
    voice = {"number": "+12132340001", "mode": "VOICE", "capabilities": ["VOICE", "SMS"]}
    assert pick_numbers({"numbers": [fax, voice]}) == {"fax": "+6565311001", "voice": "+12132340001"}


def test_it_takes_no_number_that_cannot_do_it() -> None:
    unused = {"number": "+6565311001", "mode": "VOICE", "capabilities": ["VOICE", "FAX"]}
    assert pick_numbers({"numbers": [unused]}) == {}


def test_a_masked_key_does_not_give_it_away() -> None:
    assert mask("s3cr3t-callback-key") == "s3c…"


def test_the_readme_names_every_setting() -> None:
    readme = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    assert [name for name in Config.model_fields if f"`{name.upper()}`" not in readme] == []
