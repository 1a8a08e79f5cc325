"""The examples of README.md do what they show, executed as they stand.

Only the server's port is replaced, since the one that is shown may be busy. What arrives is opened
by gpg called directly.
"""

from __future__ import annotations

import json
import re
import shutil

import pytest

from gpgmail.testing import Sink
from tests.servers.readers import Gpg
from tests.support import commands
from tests.support.commands import environment, run
from tests.support.documents import blocks, dead_links, examples, programs, text_of
from tests.support.keyrings import fixture_key, keyring_copy

README = "README.md"
EXAMPLES = examples(README)
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
def env(modern, tmp_path):
    """The sender's keys, and the commands in PATH where they are not installed."""
    return environment(GNUPGHOME=str(modern), PATH=programs(tmp_path))


def test_the_configuration_that_is_shown_counts(tmp_path):
    (shown,) = (block for block in blocks(README) if block.language == "toml")
    path = tmp_path / "config.toml"
    path.write_text(shown.code)
    path.chmod(0o600)
    env = environment(CREDENTIALS_DIRECTORY=str(tmp_path))
    found = run("config", "show", "--json", "--config", path, "--account", "work", env=env)
    assert found.code == 0
    values = {name: one["value"] for name, one in json.loads(found.text)["values"].items()}
    assert values["server"] == "smtps://mail.example.org"
    assert values["fallback"] == ["backup"]
    assert values["password_file"] == str(tmp_path / "smtp")


def test_there_is_one_example_of_each_face():
    assert {name: block.language for name, block in EXAMPLES.items()} == {
        "toolkit": "python",
        "component": "python",
        "command line": "sh",
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_sends_a_protected_mail(name, env, recipients):
    with Sink() as sink:
        done = EXAMPLES[name].with_({SHOWN_PORT: str(sink.port)}).run(env)
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


def test_what_the_examples_print(env):
    printed = {}
    for name, block in EXAMPLES.items():
        with Sink() as sink:
            printed[name] = block.with_({SHOWN_PORT: str(sink.port)}).run(env).stdout

    assert printed["toolkit"] == "('alice@example.org',) 250 2.0.0 kept as mail 1\n"
    assert printed["component"] == ""
    assert printed["command line"].startswith("accepted: alice@example.org, encrypted to ")


def test_the_files_that_are_linked_exist():
    assert dead_links(README) == []


def test_the_verbs_and_options_that_are_named_exist(env):
    verbs = ([], ["send"], ["read"], ["demo"])
    help_texts = "".join(commands.call(*verb, "--help").text for verb in verbs)
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text_of(README))):
        assert option in help_texts
    assert shutil.which("gpgmail", path=env["PATH"])
