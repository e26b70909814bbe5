"""What a process has loaded that is forked often, and has done once: see `forks`."""

import gc
import tempfile
import threading
from pathlib import Path

import compiled
import databases
from sqlalchemy.orm import configure_mappers

import receiver.cli.server
import receiver.cli.setup.command
import receiver.cli.tables
import receiver.web.gateway  # noqa: F401
from config import Config
from receiver.app import create_app
from receiver.cli.main import root


def warm() -> None:
    """What every application does when it begins, and remembers: each fork would do it for itself."""
    compiled.build_urls_once()
    configure_mappers()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "CALLBACK_KEYS": "a-key-to-warm-up",
            "DATABASE_URL": databases.new_file(Path(folder, "receiver.db")),
            "SPOOL_DIR": f"{folder}/spool",
        }
        app = create_app(Config.from_env(settings, dotenv=None))
        app.test_client().get("/health/live")
        runner = app.test_cli_runner()
        for words in ("events", "numbers list", "spool status", "doctor --json"):
            runner.invoke(root, words.split())
        app.extensions["receiver"].recorder.close(5)
        app.extensions["receiver"].answering.close(5)
        app.extensions["receiver"].engine.dispose()
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(5)  # one that has just given its answer
    assert threading.active_count() == 1, threading.enumerate()


warm()
gc.collect()
gc.freeze()  # so that no fork copies these pages to look through them
