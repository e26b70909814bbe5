"""What the errors of every room have in common that a person can do something about."""


class OperatorError(Exception):
    """Something that the operator can put right. The message says what happened and what to do.

    The command line shows the message of any such error as it is, and no traceback. It holds no secret.
    """
