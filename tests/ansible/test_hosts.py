"""Hosts that are not this user on this machine: over SSH, with become, and without gpgmail."""

from __future__ import annotations

import json
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gpgmail.testing import SmtpSink
from tests.servers.readers import Gpg
from tests.servers.sshd import Sshd
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail
from tests.support.installed import everybody_may_run
from tests.support.keyrings import KEYRINGS, fixture_key
from tests.support.leftovers import home_prefix

pytestmark = pytest.mark.interop

SENDER = fixture_key("modern", "sender").fingerprint
NOBODY = "nobody"


@pytest.fixture
def sink():
    with SmtpSink() as server:
        yield server


@pytest.fixture(scope="module")
def account():
    """Who the modules run as: with root's rights somebody else."""
    return pwd.getpwnam(NOBODY) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


@pytest.fixture(scope="module")
def place(account):
    """A directory of that account: `keys`, which are the sender's, and `tmp`."""
    with tempfile.TemporaryDirectory(prefix=home_prefix()) as directory:
        root = Path(directory)
        root.chmod(0o711)
        shutil.copytree(KEYRINGS / "modern", root / "keys", copy_function=shutil.copyfile)
        (root / "tmp").mkdir()
        for path in (root / "keys", root / "tmp", *(root / "keys").rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.chown(path, account.pw_uid, account.pw_gid)
        yield root
        who = {"user": account.pw_uid} if account.pw_uid != os.geteuid() else {}
        kill = ["gpgconf", "--homedir", root / "keys", "--kill", "all"]
        subprocess.run(kill, check=False, capture_output=True, **who)


@pytest.fixture(scope="module")
def python(machine, account):
    """A Python that has the wheel, which that account can run."""
    path = machine / "python"
    if account.pw_uid != os.geteuid() and not everybody_may_run(path):
        skip_or_fail(ServerUnavailableError("no Python 3.11 that every account may run"))
    return str(path)


@pytest.fixture(scope="module")
def sshd():
    try:
        server = Sshd.start()
    except ServerUnavailableError as error:
        skip_or_fail(error)
    with server:
        yield server


@pytest.fixture
def mail(place, sink):
    """The options of a mail with the keys of that account."""
    return {
        "sender": "sender@example.org",
        "to": "alice@example.org",
        "subject": "From afar",
        "body": "All is safe.",
        "port": sink.port,
        "keyring": str(place / "keys"),
        "sign": True,
        "encrypt": "require",
    }


@pytest.fixture
def arrived(sink, readers_home):
    """Asserts that the mail of a play is signed, and opens."""

    def look(played):
        assert played.code == 0, played.output
        assert (played.last["changed"], played.last["signers"]) == (True, [SENDER])
        verdict = Gpg(readers_home).read_encrypted(sink.mail.data)
        assert (verdict.decrypted, verdict.signer) == (True, SENDER)
        assert b"All is safe." in verdict.content

    return look


@pytest.fixture
def over_ssh(sshd, place, python):
    """Variables of a host that is reached over SSH."""
    known = {"UserKnownHostsFile": sshd.known, "IdentitiesOnly": "yes"}
    return {
        "ansible_connection": "ssh",
        "ansible_host": sshd.host,
        "ansible_port": sshd.port,
        "ansible_user": sshd.user,
        "ansible_ssh_private_key_file": str(sshd.key),
        "ansible_ssh_args": "-F /dev/null " + " ".join(f"-o {key}={known[key]}" for key in known),
        "ansible_remote_tmp": str(place / "tmp"),
        "ansible_python_interpreter": python,
    }


@pytest.mark.parametrize("pipelining", [False, True])
def test_over_ssh(ansible, over_ssh, sshd, mail, arrived, pipelining):  # noqa: PLR0917
    played = ansible.task("gpgmail.mail.send", mail, ansible_pipelining=pipelining, **over_ssh)

    arrived(played)
    assert f"Accepted publickey for {sshd.user}" in sshd.said()


@pytest.fixture
def become(ansible, place, python):
    """Runs the task as another: `become(options)`."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another without a password")

    def run(options, **env):
        return ansible.task(
            "gpgmail.mail.send",
            options,
            env={"ANSIBLE_REMOTE_TEMP": str(place / "tmp"), **env},
            ansible_become=True,
            ansible_become_method="su",
            ansible_become_user=NOBODY,
            ansible_become_flags="-s /bin/sh",  # the account has no shell to log in with
            ansible_python_interpreter=python,
        )

    return run


def test_become_means_the_keys_of_who_it_becomes(become, place, mail, arrived):
    arrived(become(mail, XDG_CONFIG_HOME=str(place / "config")))
    owners = {path.stat().st_uid for path in (place / "keys").rglob("*")}
    assert owners == {pwd.getpwnam(NOBODY).pw_uid}


@pytest.mark.parametrize("of_root", ["XDG_CONFIG_HOME", "GNUPGHOME"])
def test_what_is_still_roots_is_refused(become, place, mail, sink, of_root):
    env = {"XDG_CONFIG_HOME": str(place / "config")} if of_root == "GNUPGHOME" else {}
    options = mail if of_root != "GNUPGHOME" else {**mail, "keyring": []}
    refused = become(options, **env)

    assert refused.code == 2
    assert refused.last["family"], refused.output
    assert sink.mails == ()


def test_a_host_without_gpgmail_says_what_to_install_where(ansible, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    interpreter = str(bare / "bin" / "python")
    text = "the words of the mail"
    played = ansible.task(
        "gpgmail.mail.send",
        {"subject": "x", "body": text},
        "-vvv",
        ansible_python_interpreter=interpreter,
    )

    assert played.code == 2
    said = played.last["msg"]
    assert f"gpgmail is not installed for {interpreter}, Python 3." in said
    assert f"on {platform.node()}: run there {interpreter} -m pip install gpgmail" in said
    assert "ansible_python_interpreter" in said
    assert text not in played.output


OLD = """
import json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {"subject": "x"}}).encode()
basic._ANSIBLE_PROFILE = "legacy"
sys.version_info = (3, 10, 12, "final", 0)
from ansible_collections.gpgmail.mail.plugins.modules import send
send.main()
"""


def test_a_host_with_an_old_python_says_so(ansible):
    done = subprocess.run(
        [sys.executable, "-c", OLD],
        env=ansible.environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = json.loads(done.stdout)
    assert said["failed"]
    assert "is too old for gpgmail: let ansible_python_interpreter name" in said["msg"]
