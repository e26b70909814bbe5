"""One mail to the operator's server: connected, secured, logged in, handed over."""

from __future__ import annotations

import contextlib
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from receiver.outbound.guard import Guard
from receiver.outbound.limit import TimeLimit
from receiver.outbound.refusal import Refused, Unreachable
from receiver.settings.mail import MailServer
from receiver.vocabulary.printable import printable

_PATIENCE = 30.0
"""Seconds for one answer."""
_LONGEST = 180.0
"""Seconds for all of it: a fax of 20 MB over a slow line."""
_TOO_LARGE = 552
_LONGEST_WORDS = 300

Refusals = Mapping[str, tuple[int, str]]
"""By address, the status and words of the server."""


@dataclass(frozen=True, slots=True)
class Handed:
    """The server has the mail for all recipients but these."""

    refused: Refusals
    status: int = 250


class SmtpError(Exception):
    """The server does not have it. The message is a sentence without secrets."""

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        answer: str | None = None,
        refused: Refusals | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.answer = answer
        self.refused: Refusals = refused or {}
        """Who was refused, if that is why."""
        self.final = final
        """Whether this mail will never be taken."""


@dataclass(frozen=True, slots=True)
class Post:
    """Hands mails to one server. Several threads may use it at once."""

    server: MailServer
    guard: Guard
    tls: ssl.SSLContext = field(repr=False)

    def hand_over(self, sender: str, to: Sequence[str], write: Callable[[int | None], bytes]) -> Handed:
        """Send it; `write` gives the mail, and is told how large it may be. Raises `SmtpError`."""
        with self._telling(), TimeLimit(_LONGEST) as limit:
            client = _Client(self, sender.rpartition("@")[2], limit)
            try:
                self._enter(client)
                most = client.esmtp_features.get("size", "")
                mail = write(int(most) if most.isascii() and most.isdigit() and int(most[:12]) else None)
                refused = client.sendmail(sender, list(to), mail)
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    client.quit()  # it is theirs by now, whatever becomes of the farewell
            finally:
                client.close()
        return Handed({address: (code, self._words(said)) for address, (code, said) in refused.items()})

    def _enter(self, client: _Client) -> None:
        code, said = client.connect(self.server.host, self.server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        client.ehlo_or_helo_if_needed()
        if self.server.starttls:
            if not client.has_extn("starttls"):
                raise SmtpError(
                    f"{self._host} does not offer STARTTLS, and nothing is sent without TLS: use smtps://"
                    " if it has a port for that"
                )
            client.starttls(context=self.tls)
            client.ehlo_or_helo_if_needed()
        if self.server.user:
            if not client.has_extn("auth"):
                raise SmtpError(
                    f"{self._host} takes no login: SMTP_URL should have no user name and password"
                )
            client.login(self.server.user, self.server.password)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turns all that can happen into a sentence."""
        host = self._host
        try:
            yield
        except (Refused, Unreachable) as error:
            raise SmtpError(str(error)) from None
        except smtplib.SMTPAuthenticationError as error:
            why = f"{host} does not take the user name and password in SMTP_URL (answered {error.smtp_code})"
            raise self._error(why, error) from None
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == _TOO_LARGE:
                raise self._error(f"the mail is too large for {host}", error, final=True) from None
            why = f"{host} does not let MAIL_FROM send (answered {error.smtp_code})"
            raise self._error(why, error) from None
        except smtplib.SMTPRecipientsRefused as error:
            refused = {
                address: (code, self._words(said)) for address, (code, said) in error.recipients.items()
            }
            code, said = next(iter(refused.values()))
            raise SmtpError(
                f"{host} takes no mail for {_named(refused)} (answered {code})",
                status=code,
                answer=said,
                refused=refused,
                final=all(code >= 500 for code, _ in refused.values()),
            ) from None
        except smtplib.SMTPDataError as error:
            why = f"{host} did not take the mail (answered {error.smtp_code})"
            raise self._error(why, error, final=error.smtp_code >= 500) from None
        except smtplib.SMTPNotSupportedError:
            raise SmtpError(f"{host} offers no way to log in that we know") from None
        except smtplib.SMTPResponseException as error:
            raise self._error(f"{host} wants nothing now (answered {error.smtp_code})", error) from None
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message.rstrip(".")
            raise SmtpError(f"the certificate of {host} is not valid: {why}") from None
        except ssl.SSLError:
            raise SmtpError(f"no secure connection to {host} can be made") from None
        except (smtplib.SMTPException, OSError):
            raise SmtpError(f"{host} broke off, or took too long") from None

    @property
    def _host(self) -> str:
        return f"{self.server.host}:{self.server.port}"

    def _error(self, why: str, error: smtplib.SMTPResponseException, *, final: bool = False) -> SmtpError:
        said = error.smtp_error
        return SmtpError(why, status=error.smtp_code, answer=self._words(said), final=final)

    def _words(self, said: bytes | str) -> str:
        """What the server said. Some repeat what they were told."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        for secret in (self.server.password, self.server.user):
            text = text.replace(secret, "•••") if secret else text
        return printable(text)[:_LONGEST_WORDS]


def _named(refused: Refusals) -> str:
    return ", ".join(refused)


class _Client(smtplib.SMTP):
    """Connects by way of the guard."""

    def __init__(self, post: Post, name: str, limit: TimeLimit) -> None:
        self._post = post
        self._limit = limit
        # Our own name is given: the library would ask DNS for it, and tell the one of this machine.
        super().__init__(local_hostname=name, timeout=_PATIENCE)
        self._host = post.server.host  # whom the certificate has to name

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        server = self._post.server
        # It is the operator's own, wherever it is.
        connection = self._limit.watch(self._post.guard.connect(host, port, timeout, trusted=True))
        try:
            if server.plain and not ipaddress.ip_address(connection.getpeername()[0]).is_loopback:
                raise Unreachable(f"{host} is not this machine: nothing is sent without TLS.")
            if server.tls_at_once:
                return self._post.tls.wrap_socket(connection, server_hostname=host)
        except (OSError, Unreachable):
            connection.close()
            raise
        return connection
