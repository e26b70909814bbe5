"""In how many parts a text travels, which is how it is billed."""

from receiver.simulator.gsm import ALPHABET, EXTENSION

LONGEST_BODY = 1600
"""The most characters of a message, however many parts it has."""


def segments(body: str) -> int:
    """One, or as many as it takes with a part's header in each."""
    if ALPHABET.issuperset(body):
        length, single, part = len(body) + sum(char in EXTENSION for char in body), 160, 153
    else:
        length, single, part = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // part)
