"""A key whose secret part is on a smartcard that is not there: which card is wanted is said.

The note that gpg keeps of such a key is made from a real key file: its secret number is replaced by
the card's number, as gpg-agent itself does it (agent/keyformat.txt).
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import gpgmail
from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import KeySelectionError
from gpgmail.keys.key import SecretPart
from gpgmail.keys.keyring import Keyring
from tests.servers.unpacked import ServerUnavailableError, program, skip_or_fail
from tests.support.engines import EACH
from tests.support.keyrings import fixture_key, keyring_copy
from tests.support.operations import both, encrypted, selected, written
from tests.support.places import all_ok, needs_mounts, operate, read_only

SENDER = fixture_key("own-key", "sender")
WHO = SENDER.address
CARD = "D2760001240102010006012345670000"
NUMBER = "0006 01234567"
NOT_OPENPGP = "D27600000306FF1122334455"
SECRET = re.compile(r"\(d\s+#[0-9A-F\s]*#\s*\)")


def to_card(home, card=CARD, grips=None):
    """Move secret keys to a card."""
    for path in (home / "private-keys-v1.d").iterdir():
        if grips is None or path.stem in grips:
            text = path.read_text().replace("(private-key", "(shadowed-private-key")
            path.write_text(SECRET.sub(f"(shadowed t1-v1 (#{card}# OPENPGP.1))", text))


def agent_options(home, scdaemon):
    (home / "gpg-agent.conf").write_text(f"scdaemon-program {scdaemon}\n")


@pytest.fixture
def home():
    with keyring_copy("own-key") as path:
        yield path


@pytest.fixture(params=["no daemon", "no reader"])
def on_card(home, request):
    """A home whose keys are on a card, on a machine without scdaemon or without a reader."""
    if request.param == "no daemon":
        agent_options(home, "/nonexistent/scdaemon")
    else:
        try:
            agent_options(home, program("gnupg24/libexec/scdaemon"))
        except ServerUnavailableError as absent:
            skip_or_fail(absent)
    message = written(home, WHO, encrypt=True)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    to_card(home)
    return home, message


@pytest.mark.parametrize("passphrase", [None, "123456"])
@pytest.mark.parametrize("engine", EACH)
def test_the_error_says_which_card_is_wanted(on_card, engine, passphrase):
    """Where a passphrase is given gpg 2.4 asks for the card without end."""
    home, message = on_card
    how = {"passphrase": passphrase, "engine": engine}
    for attempt in (
        lambda: written(home, WHO, sign=True, **how),
        lambda: gpgmail.read(message, keyring=home, **how),
    ):
        with pytest.raises(KeySelectionError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.KEY_UNUSABLE
        shown = str(caught.value)
        assert NUMBER in shown
        assert CARD in shown
        assert "insert that card" in shown
        assert any(part.fingerprint[-16:] in shown for part in SENDER.parts)


def test_what_needs_no_card_works(on_card):
    home, _ = on_card
    encrypted(home, WHO)
    selected(home, WHO)
    with Keyring.open(home) as ring:
        (key,) = ring.keys(secret=True)
        assert {part.secret for part in key.parts} == {SecretPart.CARD}
        assert ring.export_public(SENDER.fingerprint)


@pytest.mark.parametrize("engine", EACH)
def test_a_key_whose_uses_are_to_be_confirmed_is_no_card(home, engine):
    """gpg 2.4 is asked once for each use then, and says of it what it says of a card."""
    for path in (home / "private-keys-v1.d").iterdir():
        path.write_text(f"Confirm: yes\n{path.read_text()}")
    locked = {"passphrase": "none needed", "engine": engine}
    for _ in range(2):
        assert written(home, WHO, sign=True, **locked)


def test_another_kind_of_card_is_shown_by_its_whole_number(home):
    agent_options(home, "/nonexistent/scdaemon")
    to_card(home, NOT_OPENPGP)
    with pytest.raises(KeySelectionError, match=NOT_OPENPGP):
        written(home, WHO, sign=True)


def test_the_key_that_is_in_a_file_still_signs(home):
    """The encryption key alone is on the card."""
    agent_options(home, "/nonexistent/scdaemon")
    (subkey,) = SENDER.subkeys
    to_card(home, grips={subkey.keygrip})
    for passphrase in (None, "not needed"):
        assert written(home, WHO, sign=True, passphrase=passphrase)
    message = written(home, WHO, encrypt=True)
    with pytest.raises(KeySelectionError, match=NUMBER):
        gpgmail.read(message, keyring=home)


def test_a_failure_that_is_none_of_the_cards(home):
    """A wrong passphrase for another key in the same home is told as such."""
    locked = fixture_key("protected", "locked")
    to_card(home)
    with keyring_copy("protected") as other:
        for path in (other / "private-keys-v1.d").iterdir():
            shutil.copyfile(path, home / "private-keys-v1.d" / path.name)
        keys = subprocess.run(
            ["gpg", "--homedir", other, "--batch", "--export"], check=True, capture_output=True
        ).stdout
    subprocess.run(
        ["gpg", "--homedir", home, "--batch", "--import"],
        input=keys,
        check=True,
        capture_output=True,
    )
    with pytest.raises(gpgmail.GpgmailError) as caught:
        written(home, locked.address, sign=True, passphrase="wrong")
    assert caught.value.code is ErrorCode.PGP_PASSPHRASE
    both(home, locked.address, passphrase=locked.passphrase)


@needs_mounts
def test_on_a_read_only_file_system_too(home):
    agent_options(home, "/nonexistent/scdaemon")
    to_card(home)
    got = operate(home, WHO, "encrypted", "signed", mounts=f"{read_only(home)}")
    assert got["encrypted"] == all_ok("encrypted")["encrypted"]
    assert NUMBER in got["signed"]
