"""The form of what an answer lacks while the index is behind."""

from __future__ import annotations

from receiver.search.events import iso
from receiver.search.index_lag import Lag


def lag_json(lag: Lag | None) -> dict[str, object] | None:
    """`not_indexed` of an answer."""
    if lag is None:
        return None
    return {"behind": lag.behind, "lacks": lag.lacks, "first": iso(lag.first), "last": iso(lag.last)}
