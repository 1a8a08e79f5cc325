"""One mail over a session: what is said in which order, and what is made of each answer.

Over LMTP each recipient has an answer of his own behind the content: some may be refused then.

The order depends on what the server offers, and on whether a refused recipient stops the mail:

| offered                 | said, with a stroke for each wait   | if a refusal stops the mail    |
|-------------------------|-------------------------------------|--------------------------------|
| nothing                 | MAIL / RCPT / RCPT / DATA / content | the same                       |
| PIPELINING              | MAIL RCPT RCPT DATA / content       | MAIL RCPT RCPT / DATA / content|
| PIPELINING and CHUNKING | MAIL RCPT RCPT BDAT content         | MAIL RCPT RCPT / BDAT content  |
| CHUNKING                | MAIL / RCPT / RCPT / BDAT content   | the same                       |

A second chunk waits for the answers to the recipients; the others wait for nothing.

So of a mail that is stopped neither the end of its content nor any chunk was sent. A group that is
under way is heard to its end: then the session stays in step, and every command has its answer.
"""

from __future__ import annotations

import contextlib
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.errors import ConnectError, DeliveryError, GpgmailError, ServerError
from gpgmail.transport import chunking, failures, pipelining
from gpgmail.transport.chunking import NOT_KNOWN, chunks
from gpgmail.transport.failures import Meaning
from gpgmail.transport.pipelining import groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gpgmail.core.replies import Reply
    from gpgmail.transport.client import Client

_LONG_IDLE = 10.0  # seconds after which it is seen first that the server is still there
_GOODBYE = b"421"  # may be said at any time
_DATA, _RSET, _NOTHING = b"DATA\r\n", b"RSET\r\n", b".\r\n"


class Delivery(NamedTuple):
    """What the server did with one mail: whom it took, whom not and why, and its last reply."""

    accepted: tuple[str, ...]
    refused: Mapping[str, Reply]
    final: Reply


class Target(NamedTuple):
    """A recipient: the RCPT line, and whether the mail stops where it is refused."""

    address: str
    line: bytes
    stops: bool


class _Command(NamedTuple):
    line: bytes
    heard: Callable[[Reply], None]


class _Refusal(NamedTuple):
    reply: Reply
    subject: str


class Transaction:
    """One mail on its way through *client*; `refused` grows while the server speaks."""

    def __init__(self, client: Client, mail: bytes, targets: Sequence[Target]) -> None:
        self.refused: dict[str, Reply] = {}
        self._client = client
        self._mail = mail
        self._targets = targets
        self._pipelined = client.offers(pipelining.EXTENSION)
        self._each_answered = client.options.lmtp  # behind the content
        self._chunked = client.offers(chunking.EXTENSION) and not self._each_answered
        self._waiting: deque[Callable[[Reply], None]] = deque()  # for each unanswered command
        self._begun = False
        self._unnamed = len(targets)  # of whom it is not known whether the server takes them
        self._named: list[str] = []  # whom it took
        self._refusal: _Refusal | None = None  # that ends the mail, whoever is taken
        self._stopped: _Refusal | None = None  # the same, where it is a recipient's
        self._content_refusal: _Refusal | None = None
        self._asked_for_content = False
        self._taken: list[str] = []  # for whom it took the content too
        self._final: Reply | None = None

    def run(self, content: Iterable[bytes], *, anew: bool) -> Delivery:
        """Send the mail; *anew* first has the server forget the one before.

        Raises:
            ServerError: If it is refused, with the words for each recipient.
            ConnectError: If the connection is lost; whether the server may have the mail is said.
        """
        commands = self._opening(anew=anew)
        if anew or self._waits():
            self._settle(commands)
            commands = []
        if self._chunked:
            self._client.content_begun = True
            self._send_chunks(commands, content)
        else:
            self._settle([*commands, _Command(_DATA, self._on_data)])
            self._client.content_begun = True
            self._send_behind_data(content)
        self._conclude()
        known = self._known()
        if known or self._final is None:
            raise known or failures.all_refused(self.refused, self._client.subject)
        return Delivery(tuple(self._taken), self.refused, self._final)

    def words_for_all(self, reply: Reply) -> Mapping[str, Reply]:
        """Return what each was refused by: its own words, else *reply*, that cost it the mail."""
        addresses = [target.address for target in self._targets]
        words = {**dict.fromkeys(addresses, reply), **self.refused}
        return {address: said for address, said in words.items() if address not in self._taken}

    def _waits(self) -> bool:
        """Whether all answers to recipients are heard before content is asked for or sent."""
        return (
            not self._pipelined
            or any(target.stops for target in self._targets)
            or self._client.idle > _LONG_IDLE
        )

    # ------------------------------------------------------------------------------- what is said

    def _opening(self, *, anew: bool) -> list[_Command]:
        named = [
            _Command(target.line, partial(self._on_recipient, target)) for target in self._targets
        ]
        reset = [_Command(_RSET, self._on_reset)] if anew else []
        return [*reset, _Command(self._mail, self._on_mail), *named]

    def _settle(self, commands: Sequence[_Command]) -> None:
        """Say *commands*, hear all answers, and raise what they mean for the mail."""
        for group in groups(commands, pipelined=self._pipelined):
            self._say(group)
            self._hear(all_but=len(group) if self._pipelined else 0)
            if self._known():
                break
        self._hear()
        known = self._known()
        if known:
            if self._asked_for_content:
                self._take_back(known)
            raise known

    def _send_chunks(self, commands: Sequence[_Command], content: Iterable[bytes]) -> None:
        *before, opening = groups(commands, pipelined=True) if commands else [[]]
        for group in before:
            self._say(group)
            self._hear(all_but=len(group))
        size = 0
        for chunk in chunks(content, eight_bit=self._client.eight_bit):
            heard = self._on_end_of_chunks if chunk.last else self._on_chunk
            self._say([*opening, _Command(chunk.command, heard)], chunk.data)
            opening = []
            size += len(chunk.data)
            if not chunk.last:
                self._look_at_answers()
        self._client.sent(size)

    def _look_at_answers(self) -> None:
        """Hear what there is to hear between two chunks, and stop where they are for nobody.

        Of the first one that is waited for: Exim hangs up where three chunks are for nobody.
        """
        while self._waiting and (not self._pipelined or self._unnamed or self._client.spoken()):
            self._hear(all_but=len(self._waiting) - 1)
        known = self._known()
        if known:
            self._hear()
            raise known

    def _send_behind_data(self, content: Iterable[bytes]) -> None:
        whom = [(one,) for one in self._named] if self._each_answered else [tuple(self._named)]
        self._client.content(content, answers=len(whom))
        self._waiting.extend(partial(self._on_end, each) for each in whom)

    def _take_back(self, error: GpgmailError) -> None:
        """End a transaction that waits for content though it has nobody to go to (RFC 2920 3.1).

        Somebody may have been taken all the same, for a mail that was refused: he must get nothing.
        """
        if self._named or self._each_answered:  # LMTP has no answer for nobody
            self._client.abort(error)
            return
        try:
            self._client.say([_NOTHING])
            self._client.getreply()
        except GpgmailError as later:
            self._client.abort(later)

    def _say(self, commands: Sequence[_Command], behind: bytes = b"") -> None:
        self._waiting.extend(command.heard for command in commands)
        try:
            self._client.say([command.line for command in commands], behind)
        except ConnectError as error:
            if self._client.unanswered == len(self._waiting):
                with contextlib.suppress(ConnectError):  # its last words may say why
                    self._hear()
            raise self._known() or error from None

    # ------------------------------------------------------------------------------ what is heard

    def _hear(self, all_but: int = 0) -> None:
        while len(self._waiting) > all_but:
            heard = self._waiting.popleft()
            try:
                self._client.getreply()
            except ConnectError as error:  # a server may hang up once it has refused
                raise self._known() or error from error
            heard(self._client.reply)

    def _conclude(self) -> None:
        """Hear what became of a mail whose end was sent."""
        try:
            self._hear()
            if self._pipelined:
                self._hear_no_more()
        except ServerError as error:
            if error.reply is None or not self._taken:
                raise
            self.refused.update(self.words_for_all(error.reply))  # the others have it
        except GpgmailError as error:
            late = self._known() or failures.after_the_end(error)
            if isinstance(late, DeliveryError):
                late.accepted = tuple(self._taken)
            raise late from error

    def _hear_no_more(self) -> None:
        """Go on where there are as many answers as commands; else none belongs to its command.

        What was said of the mail stands where the server then hangs up, with or without a word.
        """
        said = b""
        with contextlib.suppress(ConnectError):
            said = self._client.ahead(len(_GOODBYE))
        if not _GOODBYE.startswith(said):
            raise self._client.nonsense("more answers than it had commands")

    def _on_reset(self, reply: Reply) -> None:
        if failures.meaning(reply.code) is not Meaning.AGREES:  # it says nothing of this mail
            raise self._client.nonsense(f"an answer that does not fit RSET: {reply}")

    def _on_mail(self, reply: Reply) -> None:
        self._begun = self._client.agrees(reply.code)
        if not self._begun:
            self._refusal = _Refusal(reply, self._client.subject)

    def _on_recipient(self, target: Target, reply: Reply) -> None:
        self._unnamed -= 1
        if self._client.agrees(reply.code):
            self._named.append(target.address)
        elif self._begun:  # else it is told that there is no mail
            self.refused[target.address] = reply
            if target.stops and not self._refusal:
                subject = f"RCPT {target.address} at {self._client.peer}"
                self._refusal = self._stopped = _Refusal(reply, subject)

    def _on_data(self, reply: Reply) -> None:
        if self._client.agrees(reply.code, failures.CONTENT):
            self._asked_for_content = True
        else:
            self._content_refusal = _Refusal(reply, self._client.subject)

    def _on_chunk(self, reply: Reply) -> None:
        if self._client.agrees(reply.code):
            return
        self._content_refusal = self._content_refusal or _Refusal(reply, self._client.subject)
        if reply.code in NOT_KNOWN:
            error = failures.no_chunking(reply, self._client.subject)
            self._client.abort(error)
            raise error

    def _on_end_of_chunks(self, reply: Reply) -> None:
        self._on_chunk(reply)
        self._on_end(tuple(self._named), reply)

    def _on_end(self, whom: Sequence[str], reply: Reply) -> None:
        if self._client.agrees(reply.code):
            self._taken += whom
            self._final = reply
        else:
            self.refused.update(dict.fromkeys(whom, reply))
            self._content_refusal = self._content_refusal or _Refusal(reply, self._client.subject)

    def _known(self) -> GpgmailError | None:
        """Return why nobody gets the mail, as far as that is known."""
        if not (self._unnamed or self._named or self._refusal):
            return failures.all_refused(self.refused, f"RCPT at {self._client.peer}")
        refusal = self._refusal or (None if self._taken else self._content_refusal)
        if refusal is None:
            return None
        if self._each_answered and refusal is self._content_refusal and not self._waiting:
            return failures.all_refused(self.refused, refusal.subject)
        reply, subject = refusal
        # Of those behind whom the mail was stopped nobody was refused.
        refused = self.refused if refusal is self._stopped else self.words_for_all(reply)
        return failures.refusal(reply, subject, refused)
