"""The base class of errors that a person can do something about."""


class OperatorError(Exception):
    """An error that the operator can fix. The message says what happened and what to do.

    The command line shows the message of any such error as it is, and no traceback. It holds no secret.
    """
