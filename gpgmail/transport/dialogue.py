"""The rows that decide how a session talks: what stops a mail, how it goes on, what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.declare import Declared, setting
from gpgmail.core.envelope import RecipientType

if TYPE_CHECKING:
    from collections.abc import Mapping


class DialogueOptions(Declared):
    """What is said to a server, and what is made of its refusals."""

    stop_on_to_errors: bool = setting(
        default=True,
        key="StopOnToErrors",
        doc="A refused To recipient stops the mail; False tells `on_error` and goes on.",
    )
    stop_on_cc_errors: bool = setting(
        default=True,
        key="StopOnCcErrors",
        doc="A refused Cc recipient stops the mail; False tells `on_error` and goes on.",
    )
    stop_on_bcc_errors: bool = setting(
        default=False,
        key="StopOnBccErrors",
        doc="A refused Bcc recipient stops the mail; False tells `on_error` and goes on.",
    )
    send_rset: bool = setting(
        default=True,
        key="SendRSET",
        doc="After a refused mail a connection is made ready for the next by RSET; False greets "
        "the server anew instead, which does the same (RFC 5321 section 4.1.4).",
    )
    pipelining: bool = setting(
        default=True,
        key="Pipelining",
        doc="Say commands in groups where the server offers PIPELINING (RFC 2920). Ours.",
    )
    chunking: bool = setting(
        default=True,
        key="Chunking",
        doc="Send content by BDAT where the server offers CHUNKING (RFC 3030). Ours.",
    )
    mask_sensitive: bool = setting(
        default=True,
        key="MaskSensitive",
        also="MaskSensitiveData",
        doc="Mask in `on_pi_trail` what belongs to a login. False shows it to that handler; errors "
        "and last_reply stay masked.",
    )


_STOPS: Mapping[RecipientType, str] = {
    RecipientType.TO: "stop_on_to_errors",
    RecipientType.CC: "stop_on_cc_errors",
    RecipientType.BCC: "stop_on_bcc_errors",
}


_SWITCHES: Mapping[str, str] = {"PIPELINING": "pipelining", "CHUNKING": "chunking"}


def allows(options: DialogueOptions, extension: str) -> bool:
    """Tell whether *extension*, in capitals, may be used; those without a row may."""
    return bool(getattr(options, _SWITCHES.get(extension, ""), True))


def stopping(options: DialogueOptions) -> frozenset[RecipientType]:
    """Return the types of which a refused recipient stops the mail."""
    return frozenset(kind for kind, row in _STOPS.items() if getattr(options, row))
