"""What a process loads that is forked often: see `forks`."""

import gc

import receiver.app
import receiver.cli.server
import receiver.cli.setup.command
import receiver.cli.tables
import receiver.web.gateway
import receiver.web.sides  # noqa: F401

gc.freeze()  # so that no fork copies these pages to look through them
