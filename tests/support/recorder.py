"""A small server that keeps what it got, on plain or encrypted connections: `with Recorder() as server: server.url`."""

import datetime
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.serving import Serving

Reply = tuple[int, Mapping[str, str], bytes]


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


Answer = Callable[[Received], Reply]
Tune = Callable[[ssl.SSLContext], object]


class Recorder(Serving):
    """Answers each request by a function, and remembers all that came; `certificate` makes it speak TLS only.

    `tune` may change how it does that.
    """

    def __init__(self, answer: Answer, certificate: Path | None = None, tune: Tune = lambda context: None) -> None:
        self.received: list[Received] = []
        server = _Server(("127.0.0.1", 0), _handler(answer, self.received))
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            tune(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        super().__init__(server, "https" if certificate else "http")

    @property
    def calls(self) -> list[str]:
        """What came, as `GET /customers`."""
        return [f"{each.method} {each.path}" for each in self.received]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: object) -> None:
        """Say nothing of callers who go."""


def _handler(answer: Answer, received: list[Received]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            self.close_connection = True
            if not self.raw_requestline or not self.parse_request():
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Received(self.command, self.path, dict(self.headers.items()), body)
            received.append(request)
            status, headers, content = answer(request)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    return Handler


def self_signed(path: Path, host: str = "127.0.0.1", days: tuple[int, int] = (-1, 1)) -> Path:
    """Write a new certificate for an address and its key into the file, and return its path.

    It holds from and to so many days from now.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path
