"""Commands beside the usual sending of a mail: which may be said here, and what their answers hold.

Nothing here talks; `Session` does. A caller's own command must leave the session where a reply
follows a command: whatever changes that is refused before it is sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpgmail.core.envelope import VERBS
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.transport import esmtp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.core.replies import Reply

MAIL, *_ = VERBS

_CONTENT = "what follows it is content and no command", "send the mail by deliver"
_ROLES = "client and server change places after it", ""

# Verbs after which no command and reply can follow -> why not, and what to do instead.
_ENDINGS: Mapping[str, tuple[str, str]] = {
    "DATA": _CONTENT,
    "BDAT": _CONTENT,
    "XEXCH50": _CONTENT,
    "STARTTLS": ("a TLS handshake follows it", "set ssl_start_mode to 2"),
    "TURN": _ROLES,
    "ATRN": _ROLES,
}

_LISTED, _FORWARDED = 250, 251
_STATUS = re.compile(r"2\.\d{1,3}\.\d{1,3}(?:\s+|$)")  # may stand in each line (RFC 2034)
_PATH = re.compile(r"<[^<>]*>")


def question(verb: str, about: str, extensions: esmtp.Extensions, subject: str) -> str:
    """Return VRFY or EXPN with its argument (RFC 5321 section 3.5, RFC 6531 section 3.7.4.2).

    Raises:
        UsageError: If *about* is empty.
        UnsupportedError: If it is not ASCII and the server has no SMTPUTF8.
    """
    about = about.strip()
    if not about:
        raise Situation.BAD_VALUE.error("needs an address or a name", subject=verb)
    if about.isascii():
        return f"{verb} {about}"
    esmtp.require("SMTPUTF8", "an address or name outside ASCII", extensions, subject)
    return f"{verb} {about} SMTPUTF8"


def members(reply: Reply) -> tuple[str, ...]:
    """Return the addresses that an answer to EXPN lists, each with its name where it has one."""
    lines = [_STATUS.sub("", line, count=1).strip() for line in reply.lines]
    if reply.code == _LISTED:
        return tuple(line for line in lines if "@" in line or _PATH.search(line))
    if reply.code == _FORWARDED:  # words, and within them where the mail goes
        return tuple(path[1:-1] for line in lines for path in _PATH.findall(line))
    return ()


def own_command(line: str) -> str:
    """Return the verb of a caller's own command, in capitals.

    Raises:
        UsageError: If it is empty.
        PolicyError: If the session could not go on after it.
    """
    words = line.split()
    if not words:
        raise Situation.BAD_VALUE.error("is empty", subject="command")
    verb = words[0].upper()
    if verb in _ENDINGS:
        why, hint = _ENDINGS[verb]
        raise Situation.POLICY.error(why, subject=f"command {verb}", hint=hint)
    return verb


def encoded(line: str, subject: str) -> bytes:
    """Return a command as it goes out.

    Raises:
        UsageError: If it holds CR, LF or NUL, or half a character.
    """
    try:
        return refuse_controls(line, subject).encode()
    except UnicodeEncodeError:
        raise Situation.BAD_VALUE.error("holds half a character", subject=subject) from None


def beginning(verb: str, *, extensions_allowed: bool) -> str:
    """Return the verb that begins a mail.

    Raises:
        UsageError: If there is none such, or it needs extensions that the caller does not allow.
    """
    if verb not in VERBS:
        known = ", ".join(VERBS)
        raise Situation.BAD_VALUE.error(f"must be one of {known}, not {verb!r}", subject="verb")
    if verb != MAIL and not extensions_allowed:
        raise Situation.BAD_VALUE.error(
            f"must be True for {verb}", subject="allow_extensions", hint="nothing was sent"
        )
    return verb
