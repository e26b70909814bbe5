"""Where every command begins, as `receiver` and as `python -m receiver.cli`."""

import signal


def begin() -> None:
    """Run the command. Ctrl-C while modules load waits until it can be ended in order."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    from receiver.cli.main import main  # noqa: PLC0415  # this is what takes time

    main()


if __name__ == "__main__":
    begin()
