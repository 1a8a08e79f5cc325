"""The mails that gpgmail writes for others to read: every face, protection, content and key kind.

Rules of this file:
- Each mail is sent to a real server through the public interface, and what the server received is
  what is read. A mail is made when it is first asked for, once in a process.
- A case says what somebody who may read it must see. What programs cannot do is stated elsewhere
  (`stated.py`), never by leaving a case out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING, Self

from gpgmail import PSMTP, Algorithms, Attachment, Draft, Mailer
from gpgmail.components import Attachment as Attached
from gpgmail.components import Key
from gpgmail.testing.sinks import Sink
from tests.interop.circle import Circle, circle
from tests.interop.seen import Meant
from tests.support.keyrings import fixture_key, keyring_copy, situations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack
    from pathlib import Path

SENDER, ALICE, BOB, CAROL = (f"{name}@example.org" for name in ("sender", "alice", "bob", "carol"))
PASSPHRASE = "correct horse battery"
PLAIN = "Grüße an alle.\nEverything is safe.\n"
HARD = (
    "blanks at the end   \n\ta tab\t\nFrom here on\n.\n.dot\n..two dots\n- dash\n-- \n"
    "-----BEGIN nothing-----\n\n\nÄ € 漢字 🔐 é\n"
    + "long " * 300
    + "\n"
    + "x" * 1200
    + "\n=20 =\n>From\nend\n"
)
HTML = "<p>Grüße an <b>alle</b>.</p>\n"
FILES = {
    "data.bin": bytes(range(256)) * 20,
    "Zoë ä.txt": b"eine Zeile\nzwei   \n",
    "with blank.csv": b"a;b\r\n1;2\r\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A mail, and what the person with the address `to` must see, who reads it in a home.

    The home is a copy of the situation `reader`, with that person's secret key alone.
    """

    name: str
    make: Callable[[Post], None]
    meant: Meant
    to: str = ALICE
    reader: str = "recipients-home"
    passphrase: str = ""


@dataclass(slots=True)
class Post:
    """The server that everything is sent to, the senders' homes, and the readers' circles."""

    sink: Sink
    _stack: ExitStack
    _homes: dict[str, Path] = field(default_factory=dict)
    _circles: dict[tuple[str, str], Circle] = field(default_factory=dict)
    _mails: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def open(cls, stack: ExitStack) -> Self:
        """A post that ends with the stack."""
        return cls(stack.enter_context(Sink()), stack)

    def home(self, situation: str) -> Path:
        """A copy of a fixture keyring."""
        if situation not in self._homes:
            self._homes[situation] = self._stack.enter_context(keyring_copy(situation))
        return self._homes[situation]

    def circle(self, situation: str, owner: str = "") -> Circle:
        """Those who read with a fixture home: all who are in it, or one."""
        if (situation, owner) not in self._circles:
            made = self._stack.enter_context(circle(situation, owner))
            self._circles[situation, owner] = made
        return self._circles[situation, owner]

    def mail(self, case: Case) -> bytes:
        """The mail of a case as the server received it for its reader."""
        if case.name not in self._mails:
            self.sink.received.clear()
            case.make(self)
            (mail,) = (each for each in self.sink.received if case.to in each.recipients)
            self._mails[case.name] = mail.data
        return self._mails[case.name]


# ------------------------------------------------------------------------------------ the toolkit


def _draft(content: str, **more: object) -> Draft:
    contents: Mapping[str, dict[str, object]] = {
        "plain": {"text": PLAIN},
        "hard": {"text": HARD},
        "html": {"text": PLAIN, "html": HTML},
        "files": {
            "text": PLAIN,
            "attachments": tuple(
                Attachment(source=data, name=name) for name, data in FILES.items()
            ),
        },
    }
    return Draft(**{"from_": SENDER, "to": ALICE, "subject": "Grüße", **contents[content], **more})


def _meant(
    content: str, *, encrypted: bool, signers: tuple[str, ...], cleartext: bool = False
) -> Meant:
    files = {"html": {"text/html": HTML.encode()}, "files": FILES}
    return Meant(
        text=HARD if content == "hard" else PLAIN,
        files=files.get(content, {}),
        encrypted=encrypted,
        signers=frozenset(_fingerprint(name) for name in signers),
        cleartext=cleartext,
    )


def _fingerprint(address: str) -> str:
    return fixture_key("recipients-home", address.partition("@")[0]).fingerprint


def _toolkit(
    message: Draft | EmailMessage, home: str = "modern", **options: object
) -> Callable[[Post], None]:
    made = {name: options.pop(name) for name in ("algorithms", "engine") if name in options}

    def send(post: Post) -> None:
        with Mailer(post.sink.url, keyring=post.home(home), **made) as mailer:
            mailer.send(message, **options)

    return send


_PROTECTIONS = {
    "signed": {"sign": True},
    "encrypted": {"encrypt": True},
    "signed and encrypted": {"sign": True, "encrypt": True},
}
_CONTENTS = {
    "plain": "text",
    "hard": "difficult text",
    "html": "text and HTML",
    "files": "files",
}


def _toolkit_cases() -> Iterator[Case]:
    for form, contents in (("pgpmime", _CONTENTS), ("inline", _CONTENTS)):
        for content, words in contents.items():
            if (form, content) == ("inline", "html"):
                continue  # refused: no two readers agree on armor inside HTML
            for protection, options in _PROTECTIONS.items():
                yield Case(
                    name=f"{form}: {protection}, {words}",
                    make=_toolkit(_draft(content), format=form, **options),
                    meant=_meant(
                        content,
                        encrypted="encrypt" in options,
                        signers=(SENDER,) if "sign" in options else (),
                        cleartext=(form, protection) == ("inline", "signed"),
                    ),
                )


def _email_message() -> EmailMessage:
    """A mail that another mail is attached to, as the standard library makes it."""
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = BOB, SENDER, "inner"
    inner.set_content("The forwarded words.\n")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, ALICE, "Fwd: inner"
    message.set_content(PLAIN)
    message.add_attachment(FILES["data.bin"], maintype="image", subtype="png", filename="data.bin")
    message.add_attachment(inner)
    return message


def _copies() -> Iterator[Case]:
    both = {"sign": True, "encrypt": True}
    sealed = _meant("plain", encrypted=True, signers=(SENDER,))
    several = _draft("plain", cc=BOB)
    blind = _draft("plain", bcc=BOB)
    for who, name in ((ALICE, "first"), (BOB, "second")):
        make = _toolkit(several, **both)
        yield Case(name=f"pgpmime: two recipients, by the {name}", make=make, meant=sealed, to=who)
    for form in ("pgpmime", "inline"):
        make = _toolkit(blind, format=form, **both)
        yield Case(name=f"{form}: the copy of a Bcc recipient", make=make, meant=sealed, to=BOB)
    make = _toolkit(_email_message(), **both)
    yield Case(
        name="pgpmime: an EmailMessage with a mail attached",
        make=make,
        meant=_meant("plain", encrypted=True, signers=(SENDER,)),
    )


def _hidden(post: Post) -> None:
    home = post.home("modern")
    config = home / "gpg.conf"
    config.write_text("throw-keyids\n")
    try:
        _toolkit(_draft("plain"), sign=True, encrypt=True)(post)
    finally:
        config.unlink()


def _hidden_copies() -> Iterator[Case]:
    make = _toolkit(_draft("plain", bcc=BOB), sign=True, encrypt=True, bcc="hidden")
    meant = _meant("plain", encrypted=True, signers=(SENDER,))
    for who, words in ((ALICE, "named"), (BOB, "hidden")):
        name = f"one copy with a hidden key: by the {words} recipient"
        yield Case(name=name, make=make, meant=meant, to=who)
    make = _toolkit(_draft("plain"), sign=True, encrypt=True, symmetric=PASSPHRASE)
    yield Case(name="a passphrase beside keys: with the key", make=make, meant=meant)


def _engine_cases() -> Iterator[Case]:
    for form in ("pgpmime", "inline"):
        for protection, options in _PROTECTIONS.items():
            yield Case(
                name=f"engine gpgme: {form} {protection}",
                make=_toolkit(_draft("hard"), format=form, engine="gpgme", **options),
                meant=_meant(
                    "hard",
                    encrypted="encrypt" in options,
                    signers=(SENDER,) if "sign" in options else (),
                    cleartext=(form, protection) == ("inline", "signed"),
                ),
            )


def _several_keys() -> Iterator[Case]:
    for form in ("pgpmime", "inline"):
        signers = [_fingerprint(ALICE), _fingerprint(BOB)]
        make = _toolkit(
            _draft("plain", from_=BOB),
            home="recipients-home",
            format=form,
            sign=signers,
        )
        meant = _meant("plain", encrypted=False, signers=(ALICE, BOB))
        yield Case(name=f"{form}: signed by two", make=make, meant=meant)
    yield Case(
        name="pgpmime: hidden recipient",
        make=_hidden,
        meant=_meant("plain", encrypted=True, signers=(SENDER,)),
    )


_ALGORITHMS = {
    "AES128, zip": Algorithms(cipher="AES128", compression="zip"),
    "AES192, zlib": Algorithms(cipher="AES192", compression="zlib"),
    "AES256, bzip2": Algorithms(cipher="AES256", compression="bzip2", digest="SHA512"),
    "TWOFISH, no compression": Algorithms(cipher="TWOFISH", compression="none", digest="SHA384"),
}


def _algorithm_cases() -> Iterator[Case]:
    for name, algorithms in _ALGORITHMS.items():
        make = _toolkit(_draft("hard"), sign=True, encrypt=True, algorithms=algorithms)
        yield Case(
            name=f"algorithms: {name}",
            make=make,
            meant=_meant("hard", encrypted=True, signers=(SENDER,)),
        )


def _kind_cases() -> Iterator[Case]:
    for name, key in situations()["every-kind"].keys.items():
        draft = _draft("plain", from_=key.address, to=key.address)
        for form in ("pgpmime", "inline"):
            for protection in ("signed", "signed and encrypted"):
                make = _toolkit(draft, home="every-kind", format=form, **_PROTECTIONS[protection])
                meant = Meant(
                    text=PLAIN,
                    encrypted="encrypted" in protection,
                    signers=frozenset({key.fingerprint}),
                )
                yield Case(
                    name=f"key {name}: {form}, {protection}",
                    make=make,
                    meant=meant,
                    to=key.address,
                    reader="every-kind",
                )


# ---------------------------------------------------------------------------------- the component


def _component(
    *steps: str, content: str = "plain", form: str, **settings: object
) -> Callable[[Post], None]:
    def send(post: Post) -> None:
        home = post.home("modern")
        with PSMTP(
            mail_server="127.0.0.1",
            mail_port=post.sink.port,
            from_=SENDER,
            send_to=ALICE,
            subject="Grüße",
            message_text=HARD if content == "hard" else PLAIN,
        ) as mailer:
            for name, value in {"MessageFormat": form, **settings}.items():
                mailer.config(f"{name}={value}")
            if any("sign" in step for step in steps):
                mailer.keys.append(Key(home, SENDER))
            if any("encrypt" in step for step in steps) and "SymmetricPassphrase" not in settings:
                mailer.recipient_keys.append(Key(home, ALICE))
            for name, data in FILES.items() if content == "files" else ():
                mailer.attachments.append(Attached(data=data, name=name))
            for step in steps:
                getattr(mailer, step)()
            mailer.send()

    return send


_STEPS = {
    "sign()": ("sign",),
    "encrypt()": ("encrypt",),
    "sign_and_encrypt()": ("sign_and_encrypt",),
    "sign() then encrypt()": ("sign", "encrypt"),
}


def _component_cases() -> Iterator[Case]:
    for form in ("PGPMIME", "INLINE"):
        for name, steps in _STEPS.items():
            for content in ("hard", "files"):
                make = _component(*steps, content=content, form=form, ProcessAttachments=True)
                yield Case(
                    name=f"PSMTP {form}: {name}, {_CONTENTS[content]}",
                    make=make,
                    meant=_meant(
                        content,
                        encrypted="encrypt" in name,
                        signers=(SENDER,) if "sign" in name else (),
                        cleartext=form == "INLINE" and "sign()" in name,
                    ),
                )
        yield Case(
            name=f"PSMTP {form}: a passphrase for all",
            make=_component("encrypt", form=form, SymmetricPassphrase=PASSPHRASE),
            meant=_meant("plain", encrypted=True, signers=()),
            passphrase=PASSPHRASE,
        )
    yield Case(
        name="PSMTP INLINE: opaque signature",
        make=_component("sign", form="INLINE", ClearSignature=False, content="hard"),
        meant=_meant("hard", encrypted=False, signers=(SENDER,)),
    )


CASES: dict[str, Case] = {
    case.name: case
    for cases in (
        _toolkit_cases,
        _copies,
        _several_keys,
        _hidden_copies,
        _engine_cases,
        _algorithm_cases,
        _component_cases,
        _kind_cases,
    )
    for case in cases()
}
