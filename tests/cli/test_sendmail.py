"""`gpgmail-sendmail` as programs call it: real ones, into a real mailbox, opened by gpg itself."""

from __future__ import annotations

import email
import email.policy
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

import gpgmail
from gpgmail.cli import journal
from gpgmail.core.codes import Exit
from gpgmail.testing.script import Phase, Stall
from tests.crypto.helpers import Gpg
from tests.servers.fixtures import postfix, postfix_server
from tests.servers.hostile import Hostile
from tests.servers.readers import encrypted_part
from tests.servers.unpacked import ServerUnavailableError, program, skip_or_fail, tree
from tests.servers.unpacked import environment as of_the_tree
from tests.support.commands import call
from tests.support.keyrings import keyring_copy
from tests.support.sendmail import Sendmail

__all__ = ["postfix", "postfix_server"]

ALICE = "alice@example.org"


@pytest.fixture(scope="module")
def homes():
    with ExitStack() as stack:
        names = ("modern", "expired", "recipients-home")
        yield {name: stack.enter_context(keyring_copy(name)) for name in names}


@pytest.fixture
def sendmail(tmp_path, homes):
    (tmp_path / "aliases").write_text("root: alice@example.org\n")
    rows = {
        "keyring": [str(homes["modern"]), str(homes["expired"])],
        "from": "sender@example.org",
        "signer": ["sender@example.org"],
        "domain": "example.org",
        "aliases": "aliases",
        "encrypt": "require",
        "sign": True,
    }
    return Sendmail(tmp_path, rows)


@pytest.fixture
def mailbox(postfix, homes):
    """`mailbox(address)`: the one mail there, and what gpg makes of it."""

    def read(address=ALICE):
        (mail,) = postfix.mail_for(address)
        data = mail.replace(b"\n", b"\r\n")
        gpg = Gpg(homes["recipients-home"])
        plain = gpg("--decrypt", stdin=encrypted_part(data))
        found = gpgmail.read(data, keyring=homes["recipients-home"])
        return data, plain.replace(b"\r\n", b"\n"), found

    return read


@pytest.fixture
def sends(sendmail, postfix):
    """The rows that lead to the real server."""
    sendmail.rows["server"] = f"smtp://127.0.0.1:{postfix.port('plain')}"
    return sendmail


CRON = (
    b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> /usr/local/bin/report\n"
    b"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
    b"Content-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\nX-Cron-Env: <HOME=/root>\n\n"
    b"Gr\xc3\xbc\xc3\x9fe\n.\nthe end\n"
)


def test_cron_of_debian(sends, mailbox):
    outcome = sends.process(CRON, "-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root")
    assert (outcome.code, outcome.errors) == (0, "")
    data, plain, found = mailbox()
    entity = (
        CRON[CRON.index(b"Content-Type") : CRON.index(b"X-Cron")] + CRON[CRON.index(b"\n\n") :][1:]
    )
    assert plain == entity
    assert found.verdict.outcome == "wrong signer"  # root is who sends, sender@ who signs
    assert b"From: Cron Daemon <root@example.org>\r\n" in data
    assert b"X-Cron-Env: <HOME=/root>\r\n" in data


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("-t", "-i", "-fwebmaster@example.org"), b"PHP has CRLF\r\n.\r\nhere\r\n"),
        (("-t",), b"logwatch and mdadm\n"),
        (("-oi", "-t"), b"unattended-upgrades\n.\n"),
        (("-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"), b"cronie\n"),
    ],
)
def test_programs_that_name_recipients_in_the_mail(sends, mailbox, arguments, body):
    mail = b"To: alice@example.org\nSubject: x\n\n" + body
    assert sends.process(mail, *arguments).code == 0
    _, plain, _ = mailbox()
    assert plain.partition(b"\n\n")[2] == body.replace(b"\r\n", b"\n")


def test_s_nail(sends, mailbox, tmp_path):
    try:
        nail = program("usr/bin/s-nail")
    except ServerUnavailableError as error:
        skip_or_fail(error)
    started = subprocess.run(
        [
            *(nail, "-:/", "-S", f"mta={sends.program()}", "-S", "ttycharset=utf-8"),
            *("-r", "sender@example.org", "-s", "Disk full", "-b", "bob@example.org", ALICE),
        ],
        input="Grüße\n".encode(),
        env={**sends.environment(), "LD_LIBRARY_PATH": of_the_tree()["LD_LIBRARY_PATH"]},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert started.returncode == 0, started.stderr.decode()
    data, plain, found = mailbox()
    message = email.message_from_bytes(plain, policy=email.policy.default)
    assert message.get_content().strip() == "Grüße"
    assert found.verdict.outcome == "good"
    assert b"Subject: Disk full\r\n" in data
    mailbox("bob@example.org")


def test_git_send_email(sends, mailbox, tmp_path):
    try:
        perl = program("usr/lib/git-core/git-send-email")
    except ServerUnavailableError as error:
        skip_or_fail(error)
    if shutil.which("git") is None:
        pytest.skip("git is absent")
    repository = tmp_path / "repository"
    env = {
        **sends.environment(),
        "PATH": f"{perl.parent}:{os.environ['PATH']}",
        "PERL5LIB": str(tree() / "usr/share/perl5"),
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in WHO},
    }

    def git(*arguments):
        ran = subprocess.run(
            ["git", "-C", repository, *arguments], env=env, capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stderr.decode()

    repository.mkdir()
    git("init", "-q")
    (repository / "file").write_text("Grüße\n")
    git("add", "file")
    git("commit", "-q", "-m", "Add a file")
    git("commit", "-q", "--allow-empty", "-m", "x")
    options = ("--suppress-cc=all", "--confirm=never", "--quiet", f"--to={ALICE}")
    git("send-email", f"--sendmail-cmd={sends.program()}", *options, "-1", "HEAD~1")
    data, plain, found = mailbox()
    assert b"Subject: [PATCH] Add a file\r\n" in data
    assert "+Grüße\n".encode() in plain
    assert found.verdict.outcome == "good"


WHO = (("NAME", "A"), ("EMAIL", "sender@example.org"))


def test_a_key_that_expires_follows_the_policy(sends, postfix, mailbox):
    """The evening of an administrator: cron's mail arrives, the key expires, a notice comes."""
    sends.rows["aliases"] = "aliases"
    (sends.directory / "aliases").write_text("root: expired@example.org\n")
    call_of_cron = ("-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root")
    failed = sends.process(CRON, *call_of_cron)
    assert failed.code == Exit.NO_USER
    assert len(failed.errors.splitlines()) == 2
    assert postfix.all_mail() == []
    assert sends.process(CRON, *call_of_cron, on_unencryptable="notice").code == 0
    (notice,) = postfix.mail_for("expired@example.org")
    found = gpgmail.read(notice.replace(b"\n", b"\r\n"), keyring=sends.rows["keyring"][0])
    assert "expired" in found.parts[0].text
    for word in ("the end", "Cron <root", "report"):
        assert word not in found.parts[0].text
        assert word.encode() not in notice


# ------------------------------------------------------------------------------------- as a command


def test_the_verb_is_the_same(sendmail):
    with Hostile() as server:
        path = sendmail.configured(server=f"smtp://127.0.0.1:{server.port}")
        os.environ["GPGMAIL_CONFIG"] = str(path)
        try:
            outcome = call("sendmail", "-i", "-t", "root", stdin=CRON)
        finally:
            del os.environ["GPGMAIL_CONFIG"]
        assert (outcome.code, outcome.errors) == (0, "")
        assert len(server.mails) == 1
    assert call("sendmail", "-bs").code == Exit.USAGE
    assert "Usage: gpgmail-sendmail" in call("sendmail", "--help").text


@pytest.mark.parametrize(
    ("arguments", "code"), [(["-bs"], Exit.USAGE), (["-Z"], Exit.USAGE), (["-bi"], 0)]
)
def test_codes_without_a_mail(sendmail, arguments, code):
    assert sendmail(b"", *arguments, server="").code == code


def test_newaliases_has_nothing_to_do(sendmail):
    outcome = sendmail(b"", called="newaliases", server="")
    assert (outcome.code, outcome.errors, outcome.output) == (0, "", b"")


def test_quiet_is_quiet_and_still_fails(sendmail):
    with Hostile() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        outcome = sendmail(CRON, "-i", "-oeq", "expired@example.org", server=url)
    assert (outcome.code, outcome.errors) == (Exit.NO_USER, "")


def test_closed_streams(sendmail):
    with Hostile() as server:
        env = sendmail.environment(server=f"smtp://127.0.0.1:{server.port}")
        shell = f"exec {sendmail.program()} -i root"
        closed = subprocess.run(
            ["sh", "-c", f"{shell} <&-"], env=env, capture_output=True, check=False
        )
        assert closed.returncode == Exit.NO_INPUT
        mute = subprocess.run(["sh", "-c", f"{shell} >&- 2>&-"], env=env, input=CRON, check=False)
        assert mute.returncode == 0
        assert len(server.mails) == 1


def test_a_signal_ends_it_and_the_caller_keeps_the_mail(sendmail):
    with Hostile({Phase.MAIL: Stall()}) as server:
        env = sendmail.environment(server=f"smtp://127.0.0.1:{server.port}")
        process = subprocess.Popen(
            [sendmail.program(), "-i", "root"],
            env=env,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        process.stdin.write(CRON)
        process.stdin.close()
        deadline = time.monotonic() + 30
        while not any("MAIL" in one.verbs for one in server.connections):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        errors = process.stderr.read().decode()
        process.stderr.close()
    assert process.returncode == Exit.TRY_AGAIN
    assert "Traceback" not in errors


def test_nothing_large_is_loaded(sendmail):
    script = (
        "import sys; from gpgmail.cli.sendmail import run; code = run(sys.argv[1:]);"
        "print(code, *sys.modules)"
    )
    with Hostile() as server:
        done = subprocess.run(
            [sys.executable, "-c", script, "-i", "root"],
            input=CRON,
            env=sendmail.environment(server=f"smtp://127.0.0.1:{server.port}"),
            capture_output=True,
            check=True,
        )
    code, *names = done.stdout.decode().split()
    assert code == "0"
    tops = {name.partition(".")[0] for name in names}
    assert not tops & {"click", "rich", "asyncio", "cryptography", "email_validator", "aiosmtpd"}
    assert not {name for name in names if name.startswith("gpgmail.components")}


# ------------------------------------------------------------------------------------------ the log


@pytest.fixture
def log(tmp_path_factory, monkeypatch):
    """A socket in the place of /dev/log; `log()` gives what came."""
    path = tmp_path_factory.mktemp("l") / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.setblocking(False)
        monkeypatch.setattr(journal, "SOCKET", str(path))

        def lines():
            found = []
            while True:
                try:
                    found.append(listening.recv(1 << 16).decode())
                except BlockingIOError:
                    return found

        yield lines


def test_each_recipient_has_a_line_in_the_log_and_no_subject(sendmail, log):
    with Hostile() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        assert sendmail(CRON, "-i", "root", server=url).code == 0
        (line,) = log()
        assert line.startswith("<22>gpgmail-sendmail[")  # mail, info
        for word in ("to=<alice@example.org>", "encrypted to", "signed by", "status=sent (250"):
            assert word in line
        assert "Cron" not in line
        assert "report" not in line
        assert sendmail(CRON, "-i", "-Lmine", "expired@example.org", server=url).code
        (line,) = log()
        assert line.startswith("<19>mine[")  # mail, error
        assert "expired@example.org" in line


def test_a_log_that_is_gone_fails_no_mail(sendmail, monkeypatch, tmp_path):
    (tmp_path / "log").write_text("no socket")
    monkeypatch.setattr(journal, "SOCKET", str(tmp_path / "log"))
    with Hostile() as server:
        outcome = sendmail(CRON, "-i", "root", server=f"smtp://127.0.0.1:{server.port}")
    assert (outcome.code, outcome.errors) == (0, "")
