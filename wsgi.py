"""What servers and the `flask` command load.

`app` has both sides, `callbacks` only the public one, `console` only the private one. Each is built when it
is first asked for, so that loading one does not open the others.
"""

import sys

from flask import Flask

from config import Config, use_demo
from receiver.app import create_app
from receiver.cli.main import root
from receiver.db.engine import SchemaError
from receiver.settings.files import USING_DEMO, ConfigError

_SIDES = {
    "app": {"public": True, "private": True},
    "callbacks": {"public": True, "private": False},
    "console": {"public": False, "private": True},
}


def __getattr__(name: str) -> Flask:
    if name not in _SIDES:
        raise AttributeError(name)
    if use_demo():
        sys.stderr.write(f"{USING_DEMO}\n")
    try:
        app = create_app(Config.from_env(), **_SIDES[name])
    except (ConfigError, SchemaError) as error:
        # A sentence and an exit code, under any server and on the command line; never a traceback.
        raise SystemExit(f"Error: {error}") from None
    app.cli = root
    globals()[name] = app
    return app
