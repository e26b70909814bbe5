"""The order in which tests go to workers: each begins with some of the modules that wait or start much.

Workers begin with equal slices of all tests, in order, and steal from the end of another's slice when they
are done with their own. So what takes long stands in front, some of it in each slice, and nobody steals it.
"""

import itertools
from collections.abc import Iterator

import pytest

_LONG = ("slow", "browser")


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The same tests for that many workers; those of a module stay together."""
    modules = [list(tests) for _, tests in itertools.groupby(items, lambda item: item.path)]
    long = [tests for tests in modules if any(tests[0].get_closest_marker(mark) for mark in _LONG)]
    short = (test for tests in modules if tests not in long for test in tests)
    slices = []
    for worker, size in enumerate(_sizes(len(items), workers)):
        first = [test for tests in long[worker::workers] for test in tests]
        slices.append([*first, *itertools.islice(short, max(0, size - len(first)))])
    return [*itertools.chain(*slices), *short]


def _sizes(tests: int, workers: int) -> Iterator[int]:
    """How many tests each worker begins with."""
    for left in range(workers, 0, -1):
        yield tests // left
        tests -= tests // left
