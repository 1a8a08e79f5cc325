"""`SMTP`: plain mail, with the names of the reference pages."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from gpgmail.components import outgoing, queueing, recipients, source
from gpgmail.components.connected import Connected
from gpgmail.components.life import Act, Step, advance
from gpgmail.core.checks import text
from gpgmail.core.declare import rows
from gpgmail.core.errors import MessageError, UsageError
from gpgmail.core.events import ErrorReport
from gpgmail.core.situations import Situation
from gpgmail.delivery import courier
from gpgmail.message.bodies import whole_lines
from gpgmail.message.content import Attachment, as_it_is
from gpgmail.message.options import MessageOptions, draft_from
from gpgmail.transport.dialogue import stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from gpgmail.components.collection import Collection
    from gpgmail.components.types.header import Header
    from gpgmail.core.declare import Row
    from gpgmail.core.replies import Reply
    from gpgmail.message.composed import Composed
    from gpgmail.message.draft import Draft
    from gpgmail.message.part import Part
    from gpgmail.transport.session import Session
    from gpgmail.transport.transaction import Delivery

CONTENT = frozenset({*source.SOURCES, "html_text", "attached_file", "attachments", "code_page"})


class SMTP(Connected):
    """Sends mail through a server.

    Set the properties, then call `send()`; it connects when there is no connection. What a method
    raises is told to `on_error` before. An object does one thing at a time; `interrupt()` may be
    called from another thread. The rows are documented in docs/reference.md.

    Raises:
        UsageError: If a value does not fit its property.
    """

    _read_only_settings: ClassVar[Mapping[str, str]] = {
        "MessageHeadersString": "message_headers_string",
        "TransferText": "transfer_text",
    }

    def _set_up(self) -> None:
        super()._set_up()
        self._step = Step.COMPOSE
        self._stream = source.Stream()
        self._telling = outgoing.Telling()
        self._sent: outgoing.Sent | None = None
        self._changes = 0

    # ---- the mail ----

    def send(self) -> None:
        """Send the message; without a connection make one, and close it after success.

        Which refused recipients stop the mail is said by StopOnToErrors, StopOnCcErrors and
        StopOnBccErrors; the others are told to `on_error`.

        Raises:
            UsageError: With code 163, 164 or 165 if server, sender or recipient is not set.
            StateError: If the message's protection failed, until the message is set anew.
            ServerError: If the server refuses.
            DeliveryError: If the connection fails.
        """
        self._send("MAIL")

    def send_to_terminal_only(self) -> None:
        """Send the message to the terminals of its recipients (SEND, RFC 821 section 3.4).

        Raises what `send` does, and UsageError where `allow_extensions` is False.
        """
        self._send("SEND")

    def send_to_terminal_or_email(self) -> None:
        """Send the message to a recipient's terminal, or else his mailbox (SOML); see `send`."""
        self._send("SOML")

    def send_to_terminal_and_email(self) -> None:
        """Send the message to a recipient's terminal and his mailbox (SAML); see `send`."""
        self._send("SAML")

    def set_message_stream(self, message_stream: BinaryIO) -> None:
        """Take the message from a binary stream, from where it stands to its end.

        What is said of `message` holds for its content. It is read when the message is composed,
        and closed after success unless CloseStreamAfterTransfer is False.

        Raises:
            UsageError: If it is no binary stream.
            StateError: With code 166 while another call runs.
        """
        with self._working():
            self._step = advance(self._step, Act.CHANGE)
            self._stream.give(message_stream)
            self._only_source("")
            self._changed()

    def queue(self, queue_dir: str) -> str:
        """Put the message into a directory, to be sent by `process_queue`; return the file's name.

        For `*` the text of such a file is returned instead.

        Raises:
            UsageError, StateError: As `send` does, before anything is written.
            MessageError: If it cannot be written.
        """
        with self._working() as run:
            advance(self._step, Act.SEND)
            copies = self._copies(self._compose())
            path = queueing.queue(copies, text(queue_dir, "queue_dir"), run)
            self._stream.sent(close=self.close_stream_after_transfer)
            return path

    def process_queue(self, queue_dir: str) -> None:
        """Send what was queued in a directory, and give each file the ending of what became of it.

        Sent files are removed, or with KeepQueue end in `.sent`; `.failed` will never be sent as
        they are; `.queued` are tried again next time. Without a connection it makes one, and
        closes it afterwards.

        Raises:
            MessageError: If the directory cannot be read.
            DeliveryError: If the server cannot be reached, or some mails were not sent.
        """
        with self._working() as run:
            queueing.process(
                text(queue_dir, "queue_dir"),
                partial(self._in_session, run),
                run,
                keep=self.keep_queue,
                stop_on=stopping(self),
            )

    def reset_headers(self) -> None:
        """Set every header and recipient property back to its default.

        Raises:
            StateError: With code 166 while another call runs.
        """
        with self._working():
            self.message_recipients.clear()
            for row in rows(MessageOptions):
                if row.prop and row.name not in CONTENT:
                    setattr(self, row.name, row.default)

    def reset(self) -> None:
        """Close the connection and set everything but the handlers back to its default."""
        self.close()
        self._forget_session()
        self._clear_collections()
        self._values.clear()
        self._stream.give(None)
        self._sent = None
        self._step = Step.COMPOSE

    def close(self) -> None:
        """Let go of the connection; the object can be used again."""
        self.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the mail as it goes out ----

    @property
    def message_headers_string(self) -> str:
        """The header of the mail, with the empty line that ends it.

        That of the mail that was sent, or, once anything was changed, of the one that would be;
        empty as long as there is none to be composed.
        """
        sent = self._last_sent()
        if sent is not None:
            return sent.head()
        try:
            return outgoing.head_of(self._preview())
        except (UsageError, MessageError):
            return ""

    def get_message_headers_string(self) -> str:
        """Return `message_headers_string`."""
        return self.message_headers_string

    @property
    def message_headers(self) -> Collection[Header]:
        """The header fields of `message_headers_string`; the collection cannot be changed."""
        return outgoing.fields_of(self.message_headers_string)

    @property
    def message_header_count(self) -> int:
        """The number of `message_headers`."""
        return self.message_headers.count

    def get_message_header_count(self) -> int:
        """Return `message_header_count`."""
        return self.message_header_count

    def get_message_header_field(self, message_header_index: int) -> str:
        """Return the name of a header field."""
        return self.message_headers[message_header_index].field

    def get_message_header_value(self, message_header_index: int) -> str:
        """Return the value of a header field."""
        return self.message_headers[message_header_index].value

    @property
    def transfer_text(self) -> str:
        """The body of the mail that was sent, as it went out, until anything is changed.

        Files are read again for it.

        Raises:
            MessageError: With code 302 if one does not hold any more what was sent.
        """
        sent = self._last_sent()
        return "" if sent is None else sent.body()

    # ---- within ----

    def _send(self, verb: str) -> None:
        with self._working() as run:
            advance(self._step, Act.SEND)
            if not self.mail_server:
                raise Situation.NO_SERVER.error("is empty", subject="mail_server")
            composed = self._compose(self._telling)
            copies = self._copies(composed, self._telling)
            sent = outgoing.Sent(composed, self._made_of())
            with self._in_session(run) as session:
                refused = self._hand_over(copies, sent, session, verb)
            self._sent = sent
            self._stream.sent(close=self.close_stream_after_transfer)
            for address, reply in refused.items():
                error = Situation.SERVER_REFUSED.error(str(reply), subject=address)
                run.emit(ErrorReport(error.code.number, run.redactor.clean(str(error))))

    def _compose(self, wrap: Callable[[Part], Part] = as_it_is) -> Composed:
        """Return the finished mail; PSMTP puts the protected content in."""
        raw = source.raw_source(self, self._stream, self._run)
        return source.composed(self._draft(), raw, wrap, self._run)

    def _copies(
        self,
        composed: Composed,
        wrap: Callable[[Part], Part] = as_it_is,  # noqa: ARG002 - PSMTP's
    ) -> tuple[Composed, ...]:
        """Return the mail as each group of recipients gets it, the one that is shown first."""
        return (composed,)

    def _preview(self) -> Composed:
        """Return the mail as it would go out now, whether or not it may."""
        return self._compose()

    def _draft(self, *, with_text: bool = True) -> Draft:
        draft = draft_from(self, self._stated() if with_text else (), with_text=with_text)
        return replace(
            draft,
            text=None if draft.text is None else whole_lines(draft.text),
            to=(),
            cc=(),
            bcc=(),
            recipients=recipients.stated(self.message_recipients),
            html=self.html_text if with_text and self.html_text else None,
        )

    @property
    def _encoded_elsewhere(self) -> bool:
        return bool(self._stream or self.message or self.local_file)

    def _stated(self) -> tuple[Attachment, ...]:
        named = [Attachment(source=self.attached_file)] if self.attached_file else []
        return (*(one.stated() for one in self.attachments), *named)

    def _made_of(self) -> tuple[object, ...]:
        """Return what a mail was made of: changes count, and what items state tells the rest."""
        return self._changes, recipients.stated(self.message_recipients), self._stated()

    def _changed(self) -> None:
        self._changes += 1

    def _last_sent(self) -> outgoing.Sent | None:
        """Return the mail that was sent, unless something was changed since."""
        sent = self._sent
        return sent if sent is not None and sent.is_of(self._made_of()) else None

    def _hand_over(
        self, copies: Sequence[Composed], sent: outgoing.Sent, session: Session, verb: str
    ) -> Mapping[str, Reply]:
        """Give a mail to the server, the first copy as *sent*; return its words for the refused."""

        def give(copy: Composed) -> Delivery:
            return session.deliver(
                copy.envelope,
                sent.chunks() if copy is copies[0] else copy.render(),
                size=copy.size,
                needs_utf8=copy.needs_utf8,
                needs_8bit=copy.eight_bit,
                stop_on=stop_on,
                verb=verb,
            )

        stop_on = stopping(self)
        self._telling.run = session.run
        try:
            return courier.each(copies, give, session, stop_on=stop_on).refused
        finally:
            self._telling.run = None

    # ---- what follows from a change ----

    def _current(self, row: Row, value: Any) -> Any:  # noqa: ANN401 - any row's
        if row.name in recipients.LISTS:
            return recipients.as_text(self.message_recipients, row.name, value)
        return super()._current(row, value)

    def _before_set(self, row: Row) -> None:
        super()._before_set(row)
        advance(self._step, _act(row.name))

    def _after_set(self, row: Row) -> None:
        self._step = advance(self._step, _act(row.name))
        self._changed()
        if row.name in source.SOURCES and self._values[row.name]:
            self._stream.give(None)
            self._only_source(row.name)
        elif row.name in recipients.LISTS:
            recipients.relist(self.message_recipients, row.name, self._values[row.name])

    def _only_source(self, name: str) -> None:
        for other in source.SOURCES:
            if other != name:
                self._values.pop(other, None)

    def _collection_changing(self, name: str) -> None:
        self._step = advance(self._step, _act(name))
        self._changed()


def _act(name: str) -> Act:
    return Act.CHANGE if name in CONTENT else Act.ADDRESS
