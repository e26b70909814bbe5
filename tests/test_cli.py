"""The `receiver` command as a whole: help, completion, what it loads, and where it can be run."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import click
import forks
import pytest
from click.testing import CliRunner
from conftest import KEY

from receiver import __version__
from receiver.cli.commands import MEANT, SECTIONS
from receiver.cli.lazy import Commands, Later
from receiver.cli.main import root
from receiver.cli.operation import known_errors
from receiver.db import schema
from receiver.db.engine import connect
from receiver.vocabulary.errors import OperatorError

ROOT = Path(__file__).parent.parent
HEAVY = {
    *("alembic", "granian", "phonenumbers", "prometheus_client", "requests", "rich.console"),
    *("receiver.doctor", "receiver.web", "structlog"),
}
"""What no listing needs."""


def commands(group: Commands = root, path: str = "") -> dict[str, click.Command]:
    """Every command by its whole name, unloaded."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        full = f"{path} {name}".strip()
        found |= commands(command, full) if isinstance(command, Commands) else {full: command}
    return found


def test_no_command_has_an_option_twice():
    for name in commands():
        parent, _, last = name.rpartition(" ")
        group = root
        for word in parent.split():
            group = group.get_command(click.Context(group), word)
        command = group.get_command(click.Context(group), last)
        names = [word for parameter in command.params for word in parameter.opts]
        assert len(names) == len(set(names)), name


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Settings with an empty, upgraded database."""
    engine = connect(f"sqlite:///{tmp_path}/receiver.db")
    schema.upgrade(engine)
    engine.dispose()
    path = tmp_path / "some.env"
    path.write_text(
        f"CALLBACK_KEYS={KEY}\nDATABASE_URL=sqlite:///{tmp_path}/receiver.db\nSPOOL_DIR={tmp_path}/spool\n"
    )
    return path


def python(*words: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the checkout on its path, as an editable install has it, and no settings."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, *words],
        check=False,
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"} | environ,
        capture_output=True,
        text=True,
    )


def receiver(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Our own command, which finds loaded what it needs."""
    return forks.receiver(words, {"PATH": os.environ["PATH"], "COLUMNS": "80"} | environ)


# --- help ---


def test_help_shows_every_command_in_its_section_with_a_whole_sentence():
    shown = CliRunner().invoke(root, ["--help"], prog_name="receiver", terminal_width=80).output
    assert shown.startswith("Usage: receiver ")
    for title, members in SECTIONS.items():
        section = shown.split(f"\n{title}:\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()] == [one.name for one in members]
        assert all(line.endswith(".") and "..." not in line for line in section.splitlines())


@pytest.mark.parametrize("name", commands())
def test_a_command_says_of_itself_what_the_list_says_of_it(name: str):
    command = commands()[name]
    assert isinstance(command, Later)
    loaded = command.load()
    first = re.sub(r"\s+", " ", (loaded.help or "").split("\n\n")[0]).strip()
    assert first == command.get_short_help_str(200)
    context = click.Context(loaded, info_name=name, terminal_width=80)
    assert max(map(len, loaded.get_help(context).splitlines())) <= 80


@pytest.mark.parametrize("name", commands())
def test_every_option_is_explained(name: str):
    command = commands()[name]
    assert isinstance(command, Later)
    options = [one for one in command.load().params if isinstance(one, click.Option)]
    assert [one.name for one in options if not (one.help or "").endswith((".", "?"))] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evnts"], "No such command 'evnts'. Did you mean 'events'?"),
        (["numbers", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        (["faxes"], "No such command 'faxes'. Did you mean 'events kind:fax'?"),
        (["handled"], "No such command 'handled'. Did you mean 'calls handled'?"),
        (["db", "upgrad"], "No such command 'upgrad'. Did you mean 'upgrade'?"),
    ],
)
def test_an_unknown_command_suggests_the_nearest(words: list[str], said: str):
    done = CliRunner().invoke(root, words, prog_name="receiver")
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_mistyped_command_that_is_searched_for_is_mentioned(env_file: Path):
    done = receiver("-e", str(env_file), "events", "shwo")
    assert done.returncode == 0
    assert "Searching for 'shwo'. Did you mean the command 'show'?" in done.stderr
    assert "Did you mean" not in receiver("-e", str(env_file), "events", "invoice").stderr


@pytest.mark.parametrize(("word", "meant"), MEANT.items())
def test_what_is_meant_by_other_words_is_a_command(word: str, meant: str):
    group, _, rest = meant.partition(" ")
    assert word not in root.commands
    command = root.commands[group]
    assert not rest or ":" in rest or (isinstance(command, Commands) and rest in command.commands)


def test_help_writes_a_lifetime_as_it_is_typed():
    assert "12h|90d|52w" in CliRunner().invoke(root, ["tokens", "create", "--help"]).stdout


def test_the_version_is_ours():
    assert receiver("--version").stdout == f"Receiver {__version__}\n"


def test_the_readme_names_every_command():
    rows = re.findall(r"^\| (`.*?) \|", ROOT.joinpath("README.md").read_text(), re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"[a-z][a-z-]+", row)}
    words = {word for name in commands() for word in name.split()} - {"list"}
    assert words <= named


# --- what is installed, and where it runs ---


def test_the_installed_command_is_this_one():
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())
    module, _, function = project["project"]["scripts"]["receiver"].partition(":")
    assert getattr(import_module(module), function).__module__ == "receiver.cli.__main__"


def test_it_runs_in_any_directory(env_file: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "config.py").write_text("raise SystemExit('the wrong config')")
    script = "import sys; sys.path.pop(0); from receiver.cli.main import main; main()"
    done = python("-c", script, "-e", "../some.env", "events", "--json", cwd=elsewhere)
    assert json.loads(done.stdout) == {"events": [], "next": None}
    assert sorted(path.name for path in elsewhere.iterdir()) == ["config.py"]


def test_the_environment_goes_before_the_env_file(env_file: Path, tmp_path: Path):
    shown = receiver("-e", str(env_file), "db", "current", DATABASE_URL=f"sqlite:///{tmp_path}/other.db")
    assert shown.stdout.startswith("database empty, needed ")


def test_an_env_file_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "latin1.env").write_bytes(b"X=\xe9\n")
    for name, said in (("missing.env", "does not exist"), ("latin1.env", "it is not UTF-8 text")):
        done = receiver("-e", str(tmp_path / name), "events")
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())


def test_wrong_settings_are_told_in_sentences(env_file: Path):
    done = receiver("-e", str(env_file), "events", SIGNATURES="perhaps", API_RATE="x")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: wrong settings:",
        "  SIGNATURES: must be one of require, prefer, ignore",
        "  API_RATE: must be a whole number of requests a second, 1 to 1000000",
    ]


def test_the_flask_command_has_the_same_commands(env_file: Path):
    help_text = python("-m", "flask", "-e", str(env_file), "--help").stdout
    assert all(f"\n  {name} " in help_text for name in root.commands)
    assert python("-m", "flask", "-e", str(env_file), "events").stderr == "no events match\n"


# --- errors ---


def test_an_error_for_the_operator_is_one_sentence_whoever_raises_it():
    class OfSomeRoom(OperatorError):
        pass

    @click.command()
    def command() -> None:
        with known_errors():
            raise OfSomeRoom("the drawer is stuck: pull harder")

    done = CliRunner().invoke(command)
    assert (done.exit_code, done.stderr) == (1, "Error: the drawer is stuck: pull harder\n")


# --- what it loads ---


def loaded(*words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    script = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(list(sys.modules)), file=sys.stderr))\n"
        "from receiver.cli.main import main\n"
        "main()\n"
    )
    done = python("-c", script, *words)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", ["--help", "events --help", "numbers --help"])
def test_help_loads_neither_the_application_nor_a_command(words: str):
    modules = loaded(*words.split())
    assert modules.isdisjoint({"flask", "sqlalchemy", "pydantic", "config", "receiver.current"} | HEAVY)


@pytest.mark.parametrize("words", ["events", "calls", "conversations", "users list", "tokens list"])
def test_a_listing_loads_only_what_it_needs(env_file: Path, words: str):
    assert loaded("-e", str(env_file), *words.split()).isdisjoint(HEAVY)


def test_garbage_is_collected_once_the_application_is_built(env_file: Path):
    script = (
        "import atexit, gc\n"
        "atexit.register(lambda: print(gc.isenabled()))\n"
        "from receiver.cli.main import main\n"
        "main()\n"
    )
    assert python("-c", script, "-e", str(env_file), "users", "list", "--json").stdout.endswith("True\n")


# --- completion ---


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["receiver", "eve"], ["events"]),
        (["receiver", "events", "e"], ["export", "erase"]),
        (["receiver", "events", "kind:sms", "--sen"], ["--sender"]),
        (["receiver", "numbers", "extend", "--mon"], ["--months"]),
        (["receiver", "db", ""], ["upgrade", "current", "downgrade", "backup", "restore", "compact"]),
    ],
)
def test_bash_completes(typed: list[str], offered: list[str], tmp_path: Path):
    script = tmp_path / "receiver"
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m receiver.cli \"$@\"\n")
    script.chmod(0o755)
    done = subprocess.run(
        [
            "bash",
            "-c",
            'source <(_RECEIVER_COMPLETE=bash_source receiver); COMP_WORDS=("$@"); '
            'COMP_CWORD=$(($# - 1)); _receiver_completion receiver; printf "%s\\n" "${COMPREPLY[@]}"',
            "bash",
            *typed,
        ],
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_their_script_and_the_same_words(shell: str):
    assert "_receiver_completion" in receiver(_RECEIVER_COMPLETE=f"{shell}_source").stdout
    words = {"COMP_WORDS": "receiver numbers ex", "COMP_CWORD": "2" if shell == "zsh" else "ex"}
    assert "extend" in receiver(_RECEIVER_COMPLETE=f"{shell}_complete", **words).stdout


@pytest.mark.parametrize(
    "words",
    [
        ["events", "list", "--limit", "many" * 9, "--kind", "sms"],
        ["events", "list", "since:" + "tomorrow"],
        ["events", "export", "--fields", "colour"],
        ["numbers", "show", "(020) 7946 0018"],
        ["--env-file", "/nowhere/" + "a-folder-of-a-long-name/" * 3],
        ["serve", "an-argument-too-many", "and-another-one", "and-one-of-a-quite-considerable-length"],
    ],
)
def test_what_is_wrong_with_a_command_fits_the_terminal(words, env_file):
    ours, theirs = os.openpty()
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
        own = {"PATH": os.environ["PATH"], "COLUMNS": "60"}
        descriptors = nothing.fileno(), nothing.fileno(), theirs
        process = forks.begin(["-e", str(env_file), *words], own, descriptors, forks.main_of_ours)
    process.join(30)
    os.close(theirs)
    lines = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert process.exitcode == 2
    at = next(place for place, line in enumerate(lines) if line.startswith("Error: "))
    assert not [line for line in lines[at:] if len(line) > 60 and " " in line.strip()], lines
    assert lines[0].startswith("Usage: ")
