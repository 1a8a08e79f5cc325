"""Whom a mail that a program handed over is from and goes to, and what its header lacks of that.

Programs write names that only this machine knows: `root` is completed with a domain, or resolved by
the aliases, in the header as in the envelope. Bcc stands in no header that leaves here. Who stands
in no To or Cc that leaves here gets a copy of his own where mails are encrypted, as a Bcc does.
"""

from __future__ import annotations

import os
import re
from email.utils import format_datetime, localtime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls, shown
from gpgmail.message.addresses import Mailbox, check_address, format_list, same_mailbox
from gpgmail.message.boxes import boxes_of
from gpgmail.message.composed import new_message_id, unique
from gpgmail.message.handed import field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gpgmail.delivery.aliases import Aliases
    from gpgmail.delivery.options import AccountOptions
    from gpgmail.message.handed import Handed, RawField

_MAILNAME = Path("/etc/mailname")

_COMPLETED = ("from", "sender", "reply-to", "to", "cc")
_RESENT = "resent-"
_LISTS = (("to", RecipientType.TO), ("cc", RecipientType.CC), ("bcc", RecipientType.BCC))
_NEVER_SENT = {"bcc", "resent-bcc", "return-path", "content-length"}


class Wanted(NamedTuple):
    """What the caller says beside the mail.

    *sender* is None where he says nothing, and empty for the null sender. *notify*, *returned* and
    *envelope_id* are parameters of RFC 3461.
    """

    recipients: Sequence[str] = ()
    read_recipients: bool = False
    sender: str | None = None
    full_name: str = ""
    notify: str = ""
    returned: str = ""
    envelope_id: str = ""


class Addressed(NamedTuple):
    """A header that is complete, and the envelope; it has no recipients where aliases say so."""

    fields: tuple[RawField, ...]
    envelope: Envelope
    author: str  # the value of From
    message_id: str


class Names(NamedTuple):
    """What names are completed with, and the `hosts` that are domains of this machine."""

    domain: str
    login: str
    full_name: str
    hosts: frozenset[str]

    def whole(self, name: str) -> str:
        """Return *name* as an address.

        Raises:
            UsageError: If it can be none.
        """
        named = "@" in name and not name.endswith('"')
        return check_address(name if named else f"{name}@{self.domain}")

    def local(self, name: str) -> str:
        """Return the part of *name* that aliases are looked up by, empty if it is no local one."""
        part, at, domain = name.rpartition("@")
        if not at or name.endswith('"'):
            return name
        return part if domain.lower() in self.hosts else ""


def names_of(options: AccountOptions) -> Names:
    """Return what names are completed with here."""
    import pwd
    import socket

    host = socket.gethostname()
    try:
        entry = pwd.getpwuid(os.getuid())
        login, person = entry.pw_name, entry.pw_gecos.partition(",")[0]
    except KeyError:
        login, person = str(os.getuid()), ""
    return Names(
        domain=options.domain or _mailname() or host,
        login=login,
        full_name=os.environ.get("NAME") or person.replace("&", login.capitalize()),
        hosts=frozenset({"localhost", "localhost.localdomain", host.lower()}),
    )


def _mailname() -> str:
    """Return what Debian's policy has mail programs complete names with, if it says so."""
    try:
        return _MAILNAME.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def address(
    handed: Handed,
    wanted: Wanted,
    options: AccountOptions,
    names: Names,
    aliases: Aliases | None = None,
) -> Addressed:
    """Return the header and the envelope of a mail.

    Raises:
        UsageError: If it names no recipient, or an address cannot be used.
    """
    sender, author = _sender(wanted, options, names)
    fields = [_completed(one, names) for one in handed.fields if one.key not in _NEVER_SENT]
    has = {one.key for one in fields}
    if "from" not in has:
        fields.append(field("From", author))
    if "date" not in has:
        fields.append(field("Date", format_datetime(localtime())))
    if "message-id" not in has:
        fields.append(field("Message-ID", new_message_id(names.whole(sender or names.login))))
    envelope = Envelope(
        sender, _recipients(handed, wanted, names, aliases), " ".join(_mail_options(wanted))
    )
    values = {one.key: one.value for one in reversed(fields)}
    return Addressed(tuple(fields), envelope, values["from"], values["message-id"])


# ---------------------------------------------------------------------------------------- who sends


def _sender(wanted: Wanted, options: AccountOptions, names: Names) -> tuple[str, str]:
    """Return the sender of the envelope, and From for a mail that has none."""
    stated = wanted.sender or options.from_
    box = _one(stated, names) if stated else Mailbox("", names.whole(names.login))
    own = box.address == names.whole(names.login)
    name = wanted.full_name or box.name or (names.full_name if own else "")
    null = wanted.sender is not None and not wanted.sender
    author = format_list([Mailbox(refuse_controls(name, "full name"), box.address)])
    return "" if null else box.address, author


def _one(text: str, names: Names) -> Mailbox:
    found = boxes_of(text)
    if len(found) != 1:
        raise Situation.BAD_ADDRESS.error(f"holds {len(found)} addresses", subject=shown(text))
    return Mailbox(found[0].name, names.whole(found[0].spec))


# ------------------------------------------------------------------------------------- who receives


def _recipients(
    handed: Handed, wanted: Wanted, names: Names, aliases: Aliases | None
) -> tuple[Recipient, ...]:
    resent = any(handed.has(f"{_RESENT}{name}") for name, _ in _LISTS)
    lists = [(f"{_RESENT if resent else ''}{name}", kind) for name, kind in _LISTS]
    shown_in = _shown_in(handed, lists, names)
    found = [
        (box.spec, shown_in.get(same_mailbox(names.whole(box.spec)), RecipientType.BCC))
        for argument in wanted.recipients
        for box in boxes_of(argument)
    ]
    if wanted.read_recipients:
        found += [
            (box.spec, kind)
            for name, kind in lists
            for value in handed.values(name)
            for box in boxes_of(value)
        ]
    if not found:
        raise Situation.NO_RECIPIENT.error(
            "the mail goes to nobody", hint="name recipients, or say -t to read them from the mail"
        )
    options = f"NOTIFY={wanted.notify}" if wanted.notify else ""
    resolved = [
        Recipient(names.whole(box.spec), "", kind, options)
        for spec, kind in found
        for whom in _resolved(spec, names, aliases)
        for box in boxes_of(whom)
    ]
    return unique(resolved) if resolved else ()


def _shown_in(
    handed: Handed, lists: Sequence[tuple[str, RecipientType]], names: Names
) -> Mapping[str, RecipientType]:
    """Return who stands in fields that the mail keeps, as far as these can be read."""
    shown_in: dict[str, RecipientType] = {}
    for name, kind in lists:
        for value in handed.values(name) if kind is not RecipientType.BCC else ():
            for box in _readable(value, names):
                shown_in.setdefault(same_mailbox(box.address), kind)
    return shown_in


def _readable(value: str, names: Names) -> Sequence[Mailbox]:
    """Return the addresses of a value, none where one of them cannot be used."""
    try:
        return [Mailbox(box.name, names.whole(box.spec)) for box in boxes_of(value)]
    except ValueError:
        return ()


def _resolved(spec: str, names: Names, aliases: Aliases | None) -> Iterable[str]:
    local = names.local(spec) if aliases is not None else ""
    return aliases.resolve(local) if aliases is not None and local else (spec,)


def _mail_options(wanted: Wanted) -> Iterator[str]:
    if wanted.returned:
        yield f"RET={wanted.returned}"
    if wanted.envelope_id:
        yield f"ENVID={_xtext(wanted.envelope_id)}"


def _xtext(text: str) -> str:
    """Return *text* as RFC 3461 section 4 writes it.

    Raises:
        UsageError: If it is not printable ASCII.
    """
    if not (text.isascii() and text.isprintable()):
        raise Situation.BAD_VALUE.error("must be printable ASCII", subject="-V")
    return re.sub(r"[+= ]", lambda found: f"+{ord(found[0]):02X}", text)


def _completed(one: RawField, names: Names) -> RawField:
    """Return an address field in ASCII, in which all have a domain; as it came where that holds."""
    if one.key.removeprefix(_RESENT) not in _COMPLETED:
        return one
    boxes = _readable(one.value, names)
    if not boxes:
        return one
    if one.lines.isascii() and all("@" in box.spec for box in boxes_of(one.value)):
        return one
    return field(one.name, format_list(boxes, field=one.name))
