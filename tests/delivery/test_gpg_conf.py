"""Every option that a gpg.conf may hold and what becomes of it: docs/gpg-conf.md, row by row.

A mail is signed and encrypted in a home with that one line in its gpg.conf; gpg and its
`--list-packets` say what is different from a mail made without it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gpgmail
from gpgmail.components import PSMTP, Key
from gpgmail.core.errors import UsageError
from gpgmail.crypto.packets import HIDDEN
from gpgmail.gpg.conf_lines import REFUSED
from tests.crypto.helpers import Gpg as RawGpg
from tests.delivery.helpers import ALICE, BOB, SENDER, draft, encryption_id
from tests.servers.readers import Gpg, encrypted_part
from tests.support.keyrings import fixture_key, keyring_copy

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "gpg-conf.md"
NAMES = {encryption_id(name): name for name in ("alice", "bob", "carol", "sender")}
NAMES[HIDDEN] = "hidden"
HONOURED, OVERRULED, NOTHING = "honoured", "overruled", "no effect"

# option with its argument -> what becomes of it, and what is different then
ROWS = {
    f"encrypt-to {BOB}": (HONOURED, {"to": ["alice", "bob"]}),
    f"hidden-encrypt-to {BOB}": (HONOURED, {"to": ["alice", "hidden"]}),
    f"default-key {SENDER}\nencrypt-to-default-key": (HONOURED, {"to": ["alice", "sender"]}),
    f"group {ALICE} = {BOB}": (HONOURED, {"to": ["bob"]}),
    f"group {ALICE} = {BOB}\nungroup {ALICE}": (HONOURED, {}),
    f"group {ALICE} = {BOB}\nno-groups": (HONOURED, {}),
    "throw-keyids": (HONOURED, {"to": ["hidden"]}),
    f"local-user {SENDER}": (HONOURED, {}),
    "cipher-algo AES192": (HONOURED, {"cipher": "8"}),
    "digest-algo SHA384": (HONOURED, {"digest": "9"}),
    "compress-algo bzip2": (HONOURED, {"compression": ["3"]}),
    "compress-level 0": (HONOURED, {"compression": []}),
    "bzip2-compress-level 1": (HONOURED, {}),
    "personal-cipher-preferences AES192": (HONOURED, {"cipher": "8"}),
    "personal-digest-preferences SHA384": (HONOURED, {"digest": "9"}),
    "personal-compress-preferences BZIP2": (HONOURED, {"compression": ["3"]}),
    "disable-cipher-algo AES256": (HONOURED, {"cipher": "8"}),
    "rfc4880": (HONOURED, {}),
    "openpgp": (HONOURED, {}),
    "pgp8": (HONOURED, {"digest": "8"}),
    "compliance gnupg": (HONOURED, {}),
    "set-policy-url http://example.org/policy": (HONOURED, {"notes": ["POLICY_URL"]}),
    "sig-policy-url http://example.org/policy": (HONOURED, {"notes": ["POLICY_URL"]}),
    "set-notation a@example.org=b": (HONOURED, {"notes": ["NOTATION_NAME"]}),
    "sig-notation a@example.org=b": (HONOURED, {"notes": ["NOTATION_NAME"]}),
    "sig-keyserver-url http://example.org/": (HONOURED, {}),
    "default-sig-expire 1d": (HONOURED, {"expires": True}),
    "trust-model always": (HONOURED, {}),
    "no-encrypt-to": (OVERRULED, {}),
    f"default-key {BOB}": (HONOURED, {}),  # for encrypt-to-default-key alone
    f"default-recipient {BOB}": (OVERRULED, {}),
    "default-recipient-self": (OVERRULED, {}),
    "armor": (OVERRULED, {}),
    "no-armor": (OVERRULED, {}),
    "textmode": (OVERRULED, {}),
    "comment a comment": (OVERRULED, {}),
    "emit-version": (OVERRULED, {}),
    "for-your-eyes-only": (OVERRULED, {}),
    "set-filename a": (OVERRULED, {}),
    "output /nonexistent/a": (OVERRULED, {}),
    "no-batch": (OVERRULED, {}),
    "no-tty": (OVERRULED, {}),
    "yes": (OVERRULED, {}),
    "quiet": (OVERRULED, {}),
    "verbose": (OVERRULED, {}),
    "pinentry-mode cancel": (OVERRULED, {}),
    "status-fd 1": (OVERRULED, {}),
    "command-fd 0": (OVERRULED, {}),
    "charset iso-8859-1": (OVERRULED, {}),
    "display-charset iso-8859-1": (OVERRULED, {}),
    "keyserver hkps://keys.example.org": (OVERRULED, {}),
    "keyserver-options auto-key-retrieve": (OVERRULED, {}),
    "auto-key-locate wkd,keyserver": (OVERRULED, {}),
    "auto-key-retrieve": (OVERRULED, {}),
    "no-auto-check-trustdb": (OVERRULED, {}),
    "max-output 3": (OVERRULED, {}),
    f"try-secret-key {SENDER}": (NOTHING, {}),
    "cert-digest-algo SHA512": (NOTHING, {}),
    "s2k-cipher-algo AES192": (NOTHING, {}),
    "s2k-digest-algo SHA512": (NOTHING, {}),
    "disable-mdc": (NOTHING, {}),
    "force-mdc": (NOTHING, {}),
    "use-agent": (NOTHING, {}),
    "photo-viewer true": (NOTHING, {}),
    "show-photos": (NOTHING, {}),
    "list-options show-photos": (NOTHING, {}),
    "verify-options show-photos": (NOTHING, {}),
    "with-fingerprint": (NOTHING, {}),
    "keyid-format long": (NOTHING, {}),
    "with-colons": (NOTHING, {}),
    "escape-from-lines": (NOTHING, {}),
    "weak-digest SHA1": (NOTHING, {}),
    "lock-never": (NOTHING, {}),
}
VALUES = {
    "recipient": BOB,
    "hidden-recipient": BOB,
    "recipient-file": "/nonexistent",
    "hidden-recipient-file": "/nonexistent",
    "passphrase": "hunter2",
    "passphrase-file": "/nonexistent",
    "passphrase-fd": "0",
    "logger-fd": "1",
    "logger-file": "/nonexistent",
    "request-origin": "browser",
}


@pytest.fixture(scope="module")
def home():
    with keyring_copy("modern") as path:
        yield path


@pytest.fixture(scope="module")
def readers():
    with keyring_copy("recipients-home") as path:
        yield path


def facts(home, readers, conf, made=None):
    """What gpg says of a mail that was made under *conf*."""
    (home / "gpg.conf").write_text(conf + "\n")
    mail = (made or by_mailer)(home)
    sealed = encrypted_part(mail)
    verdict = Gpg(readers).read(sealed)
    assert (verdict.decrypted, verdict.signature) == (True, "good")
    valid = next(line.split() for line in verdict.status if line.startswith("VALIDSIG"))
    told = [line.split() for line in verdict.status]
    packets = RawGpg(readers).run("--list-packets", stdin=sealed).stdout.decode()
    return {
        "to": sorted(NAMES[one] for one in RawGpg(readers).recipients(sealed)),
        "digest": valid[8],
        "expires": valid[4] != "0",
        "type": valid[9],
        "cipher": next(words[2] for words in told if words[0] == "DECRYPTION_INFO"),
        "notes": [words[0] for words in told if words[0] in {"POLICY_URL", "NOTATION_NAME"}],
        "compression": re.findall(r":compressed packet: algo=(\d+)", packets),
        "literal": re.findall(r"mode (\w) .*name=\"(.*)\"", packets),
        "armor": [line for line in sealed.splitlines()[:4] if b": " in line],
    }


def by_mailer(home):
    with gpgmail.Mailer(None, keyring=home) as mailer:
        letter = mailer.write(draft(text="Some words.\n" * 200), sign=True, encrypt=True)
        return b"".join(letter.copies[0].render())


def by_component(home):
    mailer = PSMTP(from_=SENDER, send_to=ALICE, message_text="Some words.\n" * 200)
    mailer.config("MessageFormat=PGPMIME")
    mailer.keys.append(Key(home, SENDER))
    mailer.recipient_keys.append(Key(home, ALICE))
    mailer.sign_and_encrypt()
    text = mailer.queue("*")
    mailer.close()
    return text.partition("From:")[2].join(["From:", ""]).encode()


@pytest.fixture(scope="module")
def plain(home, readers):
    return facts(home, readers, "# nothing")


SILENT = [line for line, (_, change) in ROWS.items() if not change]


@pytest.mark.parametrize(
    "line",
    [
        *(line for line in ROWS if line not in SILENT),
        *(pytest.param(line, marks=pytest.mark.interop) for line in SILENT),
    ],
)
def test_a_row(home, readers, plain, line):
    found = facts(home, readers, line)
    assert {name: value for name, value in found.items() if value != plain[name]} == ROWS[line][1]


def test_all_rows_that_change_nothing_at_once(home, readers, plain):
    assert facts(home, readers, "\n".join(SILENT)) == plain


@pytest.mark.parametrize(
    ("line", "to"),
    [
        ("encrypt-to", ["alice", "bob", "carol"]),
        ("hidden-encrypt-to", ["alice", "hidden", "hidden"]),
    ],
)
def test_a_group_is_added_by_its_name(home, readers, line, to):
    conf = f"group copies = {BOB} carol@example.org\n{line} copies"
    assert facts(home, readers, conf)["to"] == to


@pytest.mark.parametrize("line", [f"{name} {VALUES.get(name, '')}".strip() for name in REFUSED])
@pytest.mark.parametrize("before", ["", "# a comment\n\n"])
def test_a_refused_row_is_named(home, line, before):
    with pytest.raises(UsageError) as caught:
        facts(home, home, before + line)
    assert caught.value.code.number == 24
    assert f"gpg.conf, line {1 + before.count(chr(10))}: {line.split()[0]} " in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "no-such-option",
        "hiden-encrypt-to bob@example.org",
        "include /nonexistent",
        "encrypt-to",
        "armor yes",
        "[a section]",
        "cipher-algo NOPE",
        "compliance nothing",
        "verify-options nothing",
        "marginals-needed 1",
        "group without members",
        "command-file /nonexistent",
    ],
)
def test_a_line_that_gpg_does_not_take_is_named(home, line):
    with pytest.raises(UsageError) as caught:
        facts(home, home, f"# fine\nthrow-keyids\n{line}\nno-greeting")
    assert caught.value.code.number == 24
    assert "gpg.conf, line 3: " in str(caught.value)


def test_the_documented_algorithms_of_a_component_come_before_the_preferences(home, readers):
    conf = "personal-cipher-preferences AES192\npersonal-digest-preferences SHA384\n"
    conf += "cipher-algo AES256\ndigest-algo SHA512\ncompress-algo bzip2"
    found = facts(home, readers, conf, by_component)
    assert (found["cipher"], found["digest"], found["compression"]) == ("7", "8", ["1"])


def test_a_caller_who_names_an_algorithm_comes_before_all(home, readers):
    def made(place):
        algorithms = gpgmail.Algorithms(cipher="AES128", digest="SHA224", compression="none")
        with gpgmail.Mailer(None, keyring=place, algorithms=algorithms) as mailer:
            letter = mailer.write(draft(text="Some words.\n"), sign=True, encrypt=True)
            return b"".join(letter.copies[0].render())

    found = facts(home, readers, "cipher-algo AES256\ndigest-algo SHA512", made)
    assert (found["cipher"], found["digest"], found["compression"]) == ("7", "11", [])


def test_a_mail_is_read_whole_whatever_output_is_allowed(home):
    (home / "gpg.conf").write_text("max-output 3\n")
    with gpgmail.Mailer(None, keyring=home) as mailer:
        letter = mailer.write(draft(SENDER, text="words\n"), sign=True, encrypt=True)
    found = gpgmail.read(b"".join(letter.copies[0].render()), keyring=home)
    assert [part.content for part in found.parts] == [b"words\r\n"]


def test_nothing_of_it_is_asked_of_keys_in_a_file(readers):
    with keyring_copy("recipients") as files:
        (files / "gpg.conf").write_text("no-such-option\nthrow-keyids\n")
        with gpgmail.Mailer(None, keyring=files / "public.asc") as mailer:
            letter = mailer.write(draft(text="words\n"), encrypt=True)
    sealed = encrypted_part(b"".join(letter.copies[0].render()))
    assert RawGpg(readers).recipients(sealed) == (
        next(p.fingerprint[-16:] for p in fixture_key("modern", "alice").subkeys),
    )


def test_the_document_has_these_rows():
    rows = re.findall(r"^\| `([^`]+)` \| (\w[\w ]*) \|", DOCUMENT.read_text(), re.MULTILINE)
    shown = {line.split("\n")[-1].split()[0]: fate for line, (fate, _) in ROWS.items()}
    refused = dict.fromkeys(REFUSED, "refused")
    assert dict(rows) == {**shown, **refused}
