"""`gpgmail send`: what each option does to the mail, and what is reported about it."""

from __future__ import annotations

import email
import email.policy
import json
import os

import pytest

import gpgmail
from gpgmail.testing.script import Drop, Honest, Phase, Reply
from tests.servers.hostile import Hostile
from tests.support.commands import call, environment, run
from tests.support.keyrings import fixture_key

SENDER = fixture_key("modern", "sender")
ALICE = fixture_key("modern", "alice")
BOB = fixture_key("modern", "bob")
CAROL = fixture_key("modern", "carol")
NO_SUCH = Reply(b"550 5.1.1 No mailbox\r\n")


def parsed(content):
    return email.message_from_bytes(content, policy=email.policy.default)


def rcpt(server):
    return [
        line.decode() for line in server.settled()[0].commands if line.upper().startswith(b"RCPT")
    ]


def read(content, place, name="recipients-home"):
    return gpgmail.read(content, keyring=place(name))


# ---- the mail


def test_header_fields_and_recipients(send, server, mail_of):
    outcome = send(
        *("--to", "Bob Bäcker <bob@example.org>, carol@example.org", "--cc", "dora@example.org"),
        *("--cc", "erik@example.org", "--bcc", "frida@example.org", "--subject", "Grüße ✓"),
        *("--text", "x"),
    )

    assert (outcome.code, outcome.errors) == (0, "")
    mail = parsed(mail_of())
    assert mail["From"] == "sender@example.org"
    assert mail["To"] == "alice@example.org, Bob Bäcker <bob@example.org>, carol@example.org"
    assert mail["Cc"] == "dora@example.org, erik@example.org"
    assert mail["Subject"] == "Grüße ✓"
    assert mail["Bcc"] is None
    assert mail["Date"].datetime is not None
    names = ("alice", "bob", "carol", "dora", "erik", "frida")
    assert rcpt(server) == [f"RCPT TO:<{name}@example.org>" for name in names]
    assert outcome.text.splitlines() == [
        *(f"accepted: {name}@example.org" for name in names),
        "server: 250 2.0.0 Ok: taken",
    ]


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (("--text", "from the argument\n"), b"not this", "from the argument\n"),
        ((), "from stdin ✓\n".encode(), "from stdin ✓\n"),
        (("--text-file", "-"), b"from stdin too\n", "from stdin too\n"),
        (("--empty",), b"", ""),
        (("--text", ""), b"not this", ""),
    ],
    ids=["argument", "stdin", "dash", "nothing", "empty"],
)
def test_where_the_text_comes_from(send, mail_of, arguments, stdin, expected):
    assert send(*arguments, stdin=stdin).code == 0
    assert parsed(mail_of()).get_content().replace("\r\n", "\n") == expected


def test_text_and_html_from_files(send, mail_of, tmp_path):
    (tmp_path / "text").write_text("Grüße\n", "utf-8")
    (tmp_path / "html").write_text("<p>Grüße</p>\n", "utf-8")
    arguments = ("--text-file", tmp_path / "text", "--html-file", tmp_path / "html")

    assert send(*arguments, stdin=b"not this").code == 0
    mail = parsed(mail_of())
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content().strip() == "Grüße"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"


def test_html_alone(send, mail_of, tmp_path):
    (tmp_path / "html").write_text("<p>x</p>\n", "utf-8")

    assert send("--html-file", tmp_path / "html", stdin=b"not this").code == 0
    assert parsed(mail_of()).get_content_type() == "text/html"


def test_attachments(send, mail_of, tmp_path):
    files = {"a.csv": b"1,2\n", "ü b.bin": bytes(range(256))}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    assert send(*(word for name in files for word in ("--attach", tmp_path / name))).code == 0
    attached = parsed(mail_of()).iter_attachments()
    assert {part.get_filename(): part.get_payload(decode=True) for part in attached} == files


# ---- keys


def test_sign_and_encrypt(send, mail_of, place):
    outcome = send("--sign", "--encrypt", "--text", "x\n")

    assert outcome.text.splitlines() == [
        f"accepted: alice@example.org, encrypted to {ALICE.fingerprint}",
        f"signed by: {SENDER.fingerprint}",
        "server: 250 2.0.0 Ok: taken",
    ]
    verdict = read(mail_of(), place).verdict
    assert (verdict.signed, verdict.encrypted) == ("whole", "whole")


@pytest.mark.parametrize("format_", ["pgpmime", "inline"])
def test_format(send, mail_of, place, format_):
    assert send("--sign", "--format", format_, "--text", "x\n").code == 0

    content = mail_of()
    assert (b"BEGIN PGP SIGNED MESSAGE" in content) == (format_ == "inline")
    assert read(content, place).verdict.signed == "whole"


def test_a_signer_by_fingerprint(send, mail_of, place):
    assert send("--signer", SENDER.fingerprint, "--text", "x").code == 0
    assert read(mail_of(), place).verdict.signer.primary == SENDER.fingerprint


def test_two_signers(place, mail_of, url):
    keys = [fixture_key("two-keys-one-address", name).fingerprint for name in ("older", "newer")]
    arguments = [word for key in keys for word in ("--signer", key)]
    outcome = call(
        *("send", "--server", url, "--from", "twin@example.org", "--to", "twin@example.org"),
        *("--keyring", place("two-keys-one-address"), "--text", "x", *arguments),
    )

    assert outcome.code == 0
    assert [line for line in outcome.text.splitlines() if line.startswith("signed")] == [
        f"signed by: {key}" for key in keys
    ]
    seen = read(mail_of(), place, "two-keys-one-address").verdict.signatures
    assert {one.primary for one in seen} == {*keys}


def test_recipient_keys_by_name(send, mail_of, place):
    keys = ("--recipient-key", BOB.fingerprint, "--recipient-key", CAROL.fingerprint)

    assert send(*keys, "--text", "x").code == 0
    recipients = {key.subkeys[0].fingerprint[-16:] for key in (BOB, CAROL)}
    assert set(read(mail_of(), place).verdict.recipients) == recipients


def test_more_keyrings_add_public_keys(send, mail_of, place, server):
    alone = send("--sign", "--encrypt", "--text", "x", keyring="own-key")
    assert (alone.code, server.settled()) == (67, [])

    more = ("--keyring", place("recipients") / "public.asc")
    assert send("--sign", "--encrypt", "--text", "x", *more, keyring="own-key").code == 0
    verdict = read(mail_of(), place).verdict
    assert (verdict.signed, verdict.encrypted) == ("whole", "whole")


def test_the_own_home_without_a_keyring(url, place, mail_of, monkeypatch):
    monkeypatch.setenv("GNUPGHOME", str(place("modern")))
    arguments = ("--from", "sender@example.org", "--to", "alice@example.org", "--text", "x")

    assert call("send", "--server", url, *arguments, "--sign", "--encrypt").code == 0
    assert read(mail_of(), place).verdict.signer.primary == SENDER.fingerprint


def test_trust(send, mail_of, server, tmp_path):
    arguments = ("--encrypt", "--text", "x", "--trust")
    pinned = tmp_path / "pins"
    pinned.write_text(f"carol@example.org {CAROL.fingerprint}\n")

    assert send(*arguments, "gnupg", to="carol@example.org").code == 67
    assert server.settled() == []
    assert send(*arguments, f"pinned:{pinned}", to="carol@example.org").code == 0
    assert b"BEGIN PGP MESSAGE" in mail_of()
    assert send(*arguments, "always", to="carol@example.org").code == 0
    assert len(server.settled()) == 2
    assert send(*arguments, "perhaps", to="carol@example.org").code == 64


# ---- the server


def test_login_and_certificate(send, certificates, tmp_path):
    ca_file = certificates.write_authority(tmp_path / "ca.pem")
    (tmp_path / "password").write_text("correct horse\nbattery\n")
    (tmp_path / "password").chmod(0o600)
    secret = ("--user", "me", "--password-file", tmp_path / "password")
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        target = f"smtps://localhost:{server.port}"
        assert send(*secret, "--text", "x", server=target).code == 76
        assert send(*secret, "--text", "x", "--ca-file", ca_file, server=target).code == 0
        refused, taken = server.settled()
    assert refused.contents == []
    assert "AUTH" in taken.verbs
    assert b"AG1lAGNvcnJlY3QgaG9yc2U=" in taken.through_tls  # NUL me NUL correct horse


def test_timeout(send):
    with Hostile({Phase.MAIL: Reply(b"")}) as server:
        outcome = send("--text", "x", "--timeout", "1", server=f"smtp://127.0.0.1:{server.port}")

    assert outcome.code == 75
    assert outcome.errors.startswith("gpgmail: the time limit passed: ")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_partial_refusal(send, as_json):
    arguments = ["--to", "bob@example.org", "--text", "x"] + ["--json"] * as_json
    with Hostile({Phase.RCPT: (Honest(), NO_SUCH)}) as server:
        outcome = send(*arguments, server=f"smtp://127.0.0.1:{server.port}")

    assert outcome.code == 69
    if as_json:
        told = json.loads(outcome.text)
        assert told["accepted"] == ["alice@example.org"]
        assert told["refused"] == {
            "bob@example.org": {"code": 550, "enhanced": "5.1.1", "text": "5.1.1 No mailbox"}
        }
    else:
        assert outcome.text.splitlines()[0] == "accepted: alice@example.org"
        assert outcome.errors == "refused: bob@example.org: 550 5.1.1 No mailbox\n"


def test_who_has_the_mail_already_is_said(send):
    script = {Phase.MAIL: (Honest(), Drop())}
    with Hostile(script) as server:
        outcome = send(
            *("--bcc", "bob@example.org", "--encrypt", "--text", "x"),
            server=f"smtp://127.0.0.1:{server.port}",
        )

    assert outcome.code == 75
    assert outcome.errors.endswith(
        "the server had already accepted the mail for alice@example.org\n"
    )


def test_words_of_a_server_cannot_rewrite_the_terminal(send):
    script = {Phase.DOT: Reply(b"250 2.0.0 Ok \x1b[2J\x9b31m\r\n")}
    with Hostile(script) as server:
        outcome = send("--text", "x", server=f"smtp://127.0.0.1:{server.port}")

    assert outcome.code == 0
    assert not {"\x1b", "\x9b"} & set(outcome.text)


# ---- what is reported


def test_json_of_a_success(send):
    told = json.loads(send("--sign", "--encrypt", "--text", "x", "--json").text)

    assert told["message_id"].endswith("@example.org>")
    assert told["size"] > 500
    assert {name: told[name] for name in told if name not in {"message_id", "size"}} == {
        "sender": "sender@example.org",
        "accepted": ["alice@example.org"],
        "refused": {},
        "signers": [SENDER.fingerprint],
        "keys": {"alice@example.org": ALICE.fingerprint},
        "encrypted_to": [ALICE.fingerprint],
        "encrypted": True,
        "replies": [{"code": 250, "enhanced": "2.0.0", "text": "2.0.0 Ok: taken"}],
        "tls": "",
        "account": "",
        "passed_over": [],
        "remarks": [],
    }


def test_json_of_a_failure(send, server):
    outcome = send("--encrypt", "--text", "x", "--json", to="carol@example.org")

    assert (outcome.code, outcome.errors) == (67, "")
    told = json.loads(outcome.text)["error"]
    assert (told["family"], told["number"], told["retry"]) == ("gpgmail", 9, "no")
    assert told["name"] == "KEY_UNTRUSTED"
    assert told["candidates"][0]["fingerprint"] == CAROL.fingerprint
    assert server.settled() == []


# ---- output


@pytest.fixture
def write(send):
    """`gpgmail send --output`."""

    def run(*arguments, **more):
        return send("--text", "x\n", "--sign", "--output", *arguments, server=None, **more)

    return run


def test_output_to_a_file(write, place, server, tmp_path):
    target = tmp_path / "mail.eml"
    outcome = write(target)

    assert (outcome.code, outcome.errors) == (0, "")
    assert outcome.text == f"signed by: {SENDER.fingerprint}\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert read(target.read_bytes(), place).verdict.signed == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["mail.eml"]
    assert server.settled() == []


@pytest.mark.parametrize("as_json", [False, True])
def test_output_to_standard_output_holds_the_mail_alone(write, place, as_json):
    outcome = write("-", *["--json"] * as_json)

    assert outcome.code == 0
    assert read(outcome.output, place).verdict.signed == "whole"
    assert SENDER.fingerprint in outcome.errors


def test_output_replaces_a_file_as_a_whole(write, tmp_path):
    target = tmp_path / "mail.eml"
    target.write_text("old")
    kept = tmp_path / "link"
    os.link(target, kept)

    assert write(target).code == 0
    assert kept.read_text() == "old"


def test_a_failure_leaves_the_file_that_was_there(write, tmp_path):
    target = tmp_path / "mail.eml"
    target.write_text("old")

    assert write(target, "--signer", "nobody@example.org").code == 67
    assert write(target, "--attach", tmp_path / "missing").code == 66
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["mail.eml"]


def test_a_device_or_pipe_is_written_to_and_stays(write, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    assert write(pipe).code == 0
    assert os.read(end, 1 << 16).startswith(b"Date: ")
    assert pipe.is_fifo()
    os.close(end)


def test_a_link_is_followed_and_stays(write, tmp_path):
    (tmp_path / "mail.eml").touch()
    link = tmp_path / "link"
    link.symlink_to("mail.eml")

    assert write(link).code == 0
    assert link.is_symlink()
    assert (tmp_path / "mail.eml").read_bytes().startswith(b"Date: ")


@pytest.mark.parametrize("where", ["missing/mail.eml", "."])
def test_an_output_that_cannot_be_written(write, tmp_path, where):
    outcome = write(tmp_path / where)

    assert (outcome.code, outcome.output) == (73, b"")
    assert outcome.errors.startswith("gpgmail: a file cannot be written: ")
    assert outcome.errors.count("\n") == 1


def test_a_file_cannot_say_who_is_blind(write, tmp_path):
    outcome = write(tmp_path / "mail.eml", "--bcc", "bob@example.org")

    assert outcome.code == 64
    assert "Bcc bob@example.org" in outcome.errors
    assert list(tmp_path.iterdir()) == []


# ---- usage


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--text", "x"), 64, "give --server or --output"),
        (("--text", "x", "--server", "gopher://x"), 64, "scheme"),
        (("--text", "x", "--server", "smtp://x", "--output", "y"), 64, "not both"),
        (("--text", "x", "--text-file", "y", "--output", "-"), 64, "only one of"),
        (("--format", "smime"), 64, "--format"),
        (("--timeout", "-1"), 64, "--timeout"),
        (("--frobnicate",), 64, "--frobnicate"),
        (("--text-file", "/nonexistent", "--output", "-"), 66, "/nonexistent"),
        (("--html-file", "/", "--output", "-"), 66, "directory"),
        (("--text", "x", "--to", "alice", "--output", "-"), 65, "alice"),
    ],
)
def test_wrong_use(send, arguments, code, words):
    outcome = send(*arguments, server=None)

    assert (outcome.code, outcome.output) == (code, b"")
    assert words in outcome.errors
    assert "Traceback" not in outcome.errors


def test_what_is_missing_is_named():
    assert "--from" in call("send", "--to", "a@b.c", "--server", "smtp://127.0.0.1").errors
    outcome = call("send", "--from", "a@b.c", "--text", "x", "--output", "-")
    assert (outcome.code, outcome.output) == (64, b"")
    assert "no recipient is given" in outcome.errors


def test_text_that_is_not_utf8(send, server):
    outcome = send(stdin=b"gr\xfc\xdfe")

    assert outcome.code == 64
    assert "standard input: is not UTF-8 at byte 2\n" in outcome.errors
    assert "hint: attach it with --attach\n" in outcome.errors
    assert server.settled() == []


def test_arguments_that_are_not_utf8(place, server):
    outcome = run(
        *("send", "--server", f"smtp://127.0.0.1:{server.port}", "--from", "a@b.c"),
        *("--to", "b@c.d", "--text", "x", "--subject", b"gr\xfc\xdfe"),
        env=environment(PYTHONUTF8="1"),
    )

    assert outcome.code == 64
    assert outcome.errors.count("\n") == 1
    assert server.settled() == []


def test_a_password_in_the_server_url_is_refused_and_not_repeated():
    outcome = call(
        *("send", "--server", "smtp://user:hunter2@127.0.0.1", "--from", "a@example.org"),
        *("--to", "b@example.org", "--text", "x"),
    )
    assert outcome.code == 64
    assert "--password-file" in outcome.errors
    assert "hunter2" not in outcome.errors + outcome.text


def test_keys_that_are_nobodys_own_are_reported(send, mail_of):
    outcome = send("--recipient-key", BOB.fingerprint, "--text", "x")
    assert outcome.code == 0
    assert outcome.text.splitlines()[:2] == [
        "accepted: alice@example.org",
        f"encrypted to: {BOB.fingerprint}",
    ]
    assert parsed(mail_of()).get_content_type() == "multipart/encrypted"
