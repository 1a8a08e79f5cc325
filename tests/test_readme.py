"""The examples of README.md do what they show, executed as they stand.

Only the server's port is replaced, since the one that is shown may be busy. What arrives is opened
by gpg called directly.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gpgmail.testing import Sink
from tests.servers.readers import Gpg
from tests.support.commands import PACKAGE, environment, run
from tests.support.keyrings import fixture_key, keyring_copy

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLE = re.compile(r"<!-- example: ([\w ]+) -->\n```(\w+)\n(.*?)```", re.DOTALL)
EXAMPLES = {
    name: (language, code) for name, language, code in EXAMPLE.findall(README.read_text("utf-8"))
}
SHOWN_PORT = "2525"


@pytest.fixture(scope="module")
def modern():
    with keyring_copy("modern") as path:
        yield path


@pytest.fixture(scope="module")
def recipients():
    with keyring_copy("recipients-home") as path:
        yield path


@pytest.fixture
def program(tmp_path):
    """A directory with `gpgmail` as a command, where it is not installed."""
    command = tmp_path / "gpgmail"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gpgmail.cli "$@"\n')
    command.chmod(0o755)
    return tmp_path


def execute(language, code, env):
    command = {"python": [sys.executable, "-W", "error", "-c"], "sh": ["sh", "-e", "-c"]}[language]
    return subprocess.run(
        [*command, code], env=env, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_configuration_that_is_shown_counts(tmp_path):
    (shown,) = re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "config.toml"
    path.write_text(shown)
    path.chmod(0o600)
    env = environment(CREDENTIALS_DIRECTORY=str(tmp_path))
    found = run("config", "show", "--json", "--config", path, "--account", "work", env=env)
    assert found.code == 0
    values = {name: one["value"] for name, one in json.loads(found.text)["values"].items()}
    assert values["server"] == "smtps://mail.example.org"
    assert values["fallback"] == ["backup"]
    assert values["password_file"] == str(tmp_path / "smtp")


def test_there_is_one_example_of_each_face():
    assert {name: language for name, (language, _) in EXAMPLES.items()} == {
        "toolkit": "python",
        "component": "python",
        "command line": "sh",
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_sends_a_protected_mail(name, modern, recipients, program):
    language, code = EXAMPLES[name]
    assert code.count(SHOWN_PORT) == 1
    env = environment(GNUPGHOME=str(modern), PATH=f"{program}{os.pathsep}{os.environ['PATH']}")
    with Sink() as sink:
        done = execute(language, code.replace(SHOWN_PORT, str(sink.port)), env)
        received = list(sink.received)

    assert (done.returncode, done.stderr) == (0, "")
    (mail,) = received
    assert mail.recipients == ("alice@example.org",)
    assert b"Subject: Backup report\r\n" in mail.data
    verdict = Gpg(recipients).read_encrypted(mail.data)
    assert verdict.decrypted
    assert (verdict.signature, verdict.signer) == (
        "good",
        fixture_key("modern", "sender").fingerprint,
    )
    assert b"All 12 volumes are safe." in verdict.content


def test_what_the_examples_print(modern, program):
    env = environment(GNUPGHOME=str(modern), PATH=f"{program}{os.pathsep}{os.environ['PATH']}")
    printed = {}
    for name, (language, code) in EXAMPLES.items():
        with Sink() as sink:
            printed[name] = execute(language, code.replace(SHOWN_PORT, str(sink.port)), env).stdout

    assert printed["toolkit"] == "('alice@example.org',) 250 2.0.0 kept as mail 1\n"
    assert printed["component"] == ""
    assert printed["command line"].startswith("accepted: alice@example.org, encrypted to ")


def test_the_files_that_are_linked_exist():
    links = re.findall(r"\]\((?!http)([^)#]+)", README.read_text("utf-8"))

    assert links
    for link in links:
        assert (README.parent / link).exists(), link


def test_the_verbs_and_options_that_are_named_exist(program):
    text = README.read_text("utf-8")
    help_texts = "".join(
        subprocess.run(
            [sys.executable, "-m", "gpgmail.cli", *verb, "--help"],
            env={**environment(), "PYTHONPATH": PACKAGE},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for verb in ([], ["send"], ["read"], ["demo"])
    )
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)):
        assert option in help_texts
    assert shutil.which("gpgmail", path=str(program))
