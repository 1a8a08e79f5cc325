"""`gpgmail send` with a key that ends soon: the mail goes out, and a line on stderr says so."""

from __future__ import annotations

import pytest

from gpgmail.testing import ThrowawayHome
from tests.support.commands import run

SENDER = "sender@example.org"
WARNING = f"gpgmail: warning: the signing key {{}} Sender <{SENDER}> expires on 20"


@pytest.fixture(scope="module")
def key():
    with ThrowawayHome() as home:
        yield home, home.make_key(f"Sender <{SENDER}>", expires="5d")


@pytest.mark.parametrize(
    ("more", "lines"),
    [((), 1), (("--quiet",), 1), (("--warn-days", "0"), 0), (("--warn-days", "4"), 0)],
)
def test_one_line_on_standard_error(key, tmp_path, more, lines):
    home, fingerprint = key
    outcome = run(
        *("send", "--from", SENDER, "--to", SENDER, "--text", "x", "--sign"),
        *("--keyring", home.path, "--output", tmp_path / "mail", *more),
    )
    assert outcome.code == 0, outcome.errors
    assert (tmp_path / "mail").exists()
    assert outcome.errors.count("expires on") == lines
    assert outcome.errors.startswith(WARNING.format(fingerprint)) == bool(lines)


def test_with_debug_it_is_a_line_of_the_log(key, tmp_path):
    home, fingerprint = key
    outcome = run(
        *("send", "--from", SENDER, "--to", SENDER, "--text", "x", "--sign", "--debug"),
        *("--keyring", home.path, "--output", tmp_path / "mail"),
    )
    assert outcome.code == 0
    assert f"the signing key {fingerprint}" in outcome.errors
    assert "gpgmail: warning" not in outcome.errors
