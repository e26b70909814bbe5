"""The provider's clock."""

from __future__ import annotations

from datetime import timedelta, timezone

ZONE = timezone(timedelta(hours=8))
"""Every date of the provider is GMT+8, whatever the account's own zone is."""
