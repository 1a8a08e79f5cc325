"""Header fields that stand inside a mail's protection (RFC 9788, and what came before it).

Whoever encrypts can write any field inside, so a field from there takes the place of the one
outside only where it may: Subject, Keywords and Comments where the sender put a stand-in outside or
signed; To, Cc, Date and the like where he signed; From never with another address. Each is told,
with what stands outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.message.headers import is_content
from gpgmail.protect.rebuild import decoded_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gpgmail.message.headers import Field
    from gpgmail.message.walk import Entity

_SCHEMES = {"cipher": "hp", "clear": "hp", "v1": "v1"}
_NOT_PROTECTED = {"hp-outer", "mime-version"}
_HIDDEN_BY_SENDER = frozenset({"subject", "keywords", "comments"})
_SHOWN_IF_SIGNED = _HIDDEN_BY_SENDER | {"to", "cc", "date", "reply-to", "followup-to"}
# What programs write outside in place of a Subject.
_STAND_INS = frozenset(
    {"", "...", "[...]", "encrypted message", "encrypted mail", "encrypted subject", "pep", "p≡p"}
)
_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedField:
    """A field inside, and the one outside, None where there is none; both decoded.

    `shown` says that `ReadMail.message` has this one in place of the outer one.
    """

    name: str
    value: str
    outer: str | None
    shown: bool

    @property
    def differs(self) -> bool:
        """Whether something else stands outside."""
        return self.outer is not None and self.outer != self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedHeaders:
    """The fields inside, and what is around them; `scheme` is `hp` (RFC 9788) or `v1`."""

    scheme: str
    fields: tuple[ProtectedField, ...]
    encrypted: bool
    signed: bool

    def get(self, name: str) -> ProtectedField | None:
        """Return the field *name*, in any case."""
        return next((one for one in self.fields if one.name.lower() == name.lower()), None)

    def complaints(self) -> Iterator[str]:
        """Yield in words what is not as it should be."""
        for one in self.fields:
            if not one.differs or one.shown:
                continue
            if one.name.lower() == "from":
                yield f"From inside the protection is another: {one.value}"
            elif one.name.lower() == "subject" and not self.signed:
                yield "nobody signed the Subject inside the encryption, which is another"


def protected(
    root: Entity, core: Entity, *, encrypted: bool, signed: bool, same: Callable[[str, str], bool]
) -> ProtectedHeaders | None:
    """Return the fields that *core*, which is inside the protection of *root*, says are protected.

    *same* tells whether two From fields name one address.
    """
    scheme = _scheme(core)
    if core is root or not scheme:
        return None
    outside, recorded = _first(root), _recorded(core)
    fields = []
    for name, value in _first(core).items():
        if is_content((name, "")) or name in _NOT_PROTECTED:
            continue
        outer = outside.get(name)
        may = _may_be_shown(name, outer, recorded.get(name), signed=signed)
        if name == "from":
            may = outer is not None and same(value[1], outer[1])
        fields.append(
            ProtectedField(
                name=value[0],
                value=decoded_field(*value),
                outer=decoded_field(*outer) if outer else None,
                shown=may,
            )
        )
    return ProtectedHeaders(
        scheme=scheme, fields=tuple(fields[:_MOST_FIELDS]), encrypted=encrypted, signed=signed
    )


def shown_fields(core: Entity, found: ProtectedHeaders | None) -> Mapping[str, Field]:
    """Return the fields of *core*, by name in lower case, that stand for the outer ones."""
    shown = {one.name.lower() for one in found.fields if one.shown} if found else set()
    return {name: field for name, field in _first(core).items() if name in shown}


def _scheme(core: Entity) -> str:
    for parameter in ("hp", "protected-headers"):
        if found := _SCHEMES.get(core.params.get(parameter, "").lower()):
            return found
    return ""


def _may_be_shown(name: str, outer: Field | None, recorded: str | None, *, signed: bool) -> bool:
    if signed:
        return name in _SHOWN_IF_SIGNED
    if name not in _HIDDEN_BY_SENDER:
        return False
    text = outer[1].strip() if outer else ""
    return text.lower() in _STAND_INS or (recorded is not None and recorded == text)


def _first(entity: Entity) -> dict[str, Field]:
    """Return the first field of each name."""
    found: dict[str, Field] = {}
    for field in entity.fields:
        found.setdefault(field[0].lower(), field)
    return found


def _recorded(core: Entity) -> dict[str, str]:
    """Return what the sender says he wrote outside (HP-Outer, RFC 9788 section 2.2)."""
    found: dict[str, str] = {}
    for name, value in core.fields:
        if name.lower() == "hp-outer":
            outer, colon, text = value.partition(":")
            if colon:
                found.setdefault(outer.strip().lower(), text.strip())
    return found
