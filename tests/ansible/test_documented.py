"""What docs/quickstart-ansible.md and the cookbook show of Ansible, as it stands.

In place of hosts there is this machine, and of a mail server one of ours. What installs packages of
the distribution is looked at by Ansible and not done.
"""

from __future__ import annotations

import email
import os
import subprocess

import pytest

from gpgmail.testing import SmtpSink
from tests.ansible.playbooks import PROGRAMS
from tests.servers.readers import Gpg
from tests.support.documents import dead_links, examples
from tests.support.installed import constraint, needs_venv, outside

pytestmark = pytest.mark.interop

QUICKSTART, COOKBOOK = "docs/quickstart-ansible.md", "docs/cookbook.md"
SHOWN = examples(QUICKSTART)
PASSWORD = "correct horse"
HOSTS = {
    "web1.example.org": "web1.example.org ansible_connection=local",
    "web2.example.org": "web2.example.org ansible_connection=local",
}


@pytest.fixture
def config(tmp_path):
    """The path of the controller's configuration file, in a directory that is there."""
    path = tmp_path / "config" / "gpgmail" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def read(readers_home, sink):
    """What a mail says, once gpg opened it and verified the signature."""

    def opened(mail):
        verdict = Gpg(readers_home).read_encrypted(mail.data)
        assert (verdict.decrypted, verdict.signature) == (True, "good")
        return email.message_from_bytes(verdict.content)

    return opened


@pytest.fixture
def sink():
    with SmtpSink(tls="implicit", users={"alerts@example.org": PASSWORD}) as server:
        yield server


def test_all_examples_are_run():
    assert list(SHOWN) == ["install", "play deploy", "inventory", "play report", "run"]
    assert dead_links(QUICKSTART) == dead_links("docs/ansible.md") == []


@needs_venv
def test_it_installs_and_documents_the_modules(wheel, tmp_path):
    environment = tmp_path / "venv"
    subprocess.run([PROGRAMS / "python", "-m", "venv", environment], check=True, env=outside())
    env = outside() | {
        "PIP_CONSTRAINT": str(constraint(wheel)),
        "PATH": f"{environment}/bin{os.pathsep}{os.environ['PATH']}",
    }
    done = SHOWN["install"].run(env, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "idempotency_key" in done.stdout


def test_ansible_takes_the_play_that_installs(ansible, tmp_path):
    (tmp_path / "deploy.yml").write_text(SHOWN["play deploy"].code)
    done = ansible.run("ansible-playbook", "--syntax-check", "-i", "x,", "deploy.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_second_run_of_the_day_sends_nothing(ansible, sink, sender_home, read, tmp_path):
    python = str(PROGRAMS / "python")
    inventory = SHOWN["inventory"].with_({"/opt/gpgmail/bin/python": python, **HOSTS})
    log = tmp_path / "backup.log"
    log.write_text("all is safe\n")
    (tmp_path / "passphrase").write_text("not wanted\n")
    (tmp_path / "passphrase").chmod(0o600)
    places = {
        "host: mail.example.org": f"host: localhost\n        port: {sink.port}",
        "alerts@example.org\n        to": "sender@example.org\n        to",
        "ops@example.org": "alice@example.org",
        "/var/log/backup.log": str(log),
        "/etc/gpgmail/keys": str(sender_home),
        "/etc/gpgmail/passphrase": str(tmp_path / "passphrase"),
        "become: true": "become: false",
    }
    (tmp_path / "inventory.ini").write_text(inventory.code)
    (tmp_path / "report.yml").write_text(SHOWN["play report"].with_(places).code)
    secrets = tmp_path / "group_vars" / "servers.yml"
    secrets.parent.mkdir()
    secrets.write_text(f"mail_password: {PASSWORD}\n")
    env = {**ansible.environment(), "SSL_CERT_FILE": str(sink.ca_file)}
    done = SHOWN["run"].run(env, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.count("changed=1") for line in recaps(done.stdout)] == [1, 1, 1, 1, 0, 0]
    assert len(sink.mails) == 2
    assert PASSWORD not in done.stdout
    for mail in sink.mails:
        _, attached = read(mail).get_payload()
        assert attached.get_filename() == "backup.log"


def recaps(output):
    return [line for line in output.splitlines() if " ok=" in line]


def test_one_mail_for_all_hosts(ansible, sink, config, read, tmp_path):
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o600)
    config.write_text(f"""
        [account.alerts]
        server = "{sink.url}"
        user = "alerts@example.org"
        password_file = "{tmp_path / "password"}"
        ca_file = "{sink.ca_file}"
        from = "sender@example.org"
        sign = true
        encrypt = "require"
    """)
    places = {"ops@example.org": "alice@example.org"}
    inventory = ("--inventory", "web1,web2,")
    sent = ansible.shown(COOKBOOK, "play", *inventory, places=places)

    assert sent.code == 0, sent.output
    (mail,) = sink.mails
    text = read(mail).get_payload()
    for host in ("web1", "web2", "localhost"):
        assert f"{host}:\r\n" in text
    assert text.count("Filesystem") == 3
