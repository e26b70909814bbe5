"""What answering calls keeps: switches set by hand, and the rules with which a call may have begun."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from receiver.models.base import Base, UtcTime


class RulesSwitch(Base):
    """A switch that is on."""

    __tablename__ = "rules_switches"

    name: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcTime)


class RulesVersion(Base):
    """A rules file as it was: a call is answered to its end by the version with which it began."""

    __tablename__ = "rules_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime] = mapped_column(UtcTime)
    """When it was last known to be in force."""
