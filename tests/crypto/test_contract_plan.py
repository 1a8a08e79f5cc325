"""The contract of every engine: the plan is all that happens, whatever gpg.conf says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError, UnsupportedError
from gpgmail.core.run import Run
from gpgmail.crypto.engine import Algorithms, SignatureMode, SignatureStatus
from tests.crypto.helpers import ALICE, BOB, SENDER, TEXT, Gpg, encrypt, job, sign
from tests.support.keyrings import keyring_copy


@pytest.fixture
def configured(request):
    """The sender's home with a gpg.conf."""
    with keyring_copy("modern") as path:
        (path / "gpg.conf").write_text(request.param)
        yield Gpg(path)


HARMLESS = f"""
encrypt-to {BOB.fingerprint}
hidden-encrypt-to {BOB.fingerprint}
default-recipient {BOB.fingerprint}
default-key {BOB.fingerprint}
group alice@example.org={BOB.fingerprint}
throw-keyids
textmode
comment from the configuration
emit-version
set-filename secret-name.txt
for-your-eyes-only
trust-model pgp
output /nonexistent/file
"""


@pytest.mark.parametrize("configured", [HARMLESS], indirect=True)
def test_gpg_conf_adds_nothing_to_the_plan(crypto, configured, recipients, tmp_path):
    work = job(configured, signers=(SENDER,), recipients=(ALICE,))
    made, message = encrypt(crypto, work)
    assert made.recipients == recipients.recipients(message) == (ALICE.subkey[-16:],)
    assert message.startswith(b"-----BEGIN PGP MESSAGE-----\n\n")
    listed = recipients("--list-packets", stdin=message).decode()
    assert 'name=""' in listed
    assert "mode b" in listed
    _, signature = sign(crypto, work)
    assert signature.startswith(b"-----BEGIN PGP SIGNATURE-----\n\n")
    assert "GOODSIG" in recipients.verify(TEXT, signature, tmp_path)
    assert "sigclass 0x00" in recipients.packets(signature)


@pytest.mark.parametrize(
    "configured",
    [f"recipient {BOB.fingerprint}\n", f"hidden-recipient {BOB.fingerprint}\n"],
    indirect=True,
    ids=["recipient", "hidden-recipient"],
)
def test_a_recipient_that_gpg_conf_adds_breaks_the_plan(crypto, configured):
    with pytest.raises(CryptoError) as caught:
        encrypt(crypto, job(configured, recipients=(ALICE,)))
    assert caught.value.code is ErrorCode.PLAN_BROKEN
    assert ALICE.subkey[-16:] in str(caught.value)


def test_a_signer_that_gpg_conf_adds_breaks_the_plan(crypto):
    with keyring_copy("two-protected") as path:
        gpg = Gpg(path)
        first, second = (gpg.new_key("ed25519", name) for name in ("one", "two"))
        (path / "gpg.conf").write_text(f"local-user {second}\n")
        key = type(SENDER)(first, first)
        for mode in SignatureMode:
            with pytest.raises(CryptoError) as caught:
                sign(crypto, job(gpg, signers=(key,)), mode)
            assert caught.value.code is ErrorCode.PLAN_BROKEN


@pytest.mark.parametrize(
    "configured",
    ["digest-algo SHA1\n", "personal-digest-preferences SHA224\n"],
    indirect=True,
    ids=["digest", "preferences"],
)
def test_what_was_asked_for_comes_before_gpg_conf(crypto, configured):
    wanted = Algorithms(digest="SHA384", cipher="AES192", comment="mine")
    work = job(configured, signers=(SENDER,), recipients=(ALICE,), algorithms=wanted)
    made, message = encrypt(crypto, work)
    assert made.cipher == "AES192"
    assert made.micalg == "pgp-sha384"
    assert b"\nComment: mine\n\n" in message


def test_a_missing_key_is_not_looked_for_in_a_network(crypto, modern):
    with keyring_copy("exports") as path:
        (path / "gpg.conf").write_text("auto-key-retrieve\nkeyserver hkp://127.0.0.1:1\n")
        _, signature = sign(crypto, job(modern, signers=(SENDER,)))
        opened = crypto.verify(job(Gpg(path)), [TEXT], signature, Run())
        assert [one.status for one in opened.signatures] == [SignatureStatus.MISSING_KEY]
        sockets = subprocess.run(
            ["gpgconf", "--homedir", path, "--list-dirs", "dirmngr-socket"],
            check=True,
            capture_output=True,
        )
        assert not Path(sockets.stdout.decode().strip()).exists()


LONGEST = b"y" * 19_993


@pytest.mark.proves("OpenPGP 112")
@pytest.mark.parametrize("end", [b"", b"\n", b"\nz\n"])
def test_lines_of_signed_text_are_whole_or_refused(crypto, modern, end):
    """gpg 2.2 cuts longer lines and reports success."""
    for line in (LONGEST + end, LONGEST[:-1] + b"\r" + (end or b"\n")):
        _, signed = sign(crypto, job(modern, signers=(SENDER,)), SignatureMode.CLEARTEXT, line)
        assert line.rstrip(b"\nz\r") in signed
    for pieces in ([LONGEST + b"y" + end], [b"a\n" + LONGEST, b"y" + end], [b"y", LONGEST + end]):
        output = []
        work = job(modern, signers=(SENDER,))
        with pytest.raises(UnsupportedError) as caught:
            crypto.sign(work, pieces, output.append, SignatureMode.CLEARTEXT, Run(timeout=30))
        assert caught.value.code is ErrorCode.PGP_UNSUPPORTED
        assert "19993" in str(caught.value)
        assert b"-----END" not in b"".join(output)
