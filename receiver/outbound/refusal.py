"""Why a request did not go out, or got no answer: a sentence that names the host and no more of a URL."""

from __future__ import annotations

from receiver.vocabulary.errors import OperatorError


class Refused(OperatorError):
    """We do not send this. It stays so until the address, the headers or the settings change."""


class Unreachable(OperatorError):
    """It may be sent, and there was no answer, or none that can be read. Another try may help."""
