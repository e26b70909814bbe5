"""What the answer to a request to a callback URL means, if it is not this service's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from receiver.keys.hops import Hop, HopFailed, Probe, Reply, travel


def require_our_answer(url: str, answer: Reply) -> None:
    """Raise unless this service said 200."""
    if answer.status == 200 and not answer.body:
        return
    sentence, mend = _answer_problem(url, answer)
    raise HopFailed(Hop.ANSWER, sentence, mend)


_OF_STATUS = {
    400: ("the proxy refuses the request (HTTP 400).", "Check scheme and port in PUBLIC_URL."),
    405: (
        "what answers takes no POST (HTTP 405).",
        "Let the proxy pass POST requests to /callbacks/, to this service.",
    ),
    408: ("the proxy did not get the body in time (HTTP 408).", "Look at the proxy's log."),
    411: ("the proxy wants a length (HTTP 411).", "Look at the proxy's settings for request bodies."),
    413: (
        "even a small body is too large (HTTP 413).",
        "Raise the proxy's limit (nginx: client_max_body_size), or MAX_BODY_BYTES.",
    ),
    429: ("the proxy takes no more requests (HTTP 429).", "Exempt /callbacks/ from its rate limit."),
    502: (
        "the proxy answers, but does not reach this service (HTTP 502).",
        "Start `receiver serve`, and check the address that the proxy passes to.",
    ),
    504: (
        "the proxy answers, but this service did not answer it in time (HTTP 504).",
        "Look at the service's log, and at `receiver doctor`.",
    ),
}


def _answer_problem(url: str, answer: Reply) -> tuple[str, str]:
    if 300 <= answer.status < 400:
        return _redirect_problem(url, answer)
    if answer.status == 404:
        return _path_problem(url, answer)
    if answer.status in (401, 403, 407):
        return (
            f"something in front of the service wants a login, or blocks (HTTP {answer.status}).",
            "Let /callbacks/ pass without one: the key in the URL is what protects it.",
        )
    if answer.status == 503:
        if answer.body:
            return _OF_STATUS[502][0].replace("502", "503"), _OF_STATUS[502][1]
        return (
            "this service cannot hold callbacks now (HTTP 503).",
            "Look at `receiver doctor`: database or spool must be writable.",
        )
    if answer.status in _OF_STATUS:
        return _OF_STATUS[answer.status]
    if answer.status == 200:
        return (
            f"something else answers there, with a page of its own ({_server_of(answer)}).",
            "Point the proxy's /callbacks/ to this service, or correct PUBLIC_URL.",
        )
    return f"the answer is HTTP {answer.status}, not 200.", "Look at the proxy's log, and at the service's."


def _redirect_problem(url: str, answer: Reply) -> tuple[str, str]:
    was, to = urlsplit(url), urlsplit(answer.location)
    redirect = f"the answer is a redirect (HTTP {answer.status}), and the provider is not known to follow one"
    if was.scheme == "http" and to.scheme == "https" and to.hostname == was.hostname:
        return (
            f"{redirect}: http is sent on to https.",
            "Let PUBLIC_URL begin with https; run setup again.",
        )
    if to.hostname and to.hostname != was.hostname:
        return (
            f"{redirect}: it leads to {to.hostname}.",
            f"Put {to.scheme}://{to.netloc} into PUBLIC_URL, and run setup again.",
        )
    return f"{redirect}.", "Let the proxy pass /callbacks/ to this service without a redirect."


def _path_problem(url: str, answer: Reply) -> tuple[str, str]:
    parts = urlsplit(url)
    prefix, _, rest = parts.path.partition("/callbacks/")
    if answer.body:
        return (
            f"a proxy or another site answers that there is no such page (HTTP 404, {_server_of(answer)}).",
            f"Let the proxy pass {prefix}/callbacks/ to this service.",
        )
    if prefix:
        without, said = travel(parts._replace(path=f"/callbacks/{rest}").geturl(), Probe("GET"))
        if without.holds and said is not None and said.status == 200 and not said.body:
            return (
                f"the path is lost on the way (HTTP 404): it works without {prefix}.",
                f"Take {prefix} out of PUBLIC_URL, or teach it to the proxy.",
            )
        return (
            f"the service answers, but does not know the path (HTTP 404): PUBLIC_URL has {prefix} in it.",
            f"Let the proxy take {prefix} away before it passes a request on (nginx: a slash at the end of"
            " proxy_pass).",
        )
    return (
        "what answers does not accept this callback key (HTTP 404).",
        "Restart the service if CALLBACK_KEYS was changed; else PUBLIC_URL leads to an installation with"
        " another database, where keys of a rotation are unknown, or a proxy changes the path.",
    )


def _server_of(answer: Reply) -> str:
    told = answer.server or answer.content_type.partition(";")[0] or "unnamed"
    return "".join(char for char in told[:40] if char.isascii() and char.isprintable())
