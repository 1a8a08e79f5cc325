"""Passphrases of every form that gpg takes, and the longest, by gpg and tried at the agent."""

from __future__ import annotations

import subprocess

import pytest

from gpgmail.core.passphrases import LONGEST, Passphrases
from gpgmail.core.secret import Secret
from gpgmail.gpg import proof
from gpgmail.gpg.home import Home
from gpgmail.gpg.prepared import private_agent
from gpgmail.gpg.runner import execute
from tests.support.keyrings import empty_home

ODD = {
    "leading blank": b" x",
    "trailing blanks": b"x  ",
    "only blanks": b"   ",
    "tab": b"a\tb",
    "an option": b"--passphrase-fd",
    "percent escapes": b"100%0A%00 a+b",
    "quotes": b"\"'`$(x)\\",
    "UTF-8": "grüße 🔑 Привет".encode(),
    "Latin-1": b"gr\xfc\xdfe",
    "escape": b"\x1b[0m\x07\x7f",
    "the longest": b"x" * LONGEST,
    "the longest, escaped": b"%" * LONGEST,
}


@pytest.fixture(scope="module")
def home():
    with empty_home() as path:
        (path / "gpg-agent.conf").write_text("s2k-count 65536\n")  # measured otherwise
        yield path


def make_key(home, name, passphrase):
    """Have gpg itself make a key that is protected so; return what gpg did."""
    command = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback"]
    command += ["--passphrase-fd", "0", "--status-fd", "2"]
    command += ["--quick-gen-key", name, "ed25519", "sign"]
    return subprocess.run(command, input=passphrase + b"\n", capture_output=True, check=False)


@pytest.mark.parametrize("name", ODD)
def test_gpg_and_the_agent_get_it_as_it_is(home, run, name):
    passphrase = ODD[name]
    made = make_key(home, f"{name} <odd@example.org>", passphrase)
    assert made.returncode == 0, made.stderr
    fingerprint = made.stderr.split(b"KEY_CREATED P ")[1].split()[0].decode()
    with private_agent(Home(directory=home), run) as own:
        for given in (passphrase, Secret(passphrase.decode("utf-8", "surrogateescape"))):
            result = execute(
                own.home,
                ["--armor", "--detach-sign", "-u", fingerprint],
                run=run,
                source=[b"text"],
                passphrases=Passphrases.of({fingerprint: given}),
            )
            assert result.ok, result.stderr
        identity = proof.identify(own.home, proof.Wanted(fingerprint), run)
        right = Secret(passphrase.decode("utf-8", "surrogateescape"))
        assert identity.user_id == f"{name} <odd@example.org>"
        assert proof.opens(own.home, identity.keygrip, right, run) is True
        assert (
            proof.opens(own.home, identity.keygrip, Secret("x" + right.reveal()[:-2]), run) is False
        )


def test_the_limit_is_that_of_this_gpg(home):
    made = make_key(home, "too long <long@example.org>", b"x" * (LONGEST + 1))
    assert made.returncode
    assert b"ERROR key_generate 67109137" in made.stderr  # 273: too much data for IPC layer
