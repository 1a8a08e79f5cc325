"""docs/quickstart-scripts.md: a machine is set up as it says, and sends its first mail."""

from __future__ import annotations

import stat

from tests.support.documents import dead_links, examples

DOCUMENT = "docs/quickstart-scripts.md"
SHOWN = examples(DOCUMENT)


def test_all_examples_are_run():
    # `install` is by tests/e2e/test_wheel.py; `keys` and `config` make the machine.
    assert list(SHOWN) == ["install", "keys", "config", "check", "first"]
    assert dead_links(DOCUMENT) == []


def test_secrets_are_readable_to_nobody_else(host):
    modes = {
        name: stat.S_IMODE(host.path(f"/etc/gpgmail/{name}").stat().st_mode)
        for name in ("keys", "passphrase", "password")
    }
    assert modes == {"keys": 0o700, "passphrase": 0o600, "password": 0o600}


def test_it_works(host):
    host.write("/etc/aliases", "root: ops@example.org\n")
    host.path("/var/spool/gpgmail").mkdir(mode=0o700, exist_ok=True)
    checked = host.run(SHOWN["check"])

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert " 0 errors" in checked.stdout
    assert "GPGMAIL KEYS OK" in checked.stdout
    assert host.received() == []


def test_the_first_mail(host):
    sent = host.run(SHOWN["first"])

    assert (sent.returncode, sent.stderr) == (0, "")
    subject, mail = host.read()
    assert subject.startswith("Disks of ")
    assert "Filesystem" in mail.parts[0].text


def test_without_a_key_nothing_leaves(host):
    refused = host.run(SHOWN["first"].with_({"ops@example.org": "nobody@example.org"}))

    assert refused.returncode == 67, refused.stderr
    assert host.received() == []
