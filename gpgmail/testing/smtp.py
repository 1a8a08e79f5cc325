"""`SmtpSink`: an SMTP server for tests, with what a test asks for in words of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, get_args

from gpgmail.core.situations import Situation
from gpgmail.testing.certificates import credentials
from gpgmail.testing.script import Action, Honest, Phase, Reply
from gpgmail.testing.server import ScriptedServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from gpgmail.testing.conversation import Received

Tls = Literal["none", "starttls", "implicit"]
TLS: Sequence[Tls] = get_args(Tls)
_SCHEMES = {"none": "smtp://{}", "starttls": "smtp://{}?tls=required", "implicit": "smtps://{}"}


class SmtpSink(ScriptedServer):
    """A context manager: a server on 127.0.0.1 that keeps the mails that it took in `mails`.

    *tls* is `"none"`, `"starttls"` or `"implicit"`, with a certificate for `localhost` and
    `127.0.0.1` by the authority in `ca_file`. *users* are names with their passwords; with them
    nobody sends without a login. *offers* are extensions of SMTP besides the usual ones.
    *script* is what goes wrong, as for `at`.
    """

    def __init__(
        self,
        *,
        tls: Tls = "none",
        users: Mapping[str, str] | None = None,
        script: Mapping[str, Action | str | Sequence[Action | str]] | None = None,
        offers: Sequence[str] = (),
        chop: bool = False,
    ) -> None:
        if tls not in TLS:
            detail = f"must be one of {', '.join(TLS)}, not {tls!r}"
            raise Situation.BAD_VALUE.error(detail, subject="tls")
        self._table: dict[Phase, Action | tuple[Action, ...]] = {}
        self._kind = tls
        self._place: tempfile.TemporaryDirectory[str] | None = None
        for phase, actions in (script or {}).items():
            self.at(phase, *([actions] if isinstance(actions, (Action, str)) else actions))
        super().__init__(
            self._table,
            tls=None if tls == "none" else credentials().context,
            implicit_tls=tls == "implicit",
            users=users,
            offers=[one.encode("ascii") for one in offers],
            chop=chop,
            name="sink.example",
        )

    @property
    def url(self) -> str:
        """The server URL for `Mailer` and `--server`; TLS is required where there is some."""
        return _SCHEMES[self._kind].format(f"{self.host}:{self.port}")

    @property
    def mail(self) -> Received:
        """The only mail that was taken.

        Raises:
            AssertionError: If there are none or several.
        """
        mails = self.mails
        if len(mails) != 1:
            raise AssertionError(f"{len(mails)} mails were taken, not 1")
        return mails[0]

    @property
    def ca_file(self) -> Path:
        """A file with the authority's certificate, PEM; it is removed with the server."""
        if self._place is None:
            self._place = tempfile.TemporaryDirectory(prefix="gpgmail-")
        path = Path(self._place.name, "authority.pem")
        if not path.exists():
            path.write_bytes(credentials().authority)
        return path

    def client_context(self) -> ssl.SSLContext:
        """Return a verifying client context for `smtplib` and others."""
        return credentials().client_context()

    def at(self, phase: str | Phase, *actions: Action | str) -> Self:
        """Do something at a moment of the conversation, in place of what an honest server does.

        *phase* is `"BANNER"`, `"EHLO"`, `"STARTTLS"`, `"TLS_HELLO"`, `"AUTH"`, `"AUTH_ANSWER"`,
        `"MAIL"`, `"RCPT"`, `"DATA"`, `"BODY"` (within the content), `"DOT"` (behind it), `"BDAT"`,
        `"RSET"`, `"NOOP"`, `"QUIT"` or `"OTHER"`. An action is a reply (`"450 4.2.0 Later"`) or one
        of `gpgmail.testing.script`: `Drop()`, `Reset()`, `Stall()`, `Once(Drop())`. Several are for
        the first, second, … time in one connection, the last for all that follow; none is honest
        again.

        Raises:
            UsageError: If there is no such moment.
        """
        name = phase.name if isinstance(phase, Phase) else phase.upper()
        if name not in Phase.__members__:
            raise Situation.BAD_VALUE.error(
                f"is none of {', '.join(Phase.__members__)}", subject=repr(phase)
            )
        self._table[Phase[name]] = tuple(map(_action, actions)) or Honest()
        return self

    def close(self) -> None:
        """End every connection and stop listening; what was received stays."""
        super().close()
        place, self._place = self._place, None
        if place is not None:
            place.cleanup()


def _action(given: Action | str) -> Action:
    if isinstance(given, Action):
        return given
    return Reply(b"".join(line.encode() + b"\r\n" for line in given.splitlines()))
