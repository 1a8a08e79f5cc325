"""Passphrases and passwords: from a file, a descriptor or a command, and nowhere to be seen."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from gpgmail.testing.script import Phase, Reply, Stall
from tests.servers.hostile import Hostile
from tests.servers.readers import encrypted_part
from tests.support.commands import call, environment, run, start
from tests.support.keyrings import fixture_key

PASSPHRASE = fixture_key("protected-utf8", "umlaut").passphrase
ADDRESS = "umlaut@example.org"


@pytest.fixture
def arguments(place, url):
    return (
        *("send", "--server", url, "--from", ADDRESS, "--to", ADDRESS, "--sign", "--encrypt"),
        *("--keyring", place("protected-utf8")),
    )


def kept(directory, text, mode=0o600):
    """A file that holds the text."""
    file = directory / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


def piped(text):
    """The reading end of a pipe that holds the text."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(text)
    return reading


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nanother line\n"])
def test_a_passphrase_from_a_file(arguments, mail_of, tmp_path, ending):
    file = kept(tmp_path, PASSPHRASE + ending)

    assert call(*arguments, "--text", "x", "--passphrase-file", file).code == 0
    assert b"BEGIN PGP MESSAGE" in mail_of()


def test_a_passphrase_from_a_descriptor(arguments, mail_of):
    end = piped(f"{PASSPHRASE}\n".encode())
    outcome = run(*arguments, "--text", "x", "--passphrase-fd", str(end), pass_fds=[end])
    os.close(end)

    assert (outcome.code, outcome.errors) == (0, "")
    assert b"BEGIN PGP MESSAGE" in mail_of()


def test_the_first_line_of_standard_input_and_the_text_behind_it(arguments, place, mail_of):
    outcome = run(*arguments, "--passphrase-fd", "0", stdin=f"{PASSPHRASE}\nthe text\n".encode())

    assert (outcome.code, outcome.errors) == (0, "")
    shown = call(
        *("read", "-", "--keyring", place("protected-utf8"), "--passphrase-command"),
        f"echo '{PASSPHRASE}'",
        stdin=mail_of(),
    )
    assert (shown.code, shown.text.splitlines()[-1]) == (0, "the text")
    assert PASSPHRASE not in shown.text


def test_a_passphrase_from_a_command(arguments, mail_of):
    assert call(*arguments, "--text", "x", "--passphrase-command", f"echo '{PASSPHRASE}'").code == 0
    assert b"BEGIN PGP MESSAGE" in mail_of()


@pytest.mark.parametrize("keys", [(), ("--encrypt",)])
@pytest.mark.parametrize("kind", ["file", "command", "fd"])
def test_a_passphrase_for_the_mail_itself(url, place, mail_of, tmp_path, *, keys, kind):
    secret = "Grüße, sesame"
    sources = {"file": kept(tmp_path, secret), "command": f"echo '{secret}'", "fd": "0"}
    outcome = run(
        *("send", "--server", url, "--from", "sender@example.org", "--to", "alice@example.org"),
        *("--keyring", place("modern"), *keys, f"--symmetric-{kind}", sources[kind]),
        stdin=f"{secret}\nthe text\n".encode() if kind == "fd" else b"the text\n",
    )
    assert (outcome.code, outcome.errors) == (0, "")
    opened = subprocess.run(
        ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "-d"],
        input=f"{secret}\n".encode() + encrypted_part(mail_of()),
        env=environment(GNUPGHOME=str(tmp_path)),
        capture_output=True,
        check=False,
    )
    assert opened.stdout.replace(b"\r\n", b"\n").endswith(b"the text\n")


def test_two_passphrases_for_the_mail_itself(send, server, tmp_path):
    file = kept(tmp_path, "x y z")
    outcome = send("--text", "x", "--symmetric-file", file, "--symmetric-command", "echo x")
    assert outcome.code == 64
    assert "give only one of --symmetric-file, --symmetric-command" in outcome.errors
    assert server.settled() == []


def test_a_command_is_not_run_by_a_shell(arguments, tmp_path):
    outcome = call(*arguments, "--passphrase-command", f"echo x; touch {tmp_path}/made", "--empty")

    assert outcome.code == 77
    assert list(tmp_path.iterdir()) == []


def test_each_of_two_signers_has_a_file_of_its_own(place, url, mail_of, tmp_path):
    first, second = (fixture_key("two-protected", name) for name in ("first", "second"))
    arguments = ["send", "--server", url, "--from", first.address, "--to", second.address]
    arguments += ["--text", "x", "--keyring", place("two-protected")]
    for key in (first, second):
        (tmp_path / key.name).mkdir()
        file = kept(tmp_path / key.name, f"{key.passphrase}\n")
        name = key.fingerprint if key is first else f"0x{key.fingerprint[-16:].lower()}"
        arguments += ["--signer", key.fingerprint, "--passphrase-file", f"{name}={file}"]
    assert call(*arguments).code == 0
    assert b"multipart/signed" in mail_of()

    outcome = call(*arguments, "--passphrase-command", f"{first.fingerprint}=true")
    assert outcome.code == 64
    assert "give only one of --passphrase-file, --passphrase-command" in outcome.errors


@pytest.mark.parametrize("secret", ["passphrase", "password"])
def test_a_file_that_others_can_read_is_refused_with_the_way_out(arguments, tmp_path, secret):
    file = kept(tmp_path, "hunter2 hunter2", 0o644)
    outcome = call(*arguments, "--text", "x", f"--{secret}-file", file)
    assert outcome.code == 64
    assert f"hint: chmod 600 {file}\n" in outcome.errors
    assert "hunter2" not in outcome.errors


def test_what_a_failing_command_says_is_told_without_what_it_gives(arguments):
    command = """sh -c 'echo hunter2; echo "vault sealed, hunter2 kept" >&2; exit 4'"""
    outcome = call(*arguments, "--text", "x", "--passphrase-command", command)
    assert outcome.code == 64
    assert "the command ended with 4: vault sealed, ******** kept" in outcome.errors


NOTHING = {
    "no number": ("fd", "x", "it is not the number of a descriptor"),
    "a missing file": ("file", "/nonexistent/secret", "No such file"),
    "a directory": ("file", "/", "directory"),
    "a closed descriptor": ("fd", "77", "Bad file descriptor"),
    "a missing command": ("command", "/nonexistent/helper", "No such file"),
    "a command that fails": ("command", "false", "the command ended with 1"),
    "a silent command": ("command", "true", "it is empty"),
    "no command": ("command", "", "taken apart"),
    "an open quote": ("command", "echo 'x", "taken apart"),
    "Latin-1": ("command", "printf '\\377'", "it is not UTF-8"),
}


@pytest.mark.parametrize("source", NOTHING)
@pytest.mark.parametrize("secret", ["passphrase", "password"])
def test_a_source_that_gives_nothing(arguments, server, secret, source):
    option, value, words = NOTHING[source]
    outcome = call(*arguments, "--text", "x", f"--{secret}-{option}", value)

    assert outcome.code == 64
    if (secret, option) == ("password", "fd"):
        assert "No such option" in outcome.errors  # a passphrase alone is wanted from a descriptor
    else:
        assert f"--{secret}-{option}: gives nothing: " in outcome.errors
        assert words in outcome.errors
        assert outcome.errors.count("\n") == 1
    assert server.settled() == []


def test_an_empty_file_is_no_empty_passphrase(arguments, tmp_path):
    file = kept(tmp_path, "")
    outcome = call(*arguments, "--text", "x", "--passphrase-file", file)

    assert outcome.code == 64
    assert "--passphrase-file: gives nothing: it is empty" in outcome.errors


def test_two_sources(arguments, tmp_path):
    both = ("--passphrase-command", "true", "--passphrase-file", tmp_path)
    outcome = call(*arguments, "--text", "x", *both)

    assert outcome.code == 64
    assert "give only one of --passphrase-file, --passphrase-command" in outcome.errors


@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_secret_is_not_repeated(arguments, server, tmp_path, as_json):
    file = kept(tmp_path, "hunter2 hunter2")
    arguments += ("--text", "x", "--passphrase-file", file)
    outcome = run(*arguments, *["--json"] * as_json, env=environment(GPGMAIL_TRACEBACK="1"))

    assert outcome.code == 77
    assert "hunter2" not in outcome.text + outcome.errors
    assert server.settled() == []


def test_a_password_in_the_words_of_a_server_is_masked(send, tmp_path, certificates):
    ca_file = certificates.write_authority(tmp_path / "ca.pem")
    script = {Phase.AUTH: Reply(b"535 5.7.8 Never heard of correct-horse\r\n")}
    with Hostile(script, tls=certificates.contexts["good"], implicit_tls=True) as server:
        outcome = send(
            *("--user", "me", "--password-command", "echo correct-horse", "--ca-file", ca_file),
            *("--text", "x"),
            server=f"smtps://localhost:{server.port}",
        )

    assert outcome.code == 76
    assert "535" in outcome.errors
    assert "hint: check user and password" in outcome.errors
    assert "correct-horse" not in outcome.errors


def command_lines(ancestor):
    """What the descendants of a process and the agents of our homes were started with.

    Tests beside this one hand the same passphrase to a gpg of their own.
    """
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                line = (entry / "cmdline").read_bytes()
                if b"gpg" in line and _is_ours(entry.name, line, str(ancestor)):
                    yield line
                    yield (entry / "environ").read_bytes()
        except OSError:
            continue


def _is_ours(pid, line, ancestor):
    if b"/gpgmail-" in line:
        return True
    while pid not in {"0", "1", ancestor}:
        pid = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1]
    return pid == ancestor


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_no_process_shows_a_secret(place, tmp_path):
    secret = "open sesame"
    file = kept(tmp_path, f"{secret}\n")
    large = tmp_path / "large"
    large.write_bytes(bytes(1 << 25))  # so that gpg runs long enough to be looked at
    assert fixture_key("protected", "locked").passphrase == secret
    with Hostile({Phase.DOT: Stall(0.5)}) as server:
        process = start(
            *("send", "--server", f"smtp://127.0.0.1:{server.port}", "--sign", "--text", "x"),
            *("--from", "locked@example.org", "--to", "locked@example.org"),
            *("--keyring", place("protected"), "--passphrase-file", file, "--attach", large),
        )
        shown, seen = set(), set()
        while process.poll() is None:
            lines = set(command_lines(process.pid))
            shown |= {line for line in lines if secret.encode() in line}
            seen |= {line for line in lines if b"--status-fd" in line}
            time.sleep(0.002)
        process.communicate()
        contents = server.settled()[0].contents

    assert len(contents) == 1
    assert seen  # the gpg that signs was looked at
    assert shown == set()
