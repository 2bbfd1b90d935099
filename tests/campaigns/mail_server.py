"""A mail server on loopback: as much of SMTP as it takes to hand e-mails over, and to fail at it."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pytest_django import Settings

# Given to whom e-mails were taken over this connection, and the line that came ("." after an e-mail): what is said to
# that instead of the usual, None for the usual, "" to hang up without a word.
Answer = Callable[[list[str], str], str | None]


class MailServer(socketserver.TCPServer):
    """Serves one connection at a time, and takes e-mails to everybody but `gone@`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answer = answer
        self.heard: list[str] = []
        # To whom e-mails were taken, over each connection.
        self.taken: list[list[str]] = []


class _Connection(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.taken: list[str] = []
        self.to = ""
        self.server.taken.append(self.taken)
        self._say("220 mx.example")
        with suppress(EOFError):
            while True:
                line = self._hear()
                answer = self.server.answer(self.taken, line)
                if answer is None:
                    answer = self._usual(line)
                if answer:
                    self._say(answer)
                if not answer or answer.startswith(("221", "421")):
                    return

    def _usual(self, line: str) -> str:
        match line.split(" ")[0].upper():
            case "RCPT" if "gone@" in line:
                return "550 5.1.1 no such user"
            case "RCPT":
                self.to = line.split("<")[1].rstrip(">")
            case "DATA":
                self._say("354 go on")
                while self._hear() != ".":
                    pass
                if (answer := self.server.answer(self.taken, ".")) is not None:
                    return answer
                self.taken.append(self.to)
            case "QUIT":
                return "221 bye"
        return "250 ok"

    def _hear(self) -> str:
        line = self.rfile.readline().decode()
        if not line:
            raise EOFError
        self.server.heard.append(line.rstrip("\r\n"))
        return self.server.heard[-1]

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def _as_usual(taken: list[str], line: str) -> None:
    return None


@contextmanager
def mail_server(settings: Settings, answer: Answer = _as_usual) -> Iterator[MailServer]:
    """Start a mail server, to which e-mails go from now on."""
    with MailServer(answer) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        yield server
        server.shutdown()
