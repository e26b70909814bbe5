"""Periodic work as a value: each room says what it needs done, and background/ does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """`run` every `every` seconds: in whichever process comes first, or in each one if `everywhere`."""

    name: str
    every: float
    run: Callable[[], object]
    everywhere: bool = False
