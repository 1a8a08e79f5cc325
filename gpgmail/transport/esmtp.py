"""What goes behind MAIL and RCPT, given what the server offers (RFC 1870, 3461, 6152, 6531)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.transport import dsn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.envelope import Envelope, Recipient
    from gpgmail.core.errors import GpgmailError

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NOT_IN_PATHS = re.compile(r"[\x00-\x20\x7f<>]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # and halves of characters

Extensions = Mapping[str, str]  # keyword in capitals -> its parameters


class Needs(NamedTuple):
    """What a mail asks of the server."""

    size: int | None = None
    utf8: bool = False
    eight_bit: bool = False


def path(address: str) -> str:
    """Return an address as MAIL and RCPT take it, exactly as it was given.

    Raises:
        UsageError: If it could be read as more than one address.
    """
    if _CONTROLS.search(address) or _NOT_IN_PATHS.search(_QUOTED.sub("", address)):
        raise Situation.BAD_ADDRESS.error(
            "holds a blank, bracket or control character", subject=repr(address)
        )
    return f"<{address}>"


def mail(verb: str, sender: str, parameters: Iterable[str]) -> bytes:
    """Return the line that begins a mail, with the address exactly as given."""
    return " ".join([f"{verb} FROM:{path(sender)}", *parameters]).encode() + b"\r\n"


def rcpt(recipient: Recipient, parameters: Iterable[str]) -> bytes:
    """Return the line that names a recipient, with the address exactly as given."""
    return " ".join([f"RCPT TO:{path(recipient.address)}", *parameters]).encode() + b"\r\n"


def needs_of(envelope: Envelope, *, size: int | None, utf8: bool, eight_bit: bool) -> Needs:
    """Return what a mail asks of the server: an address that is not ASCII needs SMTPUTF8.

    Raises:
        UsageError: If an address cannot stand in a command.
    """
    paths = [path(address) for address in (envelope.sender, *envelope.addresses)]
    international = utf8 or not all(each.isascii() for each in paths)
    return Needs(size, international, eight_bit or utf8)


def mail_parameters(needs: Needs, extensions: Extensions, subject: str) -> tuple[str, ...]:
    """Return the parameters of MAIL.

    Raises:
        UnsupportedError: If the server lacks an extension that the mail needs.
        ServerError: If the mail is larger than the server says that it takes.
    """
    parameters = []
    if needs.size is not None and "SIZE" in extensions:
        _check_size(needs.size, extensions["SIZE"], subject)
        parameters.append(f"SIZE={needs.size}")
    if needs.utf8:
        require("SMTPUTF8", "an address or header outside ASCII", extensions, subject)
        parameters.append("SMTPUTF8")
    if needs.eight_bit:
        require("8BITMIME", "content with bytes above 127", extensions, subject)
        parameters.append("BODY=8BITMIME")
    return tuple(parameters)


def envelope_parameters(
    options: str, extensions: Extensions, subject: str, *, secured: bool
) -> tuple[str, ...]:
    """Return the parameters of MAIL that the envelope's own options ask for.

    Raises:
        UnsupportedError: If the server lacks the extension for one, or cannot do what it asks.
        UsageError: If they are not parameters.
        PolicyError: If REQUIRETLS is asked for, and this connection has no TLS.
    """
    stated = dsn.mail_parameters(options)
    for keyword, value in stated.items():
        require(dsn.extension(keyword), keyword, extensions, subject)
        if keyword == "BY":
            _check_time(value, extensions[dsn.extension(keyword)], subject)
    if "REQUIRETLS" in stated and not secured:  # RFC 8689 section 4.2.1
        raise Situation.CLEARTEXT_MAIL.error("REQUIRETLS without TLS", subject=subject)
    return _as_words(stated)


def _check_time(value: str, least: str, subject: str) -> None:
    seconds = dsn.seconds_to_return(value)
    if seconds is not None and least.isdecimal() and seconds < int(least):  # RFC 2852 section 4
        raise Situation.NOT_FOR_SERVER.error(
            f"takes at least {int(least)} seconds (DELIVERBY), not {seconds}", subject=subject
        )


def recipient_parameters(
    recipient: Recipient, extensions: Extensions, subject: str
) -> tuple[str, ...]:
    """Return the parameters of RCPT, as `dsn` reads them from the recipient's options.

    Raises:
        UnsupportedError: If there are some and the server lacks the extension for them.
        UsageError: If they are not parameters.
    """
    stated = dsn.parameters(recipient.options, recipient.address)
    for keyword in stated:
        require(dsn.extension(keyword), f"{keyword} for {recipient.address}", extensions, subject)
    return _as_words(stated)


def _as_words(parameters: dsn.Parameters) -> tuple[str, ...]:
    return tuple(f"{name}={value}" if value else name for name, value in parameters.items())


def require(keyword: str, what: str, extensions: Extensions, subject: str) -> None:
    """Go on where the server offers *keyword*.

    Raises:
        UnsupportedError: If it does not; *what* is what needs it.
    """
    if keyword not in extensions:
        raise _lacking(keyword, what, subject)


def _lacking(keyword: str, what: str, subject: str) -> GpgmailError:
    return Situation.NOT_FOR_SERVER.error(f"no {keyword}, needed for {what}", subject=subject)


def _check_size(size: int, limit: str, subject: str) -> None:
    # SIZE without a number, or with 0, means that no fixed limit is known (RFC 1870 section 4).
    if limit.isdecimal() and 0 < int(limit) < size:
        raise Situation.SERVER_REFUSED.error(
            f"takes at most {int(limit)} bytes (SIZE), the mail has {size}",
            subject=subject,
            hint="nothing was sent; use another server or a smaller mail",
        )
