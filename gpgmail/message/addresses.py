"""Mail addresses: what is accepted, how lists are read and written.

Local parts and internationalised domains are judged by email-validator, every other domain by the
rule here, because that package refuses `root@localhost`, `*.local` and `home.arpa` under every
flag, and this mail often goes to exactly those. Case is kept. A plain ASCII address loads nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls, shown
from gpgmail.message.headers import STYLE, phrase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.headerregistry import Address, AddressHeader, BaseHeader

    from email_validator import ValidatedEmail

    from gpgmail.core.errors import GpgmailError
    from gpgmail.message.headers import Style

_LONGEST = 254  # RFC 5321 section 4.5.3.1.3: a path has 256 octets with its brackets
_LONGEST_DOMAIN = 253  # RFC 1035 section 2.3.4, written with dots

_ATEXT = r"[\w!#$%&'*+/=?^`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*", re.ASCII)
_QUOTED_ASCII = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')  # RFC 5321 section 4.1.2
# One label and underscores are allowed: hosts of a local network have such names.
_LABEL = r"[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LITERAL = re.compile(r"\[(IPv6:)?([0-9A-Fa-f:.]+)\]", re.IGNORECASE)
_SPLIT = re.compile(r'("(?:[^"\\]|\\.)*"|[^@"]+)@(.+)', re.DOTALL)

# email-validator allows this reserved ending, when asked, and only this one.
_ALLOWED_ENDING = ".test"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name shown beside it; the address is as `check_address` returns it."""

    name: str
    address: str

    def __post_init__(self) -> None:
        refuse_controls(self.name, "display name")
        refuse_controls(self.address, "address")


def check_address(text: str) -> str:
    """Return the address *text* as it is put into an envelope.

    The domain of an internationalised address becomes ASCII (RFC 5890); a local part beyond ASCII
    stays, and asks for SMTPUTF8 (RFC 6531). The length of an ASCII local part is left to the
    server: VERP and SRS exceed the 64 octets of RFC 5321.

    Raises:
        UsageError: If it is no address.
    """
    refuse_controls(text, "address")
    parts = _SPLIT.fullmatch(text)
    if parts is None:
        raise _bad(text, "has no local part, or no domain")
    address = f"{_local_part(text, parts[1])}@{_domain(text, parts[2])}"
    if len(address.encode()) > _LONGEST:
        raise _bad(text, f"is longer than {_LONGEST} octets")
    return address


def parse_list(text: str) -> tuple[Mailbox, ...]:
    """Read a list of addresses as RFC 5322 section 3.4 writes it.

    Quoted commas, comments, groups and encoded words are understood; groups are flattened.

    Raises:
        UsageError: If a part of it is not an address, or holds CR, LF or NUL.
    """
    refuse_controls(text, "address list")
    if not text.strip():
        return ()
    return header_mailboxes(parse_header(text))


def header_mailboxes(header: AddressHeader) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a parsed address field, groups flattened."""
    return tuple(map(_mailbox, header.addresses))


def parse_header(text: str) -> AddressHeader:
    """Read *text* as `parse_list` does, and keep its groups.

    Raises:
        UsageError: If it cannot be read; the addresses themselves are not judged.
    """
    from email.headerregistry import HeaderRegistry

    try:
        header = cast("AddressHeader", HeaderRegistry()("to", text))
    except (AttributeError, LookupError, TypeError, ValueError):  # the parser's, on some garbage
        raise _bad(text, "cannot be read as addresses") from None
    return check_header(header, text)


def check_header(header: AddressHeader, text: str) -> AddressHeader:
    """Return a parsed address field unchanged; *text* names it in the error.

    Raises:
        UsageError: If the parser left something out because it could not read it.
    """
    from email.errors import InvalidHeaderDefect

    defects = cast("BaseHeader", header).defects
    wrong = next((one for one in defects if isinstance(one, InvalidHeaderDefect)), None)
    if wrong is not None:
        raise _bad(text, f"cannot be read as addresses: {wrong}")
    return header


def mailboxes(value: str | Iterable[str | Mailbox]) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a list written as text, or of several such items."""
    items = [value] if isinstance(value, str) else value
    return tuple(
        mailbox
        for item in items
        for mailbox in (parse_list(item) if isinstance(item, str) else [_checked(item)])
    )


def one_mailbox(text: str, subject: str) -> Mailbox:
    """Return the only mailbox of *text*.

    Raises:
        UsageError: If there is none or more than one.
    """
    found = parse_list(text)
    if len(found) != 1:
        raise Situation.BAD_ADDRESS.error(f"holds {len(found)} addresses, not one", subject=subject)
    return found[0]


def format_mailbox(mailbox: Mailbox, style: Style = STYLE, *, field: str = "display name") -> str:
    """Return *mailbox* as it stands in a header; *field* names that header in an error."""
    name = phrase(mailbox.name, style, field=field)
    return f"{name} <{mailbox.address}>" if name else mailbox.address


def format_header(header: AddressHeader) -> str:
    """Return a parsed address field as a value, with its groups."""
    return ", ".join(
        format_list(map(_mailbox, group.addresses))
        if group.display_name is None
        else f"{phrase(group.display_name)}: {format_list(map(_mailbox, group.addresses))};"
        for group in header.groups
    )


def format_list(
    boxes: Iterable[Mailbox], style: Style = STYLE, *, field: str = "display name"
) -> str:
    """Return *boxes* as the value of an address field; *field* names it in an error."""
    return ", ".join(format_mailbox(box, style, field=field) for box in boxes)


def same_mailbox(address: str) -> str:
    """Return what two addresses share that name one mailbox (RFC 5321 section 2.4)."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def domain_of(address: str) -> str:
    """Return the domain of an address that was checked."""
    return address.rpartition("@")[2]


def _mailbox(address: Address) -> Mailbox:
    return Mailbox(address.display_name, check_address(address.addr_spec))


def _checked(mailbox: Mailbox) -> Mailbox:
    return Mailbox(mailbox.name, check_address(mailbox.address))


def _local_part(text: str, local: str) -> str:
    if _DOT_ATOM.fullmatch(local) or _QUOTED_ASCII.fullmatch(local):
        return local
    if local.isascii():
        raise _bad(text, f"has a local part that is not allowed: {local}")
    return _validated(text, f"{local}@example.com").local_part


def _domain(text: str, domain: str) -> str:
    if domain.startswith("["):
        return _literal(text, domain)
    if not domain.isascii():
        found = _validated(text, f"x@{domain}{_ALLOWED_ENDING}").ascii_domain
        domain = found.removesuffix(_ALLOWED_ENDING)
    if not _HOST.fullmatch(domain) or len(domain) > _LONGEST_DOMAIN:
        raise _bad(text, f"has a domain that is not allowed: {domain}")
    return domain


def _literal(text: str, literal: str) -> str:
    import ipaddress

    found = _LITERAL.fullmatch(literal)
    try:
        if found is None:
            raise ValueError(literal)  # noqa: TRY301 -- one way out for both
        (ipaddress.IPv6Address if found[1] else ipaddress.IPv4Address)(found[2])
    except ValueError:
        raise _bad(text, f"has a domain that is not an IP address: {literal}") from None
    return literal


def _validated(text: str, address: str) -> ValidatedEmail:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(
            address,
            allow_smtputf8=True,
            allow_quoted_local=True,
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise _bad(text, str(error)) from None


def _bad(text: str, detail: str) -> GpgmailError:
    return Situation.BAD_ADDRESS.error(detail, subject=shown(text))
