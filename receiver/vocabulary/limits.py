"""How much of a callback is parsed. The raw bytes stay whole."""

from __future__ import annotations

LONGEST_FIELD = 255
"""Characters kept of a field that is indexed; B-tree entries are limited. The raw bytes stay whole."""
MOST_PARAMETERS = 1000
LARGEST_INFLATED = 1 << 20
"""Bytes that are read of a body that came compressed."""
