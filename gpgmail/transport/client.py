"""smtplib's client over our own socket: its ways to the network are replaced, its commands stay.

Whatever smtplib does passes through here: every wait has the Run's limits, every line is in the
transcript, every failure is one of ours, and nothing is ever printed for debugging.

Two states matter when something fails. *In step*: every command has its reply, so the connection
stays usable. Out of step, which is always so within the content: it must be dropped, and a server
takes no mail whose end it has not seen. Which commands have no reply yet is known one by one.
"""

from __future__ import annotations

import contextlib
import smtplib
import time
from collections import deque
from typing import TYPE_CHECKING, Self, cast

from gpgmail.core.codes import Retry
from gpgmail.core.errors import ConnectError, GpgmailError, ServerError
from gpgmail.core.events import ConnectionStatus
from gpgmail.core.replies import Reply
from gpgmail.core.secret import MASK, Secret
from gpgmail.core.situations import Situation
from gpgmail.transport import connecting, dialogue, failures, lmtp, replies
from gpgmail.transport.address import Peer
from gpgmail.transport.content import DotStuffer, blocks
from gpgmail.transport.failures import Meaning, Step, crossing
from gpgmail.transport.login import authenticate
from gpgmail.transport.throttle import Throttle
from gpgmail.transport.tls import revocation
from gpgmail.transport.tls.admission import Admission
from gpgmail.transport.tls.negotiated import Negotiated
from gpgmail.transport.tls.resume import Resumption
from gpgmail.transport.tls.start import Start, start_for
from gpgmail.transport.transcript import Transcript
from gpgmail.transport.wire import LineTooLongError, Wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from _typeshed import ReadableBuffer

    from gpgmail.core.run import Run
    from gpgmail.transport.options import TransportOptions

_QUIT_SECONDS = 2.0  # a server that does not say goodbye is left


class Client(smtplib.SMTP):
    """One connection; `run` is the operation that uses it now, set by `use`."""

    def __init__(
        self, options: TransportOptions, run: Run, resumption: Resumption | None = None
    ) -> None:
        # Given a name, smtplib does not look one up in the DNS; the real one is set before EHLO.
        super().__init__(local_hostname="localhost")
        self.ehlo_msg = lmtp.HELLO if options.lmtp else "EHLO"
        self.options = options
        self.run = run
        self.peer = Peer(options.mail_server, "", options.mail_port)
        self._where = str(self.peer)
        self.last_reply: Reply | None = None
        self.start = Start.PLAIN
        self.negotiated = Negotiated()
        self._wire: Wire | None = None
        self._admission = Admission(options, resumption or Resumption())
        self._transcript = Transcript(run, options)
        self._secrets: list[Secret] = []
        self._unanswered: deque[str] = deque()  # what each is called in errors, in their order
        self._in_step = False
        self.eight_bit = False
        self.mechanism = ""  # by which somebody logged in
        self.content_begun = False  # by the operation that uses it now
        self._heard = time.monotonic()
        self._doing("greeting")

    # --------------------------------------------------------------------------------- its state

    @property
    def connected(self) -> bool:
        """Whether there is a connection; the server may have closed it without a word."""
        return self._wire is not None

    @property
    def local_name(self) -> tuple[str, int]:
        """The address and port that the connection starts from."""
        if self.peer.is_socket:
            return "", 0
        address, port, *_ = self._connection().sock.getsockname()
        return str(address).partition("%")[0], port

    @property
    def tls_version(self) -> str:
        """The TLS version such as `TLSv1.3`, empty in clear."""
        return self._wire.tls_version if self._wire else ""

    @property
    def extensions(self) -> Mapping[str, str]:
        """What the server offers: keywords in capitals with their parameters."""
        return {name.upper(): rest.strip() for name, rest in self.esmtp_features.items()}

    def offers(self, extension: str) -> bool:
        """Whether the server has *extension* and the options do not forbid its use."""
        return self.has_extn(extension) and dialogue.allows(self.options, extension)

    @property
    def unanswered(self) -> int:
        """How many commands have no reply yet."""
        return len(self._unanswered)

    @property
    def idle(self) -> float:
        """The seconds since the server said something."""
        return time.monotonic() - self._heard

    @property
    def reply(self) -> Reply:
        """The last reply, where there must be one."""
        if self.last_reply is None:
            raise Situation.NOT_CONNECTED.error("the server said nothing yet")
        return self.last_reply

    def use(self, run: Run) -> Self:
        """Let another operation use the connection from now on."""
        self.run = self._transcript.run = run
        self.content_begun = False
        if self._wire is not None:
            self._wire.run = run
        for secret in self._secrets:
            run.redactor.know(secret)
        run.touch()
        return self

    def keep_secret(self, *values: str) -> None:
        """Have these masked in whatever this connection tells, under any Run."""
        for value in values:
            self._secrets.append(Secret(value))
            self.run.redactor.know(value)

    def require(self, code: int) -> None:
        """Go on after a reply that agrees, or raise what it means.

        Raises:
            ServerError: If the server refuses.
            ConnectError: If its reply does not fit the command.
        """
        if not self.agrees(code):
            raise failures.refusal(self.reply, self.subject)

    def agrees(self, code: int, wanted: range = failures.DONE) -> bool:
        """Whether the last reply is one of *wanted*, and else a refusal.

        Raises:
            ConnectError: If it is neither.
        """
        found = failures.meaning(code, wanted)
        if found is Meaning.UNFIT:
            raise self.nonsense(f"an answer that does not fit: {self.reply}")
        return found is Meaning.AGREES

    # ----------------------------------------------------------------- the ways to the network

    def _get_socket(
        self,
        host: str,  # noqa: ARG002 - the options have it
        port: int,  # noqa: ARG002 - the options have it
        timeout: float,  # noqa: ARG002 - the Run has it
    ) -> socket.socket:
        with self.run.within(self.options.connection_timeout):
            sock, self.peer = connecting.connect(self.options, self.run)
            self._where = str(self.peer)
            self._wire = Wire(sock, self.run, Throttle(self.options))
            self._doing("greeting")
            self._report("connected", f"connected to {self.peer}")
            self.start = start_for(self.options, self.peer)
            if self.start is Start.IMPLICIT:
                self._secure()
        return self._wire.sock

    def send(self, s: ReadableBuffer | str) -> None:
        """Send a command; content goes by `data`."""
        self.say([s.encode(self.command_encoding) if isinstance(s, str) else bytes(s)])

    def say(self, lines: Sequence[bytes], behind: bytes = b"") -> None:
        """Send commands in one write, and *behind* with them; `getreply` hears one's answer each.

        Commands before them may be unanswered where the server offers PIPELINING (RFC 2920).
        """
        if not self._unanswered:
            self._hear_unasked()
        self._in_step = False
        for line in lines:
            shown = self._transcript.client(line)
            if shown != MASK:  # within a login, the command is still AUTH
                self._doing(shown.partition(" ")[0].upper())
            self._unanswered.append(self.subject)
        self._transmit(b"".join([*lines, behind]))

    def getreply(self) -> tuple[int, bytes]:
        """Read the reply that is next; `last_reply` has it printable and without known secrets.

        Raises:
            ConnectError: If the connection is lost, or what comes is no reply.
            ServerError: If the server says 421, which ends the connection.
        """
        if self._unanswered:
            self.subject = self._unanswered.popleft()
        lines = list(self._reply_lines())
        clean = self.run.redactor.clean
        texts = tuple(clean(replies.decoded(line.text)) for line in lines)
        self.last_reply = Reply(lines[-1].code, texts)
        self._in_step = not self._unanswered
        self._heard = time.monotonic()
        if failures.meaning(self.last_reply.code) is Meaning.ENDS:
            error = failures.refusal(self.last_reply, self.subject)
            self.abort(error)
            raise error
        return self.last_reply.code, b"\n".join(line.text for line in lines)

    def starttls(self, *_: object, **__: object) -> tuple[int, bytes]:
        """Ask for TLS and go on under it, as the options say.

        Raises:
            TlsError: If the server does not offer it, refuses it, talks before the handshake, or
                the handshake fails. The connection must not be used then.
            LookAgainError: If the certificate is to be decided about on another connection.
        """
        if not self.has_extn("starttls"):
            raise Situation.TLS_HANDSHAKE.error(
                "the server does not offer STARTTLS",
                subject=str(self.peer),
                hint="use a port of it that has TLS from the first byte (smtps://)",
                retry=Retry.NO,
            )
        answer = self.docmd("STARTTLS")
        if failures.meaning(answer[0]) is not Meaning.AGREES:
            raise failures.no_starttls(self.reply, self.subject)
        with crossing(Step.HANDSHAKE, self.subject):
            injected = self._connection().spoken()
        if injected:
            raise Situation.TLS_HANDSHAKE.error(
                "the server, or somebody in its place, sent plaintext behind its STARTTLS reply",
                subject=str(self.peer),
            )
        self._secure()
        self.sock = self._connection().sock
        # What was said before the handshake may be anybody's words (RFC 3207 section 4.2).
        self._forget_greeting()
        return answer

    def data(self, msg: ReadableBuffer | str | Iterable[bytes]) -> tuple[int, bytes]:
        """Send content, canonical bytes or an iterable of them, and end it.

        Raises:
            MessageError: If it is not canonical; the final dot is not sent then.
            ConnectError: With code 13 of family gpgmail if the answer to the whole does not come.
        """
        answer = self.docmd("DATA")
        if not self.agrees(answer[0], failures.CONTENT):
            return answer
        self.content(_chunks(msg))
        try:
            answer = self.getreply()
            self.agrees(answer[0])
        except ServerError:
            raise
        except GpgmailError as error:
            raise failures.after_the_end(error) from error
        return answer

    def content(self, chunks: Iterable[bytes], answers: int = 1) -> None:
        """Send content and its end, after a server asked for it; as many *answers* follow.

        Raises:
            MessageError: If it is not canonical; the final dot is not sent then.
        """
        self._in_step = False
        self._doing("content")
        end = self._all_but_the_end(chunks)
        self._doing("final dot")
        self._transmit(end)
        self._unanswered.extend([self.subject] * answers)

    def _all_but_the_end(self, chunks: Iterable[bytes]) -> bytes:
        """Send content and return what is left of it, final dot included.

        The dot goes out with the last block, once no source and no handler can object any more.
        """
        stuffer = DotStuffer(eight_bit=self.eight_bit)
        waiting, sent = b"", 0
        for block in blocks(chunks):
            self._hear_unasked()
            self._transmit(waiting)
            waiting = stuffer.feed(block)
            sent += len(block)
        end = waiting + stuffer.end()
        self.sent(sent)
        self._hear_unasked()
        return end

    def close(self) -> None:
        """Say QUIT, wait two seconds at most for the answer, and close; no failure is reported."""
        try:
            if self._in_step and not self._said_quit and self.run.remaining() != 0:
                with self.run.within(_QUIT_SECONDS):
                    self.docmd("QUIT")
        except GpgmailError:
            pass  # what was delivered is delivered, and the connection ends in any case
        finally:
            self.abort()

    def abort(self, why: BaseException | None = None) -> None:
        """Close the connection at once and without a word; listeners are told the code of *why*."""
        wire, self._wire, self.sock, self._in_step = self._wire, None, None, False
        self._unanswered.clear()
        if wire is not None:
            self._admission.keep(wire)
            wire.close()
            self._report("disconnected", f"connection to {self.peer} closed", why)
            if self.peer.through:
                self._report("firewall disconnected", f"connection to {self.peer.through} closed")

    def login(self, user: str, password: str, **_: object) -> tuple[int, bytes]:
        """Log in by the best mechanism that the server offers, and by no other.

        Raises:
            PolicyError: If the password would go out in clear, or no mechanism is in common.
            ServerError: If the server refuses.
        """
        return authenticate(self, user, Secret(password))

    # ------------------------------------------------------------------------------------ within

    def _doing(self, command: str) -> None:
        """Note what is being done: `subject` says it, and with whom, in errors."""
        self.subject = f"{command} at {self._where}"
        self._said_quit = command == "QUIT"

    def _connection(self) -> Wire:
        if self._wire is None:
            raise Situation.NOT_CONNECTED.error("no connection", subject=str(self.peer))
        return self._wire

    def _transmit(self, data: bytes) -> None:
        try:
            with crossing(Step.WRITE, self.subject):
                self._connection().send(data, self.subject)
        except ConnectError:
            if len(self._unanswered) <= 1:  # else only who said them knows what answers mean
                self._hear_last_words()
            raise

    def spoken(self) -> bool:
        """Whether the server said something that was not heard yet; does not wait.

        Raises:
            ConnectError: If the connection is lost.
        """
        with crossing(Step.READ, self.subject):
            return self._connection().spoken()

    def ahead(self, size: int) -> bytes:
        """Return at most *size* bytes of what was said and not heard yet; does not wait.

        Raises:
            ConnectError: If the connection is lost.
        """
        return self._connection().ahead(size) if self.spoken() else b""

    def sent(self, size: int) -> None:
        """Tell of content that went out."""
        self._transcript.info(f"content of {size} bytes")

    def _hear_unasked(self) -> None:
        """Raise what a server says out of turn, so that it is not taken for the next answer.

        It may be good reason to stop: 421, or a mail that is too large already.
        """
        if self.spoken():
            code, _ = self.getreply()
            self._in_step = False
            self.require(code)
            raise self.nonsense(f"an answer to nothing: {self.reply}")

    def _hear_last_words(self) -> None:
        """Raise what a server said before it hung up, if it gave a reason."""
        with contextlib.suppress(ConnectError):
            code, _ = self.getreply()
            self._in_step = False
            self.require(code)

    def _reply_lines(self) -> Iterator[replies.ReplyLine]:
        left = replies.TOTAL_LIMIT
        code, more = 0, True
        while more:
            raw = self._read_line(min(self.options.max_line_length, left))
            left -= len(raw)
            self._transcript.server(raw)
            line = replies.parse_line(raw)
            if line is None or code not in {0, line.code}:
                raise self.nonsense(f"no SMTP reply: {replies.decoded(raw[:80])}")
            code, more = line.code, line.more
            yield line

    def _read_line(self, limit: int) -> bytes:
        try:
            with crossing(Step.READ, self.subject):
                return self._connection().read_line(limit, self.subject)
        except LineTooLongError:
            raise self.nonsense(f"a line of more than {limit} bytes") from None

    def nonsense(self, detail: str) -> GpgmailError:
        """Return the error for a server that does not keep to the protocol; it is left then."""
        self._in_step = False
        return failures.malformed(
            f"the server sent {self.run.redactor.clean(detail)}", self.subject
        )

    def _secure(self) -> None:
        wire = self._connection()
        self._in_step = False
        self._doing("TLS handshake")
        self.negotiated = self._admission.handshake(wire, self.peer.host, self.run, self.subject)
        revocation.check(wire, self.options, self.subject)
        self._report("secured", f"{wire.tls_version} with {self.peer}")

    def _forget_greeting(self) -> None:
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def _report(self, what: str, description: str, why: BaseException | None = None) -> None:
        number = 0
        if isinstance(why, GpgmailError):
            number, description = why.code.number, f"{description}: {why.code.text}"
        self._transcript.info(description)
        self.run.emit(ConnectionStatus(what, number, description))


def _chunks(msg: ReadableBuffer | str | Iterable[bytes]) -> Iterable[bytes]:
    """Return content in the forms that smtplib takes it, besides ours, as chunks."""
    if isinstance(msg, str):
        return [msg.encode("ascii")]
    if isinstance(msg, bytes | bytearray | memoryview):
        return [bytes(msg)]
    return cast("Iterable[bytes]", msg)
