"""Somebody's mail server: a real one, with TLS, STARTTLS and login as it is told."""

import email
import email.policy
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "fax@example.com", "p@ss:w/rd %1"
LOGIN = "fax%40example.com:p%40ss%3Aw%2Frd%20%251"


@dataclass
class Taken:
    """One mail as it was handed over."""

    sender: str
    to: list[str]
    content: bytes
    secure: bool
    mail: EmailMessage = field(init=False)

    def __post_init__(self) -> None:
        self.mail = email.message_from_bytes(self.content, policy=email.policy.default)

    def text(self, kind: str = "plain") -> str:
        part = self.mail.get_body((kind,))
        assert part is not None
        return part.get_content().replace("\r\n", "\n")


class MailServer:
    """`with MailServer() as there:` takes mail at `there.port` of this machine.

    `recipient` gives the answer for an address, `data` for a whole mail; None takes it.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: bool = False,
        largest: int = 50_000_000,
        recipient: Callable[[str], str | None] = lambda _: None,
        data: Callable[[], str | None] = lambda: None,
        sender: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self.recipient, self.data, self.sender = recipient, data, sender
        self.taken: list[Taken] = []
        self._more = threading.Condition()
        self._controller = _AnyPort(
            self,
            hostname="127.0.0.1",
            port=0,
            ssl_context=tls,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=login,
            auth_require_tls=starttls is not None,
            authenticator=self._authenticate if login else None,
            data_size_limit=largest,
            server_hostname="mail.example.com",
        )

    def __enter__(self) -> "MailServer":
        self._controller.start()
        self.port = self._controller.port
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def wait_for(self, number: int, seconds: float = 30) -> list[Taken]:
        with self._more:
            self._more.wait_for(lambda: len(self.taken) >= number, seconds)
            assert len(self.taken) >= number, f"{len(self.taken)} of {number} came"
            return list(self.taken)

    @staticmethod
    def _authenticate(_server, _session, _envelope, _mechanism, given) -> AuthResult:
        right = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(self, _server, _session, envelope, address, options) -> str:
        if answer := self.sender(address):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, options) -> str:
        if answer := self.recipient(address):
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope) -> str:
        if answer := self.data():
            return answer
        secure = server.transport.get_extra_info("ssl_object") is not None
        taken = Taken(envelope.mail_from, envelope.rcpt_tos, envelope.original_content, secure)
        with self._more:
            self.taken.append(taken)
            self._more.notify_all()
        return "250 taken"


class _AnyPort(Controller):
    """Takes whichever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
