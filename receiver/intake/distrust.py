"""What a reason to quarantine means, and what to do, in a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.providers.base import Provider
from receiver.vocabulary import distrust


def explained(reason: str | None, providers: Sequence[Provider]) -> str:
    """Why that may be and what to do, in the words of the providers concerned; nothing if nobody knows."""
    if reason is None:
        return ""
    # Whatever we hold against it: a stranger sent it, or a setting of ours is wrong.
    doubts = " or ".join(one.doubts[reason] for one in providers if reason in one.doubts)
    ours = f", or {doubts}" if doubts else ""
    headers = " or ".join(one.kept_headers[0] for one in providers)
    words = ", ".join(sorted({word for one in providers for word in one.paths}))
    sentences = {
        distrust.SIGNATURE_INVALID: f"Somebody else sent it{ours}: receiver doctor.",
        distrust.SIGNATURE_MISSING: (
            f"SIGNATURES=require wants one. Somebody else sent it, or the proxy takes {headers} away:"
            " receiver numbers test."
        ),
        distrust.ANOTHER_ACCOUNT: f"Somebody else sent it{ours}: receiver doctor.",
        distrust.UNKNOWN_PATH: f"The URL at the provider should end in one of {words}: correct it there.",
        distrust.NOT_OURS: (
            "The provider does not list the number as yours: receiver numbers list. Once it does, such events"
            " are released by themselves."
        ),
        distrust.CUT: "The rest never arrived, and the provider was told so. It may be there again, whole.",
        distrust.UNREADABLE: (
            "Nothing in it is what the provider sends. Somebody else sent it, or something on the way changed"
            " it: its raw request is kept, see receiver events show."
        ),
    }
    return sentences.get(reason, "")
