"""In how many parts a text travels, which is how it is billed."""

LONGEST_BODY = 1600
"""The most characters of a message, however many parts it has."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà[]\\^{}|~€"
)
_COUNT_DOUBLE = frozenset("[]\\^{}|~€")


def segments(body: str) -> int:
    """One, or as many as it takes with a part's header in each."""
    if _GSM.issuperset(body):
        length, single, part = len(body) + sum(char in _COUNT_DOUBLE for char in body), 160, 153
    else:
        length, single, part = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // part)
