"""What Twilio's numbers are sold by."""

from __future__ import annotations

from typing import Final

from receiver.providers.market import Duration, Market, NumberSort
from receiver.vocabulary.kinds import Kind

TERMS = "At Twilio a month is paid at once and renews by itself until the number is released in its console."

MARKET: Final = Market(
    terms=(Duration.AUTO_EXTEND,),
    terms_sentence=TERMS,
    narrows=frozenset({"sort", "area_code", "contains", "kinds"}),
    refused={Kind.FAX: "Twilio closed its fax service in December 2021: its numbers cannot receive faxes."},
    buys_configured=True,
    tells_debit=False,
)

SORTS: Final = {
    NumberSort.LOCAL: "Local",
    NumberSort.MOBILE: "Mobile",
    NumberSort.TOLL_FREE: "TollFree",
}
"""What they are called in its paths."""


def sort_of(word: str) -> NumberSort | None:
    """`toll_free`, `toll free` and `toll-free` stand for the same; None for a sort that is not known here."""
    spelled = word.strip().lower().replace("_", "-").replace(" ", "-")
    return next((sort for sort in NumberSort if sort == spelled), None)
