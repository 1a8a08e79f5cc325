"""The contract as tables: engine, kind of key or keyring, operation; the gpg is that of the run.

Two tables stand for the product, since an engine does not know which keyring its home came from:
every kind of key in a home, and two kinds of keys in every kind of keyring.
"""

from __future__ import annotations

import pytest

from gpgmail.core.errors import GpgmailError
from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Job
from gpgmail.crypto.engines import ENGINES
from gpgmail.gpg.binary import find
from gpgmail.gpg.home import Home
from tests.contract.axes import IN_KEYRINGS, KEYRINGS, KINDS
from tests.contract.operations import OPERATIONS, Work
from tests.contract.record import Cell, version
from tests.crypto.helpers import TEXT

pytestmark = pytest.mark.interop

NO_KEY = {
    error.code for error in (Situation.KEY_USAGE, Situation.KEY_UNUSABLE, Situation.KEY_NOT_FOUND)
}
_SYMMETRIC = "pässphrase"


def named(row):
    return getattr(row, "row", None) or getattr(row, "column", None)


def had(kinds):
    """Those that the gpg of this run has."""
    return [kind for kind in kinds if find().version >= kind.since]


def refused(work, operation, outcome, reason):
    with pytest.raises(GpgmailError) as caught:
        operation.do(work)
    assert caught.value.code in NO_KEY
    assert caught.value.subject
    outcome.word, outcome.reason = "refused", reason


def settle(work, operation, outcome, lacking):
    """Do the operation; where something is *lacking* it must be refused, and for that reason."""
    if lacking:
        refused(work, operation, outcome, f"no {' nor '.join(lacking)} there")
    else:
        operation.do(work)
        outcome.word = "good"
    outcome.judge = version(work.judge.binary)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@pytest.mark.parametrize("kind", had(KINDS), ids=named)
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_every_kind_of_key(  # noqa: PLR0917 - fixtures
    name, kind, operation, engines, homes, keys, tmp_path, outcome, of_cell
):
    of_cell(Cell(table="keys", row=kind.row, operation=operation.column, engine=name))
    lacking = [f"{use} key" for use in operation.needs if use == kind.lacks]
    if lacking and operation.made_by_others:
        outcome.word, outcome.reason = "none", "nobody can make one for this key"
        return
    facts, judge = keys(kind)
    where = homes(kind.situation, "gpg").home
    settle(Work(engines(name), where, facts, judge, tmp_path), operation, outcome, lacking)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@pytest.mark.parametrize("kind", IN_KEYRINGS, ids=named)
@pytest.mark.parametrize("keyring", had(KEYRINGS), ids=named)
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_every_kind_of_keyring(  # noqa: PLR0917 - fixtures
    name, keyring, kind, operation, engines, keyrings, keys, tmp_path, outcome, of_cell
):
    row = f"{keyring.row}, {kind.row}"
    of_cell(Cell(table="keyrings", row=row, operation=operation.column, engine=name))
    lacking = [] if keyring.secret else [f"secret {use} key" for use in operation.secret]
    facts, judge = keys(kind)
    work = Work(engines(name), keyrings(keyring, kind), facts, judge, tmp_path)
    settle(work, operation, outcome, lacking)


def _passphrase(judge, *options, stdin):
    loopback = ("--pinentry-mode", "loopback", "--passphrase", _SYMMETRIC)
    return judge(*loopback, *options, stdin=stdin)


@pytest.mark.parametrize("made_by", ["this engine", "bare gpg"])
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_with_a_passphrase_and_no_key(  # noqa: PLR0917 - fixtures
    name, made_by, engines, homes, keys, outcome, of_cell
):
    of_cell(Cell(table="passphrase", row=made_by, operation="symmetric", engine=name))
    _, judge = keys(KINDS[1])
    home = Home(directory=homes("every-kind", "gpg").home)
    pieces: list[bytes] = []
    run = Run(timeout=60)
    if made_by == "this engine":
        job = Job(home=home, symmetric=Secret(_SYMMETRIC))
        engines(name).encrypt(job, [TEXT], pieces.append, run)
        assert _passphrase(judge, "--decrypt", stdin=b"".join(pieces)) == TEXT
    else:
        message = _passphrase(judge, "--symmetric", stdin=TEXT)
        job = Job(home=home, passphrases=Passphrases({ANY_KEY: Secret(_SYMMETRIC)}))
        engines(name).decrypt(job, [message], pieces.append, run)
        assert b"".join(pieces) == TEXT
    outcome.word, outcome.judge = "good", version(judge.binary)
