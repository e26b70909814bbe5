"""Settings: all problems at once, no secret in any of it."""

import re
import socket
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from config import Config
from receiver.db.engine import connect
from receiver.settings.choices import Signatures
from receiver.settings.files import CHECKOUT, ConfigError
from receiver.settings.mail import mail_server
from receiver.settings.values import allowed

GOOD = {"CALLBACK_KEYS": "first-key-0123,second-key-0123"}


def problems(**environ: str) -> str:
    with pytest.raises(ConfigError) as raised:
        Config.from_env(GOOD | environ, dotenv=None)
    return str(raised.value)


def test_it_reports_every_problem_together():
    text = problems(
        CALLBACK_KEYS="short", PUBLIC_URL="example.com", SIGNATURES="maybe", DATABASE_URL="mysql://x/y"
    )
    for name in ("CALLBACK_KEYS", "PUBLIC_URL", "SIGNATURES", "DATABASE_URL"):
        assert name in text


def test_it_says_how_to_make_a_missing_callback_key():
    with pytest.raises(ConfigError, match=r"CALLBACK_KEYS: is missing.*secrets\.token_urlsafe"):
        Config.from_env({}, dotenv=None)


def test_it_never_shows_a_secret():
    config = Config.from_env(
        GOOD
        | {"HOIIO_ACCESS_TOKEN": "sesame-token", "API_TOKENS": "sesame-api", "SECRET_KEY": "sesame-key"}
        | {"DATABASE_URL": "postgresql://user:sesame-db@localhost/x"}
        | {"SMTP_URL": "smtp://user:sesame-mail@localhost", "MAIL_FROM": "fax@example.com"},
        dotenv=None,
    )
    assert "sesame" not in repr(config)
    assert "first-key" not in repr(config)
    assert "sesame" not in problems(
        CALLBACK_KEYS="sesame%%%%%", DATABASE_URL="oracle://u:sesame@h/d", API_TOKENS="sesam"
    )


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", ("localhost", 25, False, True, "", "")),
        ("smtp://127.0.0.1:1025/", ("127.0.0.1", 1025, False, True, "", "")),
        ("smtp://[::1]", ("::1", 25, False, True, "", "")),
        ("smtp://mail.example.com", ("mail.example.com", 587, False, False, "", "")),
        ("smtp://u:p@localhost:25", ("localhost", 25, False, False, "u", "p")),
        (
            "smtp://u%40x:p%3A%2F%25%23@Mail.example.com:2525",
            ("mail.example.com", 2525, False, False, "u@x", "p:/%#"),
        ),
        ("smtps://u:p@mail.example.com", ("mail.example.com", 465, True, False, "u", "p")),
    ],
)
def test_a_mail_server_is_spoken_to_in_plain_only_on_this_machine_and_without_a_login(url, server):
    config = Config.from_env(GOOD | {"SMTP_URL": url, "MAIL_FROM": "fax@example.com"}, dotenv=None)
    read = mail_server(config.smtp_url.get_secret_value())
    assert (read.host, read.port, read.tls_at_once, read.plain, read.user, read.password) == server
    assert read.starttls == (not read.plain and not read.tls_at_once)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://sesame@mail.example.com",
        "smtp://",
        "smtp://user:sesame@",
        "smtp://mail.example.com:0",
        "smtp://mail.example.com:sesame",
        "smtp://user:ses/ame@mail.example.com",
        "smtp://user:ses#ame@mail.example.com",
        "smtp://user:ses?ame@mail.example.com",
        "smtp://us@er:sesame@mail.example.com",
        "smtp://sesame@mail.example.com",
        "smtp://user:sesame%0d%0a@mail.example.com",
        "smtp://user:sesame%C3%A4@mail.example.com",
        "smtp://[sesame",
    ],
)
def test_it_says_what_a_mail_server_looks_like_and_no_password(url):
    said = problems(SMTP_URL=url, MAIL_FROM="fax@example.com")
    assert re.search(r"SMTP_URL: (must|needs|may)", said)
    assert not re.search("sesame|ses|ame@", said)


@pytest.mark.parametrize(
    "address", ["fax", "fax@", "a b@example.com", "Fax <fax>", "f\u00e4x@example.com", "<>"]
)
def test_it_says_what_a_mail_address_looks_like(address):
    assert "MAIL_FROM: must look like" in problems(MAIL_FROM=address)


def test_mail_needs_an_address_that_it_comes_from():
    assert "MAIL_FROM: is missing" in problems(SMTP_URL="smtp://localhost")


@pytest.mark.parametrize("zone", ["Singapore time", "../etc/passwd", "/etc/localtime", "Europe"])
def test_it_says_what_a_time_zone_looks_like(zone):
    assert "TIME_ZONE: must be the name" in problems(TIME_ZONE=zone)
    assert Config.from_env(GOOD | {"TIME_ZONE": "Asia/Singapore"}, dotenv=None).time_zone == "Asia/Singapore"


def test_it_reads_a_secret_from_a_file(tmp_path: Path):
    (tmp_path / "token").write_text("from-a-file\n")
    config = Config.from_env(GOOD | {"HOIIO_ACCESS_TOKEN_FILE": str(tmp_path / "token")}, dotenv=None)
    assert config.hoiio_access_token.get_secret_value() == "from-a-file"


def test_it_names_a_secret_file_that_cannot_be_read(tmp_path: Path):
    assert "SECRET_KEY_FILE: cannot read" in problems(SECRET_KEY_FILE=str(tmp_path / "missing"))


def test_it_prefers_the_environment_to_the_dotenv_file(tmp_path: Path):
    (tmp_path / ".env").write_text("SIGNATURES=ignore\nPUBLIC_URL=https://dotenv.example.com\n")
    config = Config.from_env(GOOD | {"SIGNATURES": "require"}, dotenv=tmp_path / ".env")
    assert config.signatures is Signatures.REQUIRE
    assert config.public_url == "https://dotenv.example.com/"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("SIGNATURES", "must be one of require, prefer, ignore"),
        ("LOG_FORMAT", "must be one of auto, json, text"),
        ("LOG_LEVEL", "must be one of info, warning, error, critical"),
        ("MAX_BODY_BYTES", "must be a whole number of bytes, 1024 to 16777216"),
        ("COMMIT_DEADLINE", "must be a number of seconds, 0.1 to 60"),
        ("API_RATE", "must be a whole number of requests a second, 1 to 1000000"),
        ("QUEUE_LIMIT", "must be a whole number of callbacks, 1 to 100000"),
        ("CONNECTION_LIMIT", "must be a whole number of connections, 16 to 100000"),
        ("STOP_TIMEOUT", "must be a number of seconds, 1 to 600"),
        ("SPOOL_LIMIT_MB", "must be a whole number of megabytes, 1 to 1000000"),
        ("QUARANTINE_LIMIT_MB", "must be a whole number of megabytes, 1 to 1000000"),
    ],
)
@pytest.mark.parametrize("value", ["x", "0", "nan", "99999999999"])
def test_it_says_what_a_setting_may_be(name: str, allowed: str, value: str):
    assert problems(**{name: value}) == f"wrong settings:\n  {name}: {allowed}"


@pytest.mark.parametrize(
    "odd", ["a b", "a\tb", "räuber", '"', "<", ">", "{", "}", "|", "^", "\\", "`", "%zz"]
)
def test_it_refuses_a_url_that_http_parsers_turn_away(odd: str):
    assert "PUBLIC_URL: holds what no URL may" in problems(PUBLIC_URL=f"https://x.example.com/{odd}/")


def test_it_takes_a_url_that_is_percent_encoded():
    url = "https://x.example.com/a%20b/~c:d@e!$&'()*+,;=/"
    assert Config.from_env(GOOD | {"PUBLIC_URL": url}, dotenv=None).public_url == url


def test_it_keeps_the_first_callback_key_as_the_current_one():
    config = Config.from_env(GOOD, dotenv=None)
    assert [key.get_secret_value() for key in config.callback_keys] == ["first-key-0123", "second-key-0123"]


@pytest.mark.parametrize("path", ["/callbacks", "/callbacks/", "/callbacks/key/hoiio/sms", "/a/callbacks/"])
def test_public_url_ends_before_what_we_put_behind_it(path: str):
    assert "PUBLIC_URL: must end before /callbacks/" in problems(PUBLIC_URL=f"https://example.com{path}")
    Config.from_env(GOOD | {"PUBLIC_URL": "https://example.com/callbacks-of-ours"}, dotenv=None)


@pytest.mark.parametrize("url", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_it_takes_every_usual_form_of_a_postgresql_url(url: str):
    assert (
        Config.from_env(GOOD | {"DATABASE_URL": url}, dotenv=None).database_url
        == "postgresql+psycopg://u@h/d"
    )


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("u@h1:5433,h2:5434", "h1,h2", "5433,5434"),
        ("u:pass%2Cword@h1,h2:5434", "h1,h2", ",5434"),
        ("h1,h2", "h1,h2", ","),
        ("u@[::1]:5433,[fe80::2]", "::1,fe80::2", "5433,"),
    ],
)
def test_it_takes_several_hosts_as_postgresql_writes_them(hosts: str, host: str, port: str):
    url = f"postgresql://{hosts}/d?target_session_attrs=read-write"
    config = Config.from_env(GOOD | {"DATABASE_URL": url}, dotenv=None)
    made = make_url(config.database_url)
    assert dict(made.query) == {"host": host, "port": port, "target_session_attrs": "read-write"}
    assert (made.drivername, made.database) == ("postgresql+psycopg", "d")
    _, arguments = made.get_dialect()().create_connect_args(made)
    assert (arguments["host"], arguments["port"]) == (host, port)


@pytest.mark.parametrize(
    "password", ["ses@me", "@sesame", "ses@m/e", "s@es?am=e", "1,se@same", "ses#a@me", "ses@m@e", "12/s@me"]
)
def test_it_says_how_to_write_an_at_sign_in_a_password(password: str):
    said = problems(DATABASE_URL=f"postgresql://user:{password}@127.0.0.1,localhost/name")
    assert "DATABASE_URL: has an @ too many: in a password, write @ as %40," in said
    assert not [part for part in re.split(r"\W", password) if len(part) > 2 and part in said]


@pytest.mark.parametrize(
    "password", ["ses/ame", "ses#ame", "ses?ame", "ses:ame", "12/s,me", "1,se/same", "a[b"]
)
@pytest.mark.parametrize("hosts", ["db", "db1,db2:5433"])
def test_other_marks_in_a_password_are_taken_for_what_they_are(password: str, hosts: str):
    url = f"postgresql://user:{password}@{hosts}/name"
    made = make_url(Config.from_env(GOOD | {"DATABASE_URL": url}, dotenv=None).database_url)
    assert (made.username, made.password, made.database) == ("user", password, "name")
    assert (made.host or made.query["host"]) == hosts.replace(":5433", "")


@pytest.mark.parametrize("hosts", ["h1:5432,h2:54x2", "h1,", ",h2", "h1:5432,:5433"])
def test_it_refuses_several_hosts_that_are_misspelled(hosts: str):
    assert "DATABASE_URL: must be" in problems(DATABASE_URL=f"postgresql://u@{hosts}/d")


@pytest.mark.postgres
@pytest.mark.parametrize("dead_first", [True, False])
def test_of_several_hosts_it_uses_the_one_that_lives(postgres: str, dead_first: bool, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        dead = f"127.0.0.1:{probe.getsockname()[1]}"
    given = make_url(postgres)
    alive = f"{given.host or '127.0.0.1'}:{given.port or 5432}"
    hosts = ",".join((dead, alive) if dead_first else (alive, dead))
    user = f"{given.username or 'postgres'}:{given.password or ''}"
    url = f"postgresql://{user}@{hosts}/postgres?target_session_attrs=read-write"
    config = Config.from_env(GOOD | {"DATABASE_URL": url}, dotenv=None)
    engine = connect(config.database_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("10.0.0.0/8", ("10.0.0.0/8", None)),
        ("10.1.2.3:8080", ("10.1.2.3/32", 8080)),
        ("fd00::/8", ("fd00::/8", None)),
        ("::1", ("::1/128", None)),
        ("[FD00::1]:8443", ("fd00::1/128", 8443)),
        ("Hooks.Example.com.", ("hooks.example.com", None)),
        ("*.example.com:81", ("*.example.com", 81)),
        ("my_service", ("my_service", None)),
    ],
)
def test_what_may_be_reached_is_networks_and_hosts(given, meant):
    config = Config.from_env(GOOD | {"OUTBOUND_ALLOW": f" {given} ,,"}, dotenv=None)
    assert config.outbound_allow == (given,)
    what, port = allowed(given)
    assert (str(what), port) == meant


@pytest.mark.parametrize(
    "given",
    [
        *("10.0.0.1/8", "10.0.0.0/33", "127.1", "2130706433", "0x7f000001", "a.0x1", "*", "*.", "a.*.com"),
        *("https://example.com/", "user@example.com", "example.com:0", "example.com:70000", "example.com:x"),
        *("-a.com", "a..b", "a" * 64, "münchen.de", "[::1", "fe80::1%eth0/64", "exa mple.com"),
    ],
)
def test_what_is_neither_is_told_with_an_example(given):
    assert re.search(
        r"OUTBOUND_ALLOW: .*(is not like 10\.0\.0\.0/8|there is no port)",
        problems(OUTBOUND_ALLOW=f"{given},b"),
    )


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("handlers.py", f"{CHECKOUT}/handlers.py"),
        ("../other/my_firm.py", f"{CHECKOUT.parent}/other/my_firm.py"),
        ("/srv/handlers.py", "/srv/handlers.py"),
        ("my_firm.handlers", "my_firm.handlers"),
    ],
)
def test_handlers_are_a_module_or_a_file(given: str, meant: str):
    assert Config.from_env(GOOD | {"HANDLERS": given}, dotenv=None).handlers == meant


@pytest.mark.parametrize("given", ["my firm.py", "1.py", "my-firm.handlers", "handlers/", ".handlers", "a;b"])
def test_what_cannot_be_handlers_is_told_with_an_example(given: str):
    assert "HANDLERS: must be a module such as my_firm.handlers, or a file" in problems(HANDLERS=given)


def test_relative_paths_mean_the_checkout_wherever_a_command_is_run(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"DATABASE_URL": "sqlite:///var/other.db", "SPOOL_DIR": "var/other"}
    config = Config.from_env(GOOD | settings, dotenv=None)
    assert config.database_url == f"sqlite:///{CHECKOUT}/var/other.db"
    assert config.spool_dir == CHECKOUT / "var/other"
    assert "SECRET_KEY_FILE: cannot read no/such" in problems(SECRET_KEY_FILE="no/such")


def test_the_defaults_mean_the_checkout_and_absolute_paths_stay_as_they_are():
    config = Config.from_env(GOOD, dotenv=None)
    assert config.database_url == f"sqlite:///{CHECKOUT}/var/receiver.db"
    assert config.spool_dir == CHECKOUT / "var/spool"
    settings = {"DATABASE_URL": "sqlite:////srv/x.db", "SPOOL_DIR": "/srv/spool"}
    absolute = Config.from_env(GOOD | settings, dotenv=None)
    assert (absolute.database_url, absolute.spool_dir) == ("sqlite:////srv/x.db", Path("/srv/spool"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("RETENTON", "RETENTION"), ("Public_Url", "PUBLIC_URL"), ("API_TOKEN", "API_TOKENS")],
)
def test_it_names_the_right_word_for_a_misspelt_setting(tmp_path: Path, written: str, meant: str):
    (tmp_path / ".env").write_text(f"{written}=sms=90d\nSOMETHING_ELSE=1\n")
    with pytest.raises(ConfigError, match=f"{written}: there is no such setting; did you mean {meant}"):
        Config.from_env(GOOD, dotenv=tmp_path / ".env")


def test_how_long_deliveries_are_remembered_is_a_number_of_days():
    assert Config.from_env(GOOD, dotenv=None).delivery_log.days == 30
    assert Config.from_env(GOOD | {"DELIVERY_LOG": "7d"}, dotenv=None).delivery_log.days == 7
    for wrong in ("7", "0d", "-1d", "7h", "٣d"):
        assert "DELIVERY_LOG: must be a number of days" in problems(DELIVERY_LOG=wrong)
