"""An administrator's evening: cron's mail arrives encrypted, the key ends, and the policy counts.

Real all the way: cron's own calling form, a Postfix, gpg, and mutt on a terminal.
"""

from __future__ import annotations

import subprocess
import time

import pytest

import gpgmail
from gpgmail.core.codes import Exit
from gpgmail.testing import ThrowawayHome
from tests.crypto.helpers import Gpg
from tests.interop.terminal_mail import Window
from tests.servers.unpacked import ServerUnavailableError, program, skip_or_fail
from tests.support import commands, cron
from tests.support.sendmail import Sendmail

ADMIN = "admin@example.org"
CALL = (*cron.CALL, "root")
MAIL = cron.mail("Sicherung übertragen\n")


@pytest.fixture
def people():
    """The sender's home, with the administrator's public key; and the administrator's own."""
    with ThrowawayHome() as sender, ThrowawayHome() as admin:
        sender.make_key("Machine <machine@example.org>")
        admin.make_key(f"Admin <{ADMIN}>")
        take_over(admin, sender)
        yield sender, admin


def take_over(admin, sender):
    """Import the administrator's key as it is now."""
    public = Gpg(admin.path)("--export", ADMIN)
    Gpg(sender.path).run("--import", stdin=public)


def expire(admin, when):
    """Let the key end, its subkey too."""
    gpg = Gpg(admin.path)
    listed = gpg("--with-colons", "--list-keys", ADMIN).decode().splitlines()
    primary, *subkeys = (line.split(":")[9] for line in listed if line.startswith("fpr"))
    gpg("--quick-set-expire", primary, when)
    for subkey in subkeys:
        gpg("--quick-set-expire", primary, when, subkey)


@pytest.fixture(params=["tree", pytest.param("wheel", marks=pytest.mark.interop)])
def sendmail(request, tmp_path, people, postfix):
    sender, _ = people
    (tmp_path / "aliases").write_text(f"root: {ADMIN}\n")
    (tmp_path / "queue").mkdir(mode=0o700)
    rows = {
        "server": f"smtp://127.0.0.1:{postfix.port('plain')}",
        "keyring": str(sender.path),
        "trust": "always",
        "from": "machine@example.org",
        "signer": ["machine@example.org"],
        "sign": True,
        "encrypt": "require",
        "aliases": "aliases",
        "queue": "queue",
        "hold_key": "machine@example.org",
    }
    programs = request.getfixturevalue("machine") if request.param == "wheel" else None
    return Sendmail(tmp_path, rows, installed=programs and programs / "gpgmail-sendmail")


def looked_over(sendmail):
    """Run `gpgmail doctor` on the configuration; return what is not well."""
    env = sendmail.environment()
    program = [sendmail.installed.with_name("gpgmail")] if sendmail.installed else commands.PROGRAM
    done = subprocess.run(
        [*program, "doctor", "--quiet"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_by_mutt(mail, admin, directory):
    directory.mkdir()
    try:
        window = Window("mutt", admin.path, directory, gpgme=True)
    except ServerUnavailableError as error:
        skip_or_fail(error)
    window.deliver(mail)
    window.push("<display-message><exit>")
    return window.shown()


def test_cron_itself_calls_it_so():
    try:
        words = program("usr/sbin/cron").read_bytes()
    except ServerUnavailableError as error:
        skip_or_fail(error)
    assert " ".join(cron.CALL).encode() in words


def test_the_evening(sendmail, people, postfix, tmp_path):
    sender, admin = people
    assert "error" not in looked_over(sendmail)
    assert sendmail.process(MAIL, *CALL).code == 0
    (first,) = postfix.mail_for(ADMIN)
    assert "Sicherung übertragen".encode() not in first
    assert "Sicherung übertragen" in read_by_mutt(first, admin, tmp_path / "one")
    postfix.clear()

    expire(admin, "seconds=1")
    time.sleep(2)
    take_over(admin, sender)
    outcome = sendmail.process(MAIL, *CALL)
    assert outcome.code == Exit.NO_USER
    assert "expired" in outcome.errors
    assert postfix.all_mail() == []

    assert sendmail.process(MAIL, *CALL, on_unencryptable="notice").code == 0
    (notice,) = postfix.mail_for(ADMIN)
    text = gpgmail.read(notice.replace(b"\n", b"\r\n"), keyring=sender.path).parts[0].text
    assert "expired" in text
    assert "Sicherung" not in text
    assert b"Cron <root" not in notice
    postfix.clear()

    held = {"on_unencryptable": "hold"}
    assert sendmail.process(MAIL, *CALL, **held).code == 0
    assert postfix.all_mail() == []
    (path,) = (tmp_path / "queue").iterdir()
    assert b"Sicherung" not in path.read_bytes()
    assert sendmail.process(b"", "-q", **held).code == Exit.TRY_AGAIN

    expire(admin, "1y")
    take_over(admin, sender)
    assert sendmail.process(b"", "-q", **held).code == 0
    (last,) = postfix.mail_for(ADMIN)
    assert "Sicherung übertragen" in read_by_mutt(last, admin, tmp_path / "two")
    assert list((tmp_path / "queue").iterdir()) == []
