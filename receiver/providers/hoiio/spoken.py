"""What a caller is to hear, as the provider's `msg`: plain text, or its markup."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from receiver.vocabulary.answering import Prompt, Sound

LONGEST = 1000
"""Characters of a `msg`, marks included."""
_DEFAULT = "en"
_AS_WORDS = str.maketrans({"<": " ", ">": " ", "&": " and "})
"""Its pages do not say whether plain text is searched for marks, so it holds none."""


def spoken(prompt: Prompt | None) -> str:
    """The `msg` for a prompt; empty for none. Nothing in a text is taken for markup.

    English is the provider's own voice and goes without marks. What is too long, once its special characters
    are written out, is cut: most of it is better than a call that fails.
    """
    if prompt is None:
        return ""
    if isinstance(prompt, Sound):
        return f"<url>{escape(prompt.url)}</url>"
    text = "".join(one if one.isprintable() else " " for one in prompt.text)
    if prompt.language == _DEFAULT:
        return text.translate(_AS_WORDS)[:LONGEST]
    head, tail = f'<speech language={quoteattr(prompt.language)} gender="female">', "</speech>"
    room = LONGEST - len(head) - len(tail)
    while len(inner := escape(text)) > room:
        text = text[: -max(1, (len(inner) - room) // len("&amp;"))]
    return head + inner + tail
