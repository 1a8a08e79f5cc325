"""What Ansible itself says of the collection: where it is found, its documentation, its checks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gpgmail
from tests.ansible.playbooks import PROGRAMS

pytestmark = pytest.mark.interop

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = Path("ansible_collections/gpgmail/mail")
INSTALLED = Path(gpgmail.__file__).resolve().parents[1] / COLLECTION
MODULES = ("send", "key_info")
# What community.general.mail takes.
OF_THE_PEER = {
    *("sender", "to", "cc", "bcc", "subject", "body", "subtype", "charset", "headers"),
    *("attach", "inline", "host", "port", "secure", "timeout", "ehlohost"),
    *("username", "password", "message_id_domain"),
}

# Tests of ansible-test that need what no machine of ours has.
WITHOUT = ("pslint",)  # PowerShell
BOOTSTRAP = re.compile(r"manually downloaded and saved to: (\S+)")
# ansible-test would fetch get-pip.py from a place that is no registry; this does what that does.
GET_PIP = """\
import subprocess, sys
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip"])
subprocess.check_call([sys.executable, "-m", "pip", "install", *words])
"""


def test_the_collection_is_found_beside_the_package(ansible):
    listed = ansible.run("ansible-doc", "--list", "--json", "gpgmail.mail")
    assert set(json.loads(listed.stdout)) == {f"gpgmail.mail.{name}" for name in MODULES}
    files = ansible.run("ansible-doc", "--list_files", "gpgmail.mail")
    assert str(INSTALLED) in files.stdout


def test_the_documentation_says_all_that_the_modules_take(ansible):
    names = [f"gpgmail.mail.{name}" for name in MODULES]
    shown = json.loads(ansible.run("ansible-doc", "--json", *names).stdout)
    for name in MODULES:
        told = shown[f"gpgmail.mail.{name}"]
        options = told["doc"]["options"]
        assert all(option["description"] for option in options.values())
        assert told["return"]
        assert told["examples"]
    send = shown["gpgmail.mail.send"]["doc"]["options"]
    assert set(send) >= OF_THE_PEER
    assert send["encrypt"]["choices"] == ["never", "prefer", "require"]
    assert "GPGMAIL_ENCRYPT" in " ".join(send["encrypt"]["description"])


def test_it_reads_as_text(ansible):
    page = ansible.run("ansible-doc", "gpgmail.mail.send").stdout
    assert "> MODULE gpgmail.mail.send" in page
    assert "idempotency_key" in page
    assert "WARNING" not in page


@pytest.mark.timeout(900)  # installs what the tests of ansible-test want, the first time
def test_the_sanity_tests_pass(ansible, tmp_path):
    copy = tmp_path / COLLECTION
    shutil.copytree(INSTALLED, copy, ignore=shutil.ignore_patterns("__pycache__"))
    kept = ROOT / ".cache" / "ansible-test" / f"{sys.version_info[0]}.{sys.version_info[1]}"
    kept.mkdir(parents=True, exist_ok=True)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    skipped = [word for name in WITHOUT for word in ("--skip-test", name)]
    words = [PROGRAMS / "ansible-test", "sanity", "--python", version, "--color", "no", *skipped]

    def run():
        env = {**ansible.environment(), "HOME": os.fspath(kept)}
        return subprocess.run(
            words, cwd=copy, env=env, check=False, capture_output=True, text=True, timeout=880
        )

    done = run()
    wanted = BOOTSTRAP.search(done.stdout + done.stderr)
    if wanted:
        Path(wanted[1]).write_text(GET_PIP)
        done = run()
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    for name in ("validate-modules", "ansible-doc", "yamllint", "pep8", "pylint", "import"):
        assert f'Running sanity test "{name}"' in done.stdout + done.stderr
