"""The alphabet of SMS. A text with any other character is sent in another encoding, which takes more room."""

EXTENSION = frozenset("[]\\^{}|~€")
"""Each takes the room of two."""

ALPHABET = EXTENSION | frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
