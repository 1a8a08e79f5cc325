"""Where a CA says which certificates it revoked: a small HTTP server before `openssl ocsp`.

`openssl ocsp -port` would listen on every address of the machine; so it is called for each request
here. What it cannot be made to say (an answer of yesterday) is built with cryptography. Everything
else is served as it is: lists, garbage, silence.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from pathlib import Path

    from tests.servers.pki import Issued

_SECONDS = 10
_TIME = "%y%m%d%H%M%SZ"


class Places:
    """A server on loopback; `pages` has what is at each path, `requests` what was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Any] = {}
        self.requests: list[tuple[str, str, bytes]] = []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http"
        if tls is not None:
            self._scheme = "https"
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def url(self, path: str) -> str:
        """The address of a page."""
        host = "127.0.0.1" if self._scheme == "http" else "localhost"
        return f"{self._scheme}://{host}:{self._server.server_port}{path}"

    def close(self) -> None:
        """End the server, and what hangs in it."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _handler(places: Places) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            places.requests.append((self.command, self.path, body))
            page = places.pages.get(self.path)
            if callable(page):
                page = page(self, body)
            if page is not None:
                self.reply(200, page)
            elif self.path not in places.pages:
                self.reply(404, b"")

        def reply(self, status: int, content: bytes, **fields: str) -> None:
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@dataclass(slots=True)
class Responder:
    """`openssl ocsp` for one authority; `signer` answers, by default the authority itself."""

    directory: Path
    authority: Issued
    signer: Issued
    revoked: list[Issued] = field(default_factory=list)
    known: list[Issued] = field(default_factory=list)

    def __call__(self, _: object, request: bytes) -> bytes:
        """Return the answer to a request, in DER."""
        write = self.signer.write
        index = self.directory / "index.txt"
        index.write_text("".join(map(self._line, (*self.known, *self.revoked))))
        answer = self.directory / "answer.der"
        asked = self.directory / "request.der"
        asked.write_bytes(request)
        subprocess.run(
            [
                *("openssl", "ocsp", "-index", index, "-ndays", "1"),
                *("-CA", write(self.directory / "ca.pem", self.authority.pem)),
                *("-rsigner", write(self.directory / "signer.pem", self.signer.pem)),
                *("-rkey", write(self.directory / "signer.key", self.signer.key_pem)),
                *("-reqin", asked, "-respout", answer),
            ],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        return answer.read_bytes()

    def _line(self, issued: Issued) -> str:
        """Return a line of the database that `openssl ca` writes."""
        certificate = issued.certificate
        ends = certificate.not_valid_after_utc.strftime(_TIME)
        gone = issued in self.revoked
        when = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).strftime(_TIME) if gone else ""
        state = "R" if gone else "V"
        reason = ",keyCompromise" if gone else ""
        serial = f"{certificate.serial_number:X}"
        serial = serial.zfill(len(serial) + len(serial) % 2)
        return f"{state}\t{ends}\t{when}{reason}\t{serial}\tunknown\t/CN=localhost\n"


def answer(
    about: Issued,
    signer: Issued,
    *,
    since: float = -1,
    until: float | None = 1,
    certificates: Sequence[Issued] = (),
) -> bytes:
    """Return an answer that says good, of these hours from now; in DER."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)
    assert about.issuer is not None
    made = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            about.certificate,
            about.issuer.certificate,
            hashes.SHA1(),  # noqa: S303 - it names the certificate
            ocsp.OCSPCertStatus.GOOD,
            now + dt.timedelta(hours=since),
            None if until is None else now + dt.timedelta(hours=until),
            None,
            None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    )
    if certificates:
        made = made.certificates([one.certificate for one in certificates])
    signed = made.sign(signer.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    """Return an answer that says nothing about any certificate."""
    made = ocsp.OCSPResponseBuilder.build_unsuccessful(status)
    return made.public_bytes(serialization.Encoding.DER)
