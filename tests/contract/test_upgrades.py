"""What an upgrade of gpg can break in a home, and that it is told."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import SignatureMode
from gpgmail.crypto.engines import ENGINES
from gpgmail.gpg.binary import find
from tests.contract.conftest import gpgs
from tests.crypto.helpers import TEXT, Gpg, job, signer
from tests.support.keyrings import keyring_copy

pytestmark = pytest.mark.interop


@pytest.mark.skipif(find().version < (2, 3, 0), reason="gpg 2.2 reads what it wrote")
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_a_secret_key_that_the_older_gpg_imported_and_never_used(name, engines):
    with keyring_copy("offline-primary") as path:
        bare = Gpg(path).run("--sign", stdin=TEXT)
        work = job(Gpg(path), signers=(signer("offline-primary", "subsigner"),))
        pieces = []
        with pytest.raises(GpgmailError) as caught:
            engines(name).sign(work, [TEXT], pieces.append, SignatureMode.DETACHED, Run(timeout=30))
    assert b"Checksum error" in bare.stderr  # bare gpg does not get further
    assert caught.value.code is Situation.KEY_UNUSABLE.code
    assert "gpg 2.2" in str(caught.value)


def test_there_is_more_than_one_gpg_to_try():
    assert len(gpgs()) > 1
