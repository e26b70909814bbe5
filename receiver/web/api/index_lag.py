"""What an answer may lack while the index lags behind, as JSON."""

from __future__ import annotations

from receiver.search.events import iso
from receiver.search.index_lag import IndexLag


def index_lag_json(lag: IndexLag | None) -> dict[str, object] | None:
    """The field `not_indexed` of an answer."""
    if lag is None:
        return None
    return {"behind": lag.behind, "lacks": lag.lacks, "first": iso(lag.first), "last": iso(lag.last)}
