"""What is said of an error that ends a command."""

from __future__ import annotations

import sqlite3
import sys
import traceback
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from receiver import current
from receiver.db.engine import SchemaError
from receiver.db.failure import failure_of, words_of
from receiver.db.schema import require_schema
from receiver.settings.files import ConfigError
from receiver.vocabulary.errors import OperatorError


def told(error: Exception) -> str:
    """An error in one sentence, without private values."""
    if isinstance(error, OperatorError | ConfigError):
        return str(error)
    if isinstance(error, SQLAlchemyError | sqlite3.Error):
        return _why(error)
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, UnicodeEncodeError) and _was_typed(error.object[error.start : error.end]):
        return "an argument is not valid text: write it in the encoding of your locale"
    # Its own text may hold what is private.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"this should not have happened: {type(error).__name__} in {where}. Please report it"


def _was_typed(no_text: str) -> bool:
    return any(no_text in word for word in sys.argv[1:])


def _why(error: SQLAlchemyError | sqlite3.Error) -> str:
    """Why the database failed; if it does not say, its schema may not be what it should be."""
    if failure := failure_of(error):
        return str(failure)
    try:
        require_schema(current.engine())
    except SchemaError as reason:
        return str(reason)
    # Its own text holds the statement and its values, which are private.
    return f"the database failed: {words_of(error)}"
