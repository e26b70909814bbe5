"""Why a quickstart cannot go on."""


class QuickstartError(Exception):
    """It cannot go on; the message says why and what to do."""
