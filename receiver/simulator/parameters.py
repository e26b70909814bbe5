"""The parameters of a request to a provider's API."""

from urllib.parse import parse_qsl

from flask import request


def query_and_form() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Those of the query and of the form, in order; `UnicodeDecodeError` if they are not UTF-8.

    Parsed here, because Flask's forms replace unreadable bytes while providers report them. The content type
    is ignored: one of Hoiio's known clients declares JSON and sends a form.
    """
    query, form = (
        parse_qsl(text.decode(), keep_blank_values=True, errors="strict")
        for text in (request.query_string, request.get_data())
    )
    return query, form
