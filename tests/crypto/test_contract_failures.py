"""The contract of every engine where things go wrong: a typed error and no whole output."""

from __future__ import annotations

import io
import threading
import time

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import (
    Cancelled,
    KeySelectionError,
    PassphraseError,
    TimeLimitError,
    UnsupportedError,
    UsageError,
)
from gpgmail.core.events import Status
from gpgmail.core.passphrases import Passphrases
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.crypto.engine import Algorithms, ChosenKey, SignatureMode
from tests.crypto.helpers import ALICE, SENDER, TEXT, Gpg, job, knows, recipient, signer
from tests.support.keyrings import fixture_key, keyring_copy

DETACHED = SignatureMode.DETACHED
LOCKED = signer("protected", "locked")


@pytest.fixture(scope="module")
def protected():
    """A home whose only key has the passphrase `open sesame`."""
    with keyring_copy("protected") as path:
        yield Gpg(path)


class Output:
    """A sink that keeps what it gets."""

    def __init__(self):
        self.data = b""

    def __call__(self, data):
        self.data += data


def operations(engine, work, sink, *, run=None, source=(TEXT,)):
    """Everything that needs the signer's secret key, as calls."""
    run = run or Run(timeout=30)
    return {
        "detached": lambda: engine.sign(work, source, sink, DETACHED, run),
        "cleartext": lambda: engine.sign(work, source, sink, SignatureMode.CLEARTEXT, run),
        "opaque": lambda: engine.sign(work, source, sink, SignatureMode.OPAQUE, run),
        "sign and encrypt": lambda: engine.encrypt(work, source, sink, run),
    }


KINDS = ["detached", "cleartext", "opaque", "sign and encrypt"]
WRONG = {
    "wrong": lambda: knows(any="close sesame"),
    "of another key": lambda: knows(**{"0" * 40: "open sesame"}),
    "nobody knows": Passphrases,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passphrases", WRONG.values(), ids=WRONG)
def test_a_wrong_or_missing_passphrase(crypto, protected, kind, passphrases):
    sink = Output()
    to = recipient("protected", "locked")
    work = job(protected, signers=(LOCKED,), recipients=(to,), passphrases=passphrases())
    started = time.monotonic()
    with pytest.raises(PassphraseError) as caught:
        operations(crypto, work, sink)[kind]()
    assert time.monotonic() - started < 10
    assert caught.value.code is ErrorCode.PGP_PASSPHRASE
    assert b"-----END" not in sink.data
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_passphrase(crypto, protected, kind):
    to = recipient("protected", "locked")
    right = knows(**{LOCKED.fingerprint: "open sesame"})
    work = job(protected, signers=(LOCKED,), recipients=(to,), passphrases=right)
    sink = Output()
    made = operations(crypto, work, sink)[kind]()
    assert made.signatures[0].fingerprint == LOCKED.subkey
    assert b"-----END" in sink.data


def test_a_handler_is_asked_for_each_key(crypto):
    keys = {key.fingerprint: key for key in map(two_protected, ("first", "second"))}
    asked = []

    def ask(event):
        asked.append(event)
        event.passphrase = keys[event.fingerprint].passphrase

    signers = tuple(signer("two-protected", key.name) for key in keys.values())
    with keyring_copy("two-protected") as path:
        work = job(Gpg(path), signers=signers, passphrases=Passphrases(ask=ask))
        made = crypto.sign(work, [TEXT], Output(), DETACHED, Run(timeout=30))
    assert len(made.signatures) == 2
    assert {event.fingerprint for event in asked} == set(keys)
    assert {event.user_id for event in asked} == {key.uids[0].uid for key in keys.values()}


def two_protected(name):
    return fixture_key("two-protected", name)


def test_no_secret_reaches_an_event(crypto, protected):
    events = []
    run = Run(timeout=30, emit=events.append)
    to = recipient("protected", "locked")
    work = job(protected, signers=(LOCKED,), recipients=(to,), passphrases=knows(any="open sesame"))
    for call in operations(crypto, work, Output(), run=run).values():
        call()
    symmetric = job(protected, symmetric=Secret("open sesame"))
    crypto.encrypt(symmetric, [TEXT], Output(), run)
    messages = [event.message for event in events if isinstance(event, Status)]
    assert any("--detach-sign" in message for message in messages)
    assert not any("sesame" in message for message in messages)


UNUSABLE_RECIPIENTS = {
    "not here": ("modern", "8D0669833AC7EA6EFF14F2F63DB24E47DFBEB007"),
    "expired": ("expired", fixture_key("expired", "expired").subkeys[0].fingerprint),
    "revoked": ("revoked", fixture_key("revoked", "revoked").subkeys[0].fingerprint),
    "expired subkey": (
        "expired-subkey",
        fixture_key("expired-subkey", "stale").subkeys[0].fingerprint,
    ),
    "cannot encrypt": ("no-encryption", fixture_key("no-encryption", "signonly").fingerprint),
}


@pytest.mark.parametrize("unusable", UNUSABLE_RECIPIENTS.values(), ids=UNUSABLE_RECIPIENTS)
@pytest.mark.parametrize("beside", [(), (ALICE,)], ids=["alone", "beside a good one"])
@pytest.mark.parametrize("hidden", [False, True], ids=["named", "hidden"])
def test_a_recipient_whose_key_cannot_be_used(crypto, modern, unusable, beside, hidden):
    home, fingerprint = unusable
    sink = Output()
    bad = ChosenKey(fingerprint, fingerprint, hidden=hidden)
    with keyring_copy(home) as path:
        gpg = Gpg(path)
        gpg("--import", stdin=modern("--export", ALICE.fingerprint))
        with pytest.raises(KeySelectionError) as caught:
            crypto.encrypt(job(gpg, recipients=(*beside, bad)), [TEXT], sink, Run(timeout=30))
    assert fingerprint in str(caught.value)
    assert sink.data == b""


UNUSABLE_SIGNERS = {
    "not here": ("modern", "8D0669833AC7EA6EFF14F2F63DB24E47DFBEB007"),
    "only public": ("modern", ALICE.fingerprint),
    "expired": ("expired", fixture_key("expired", "expired").fingerprint),
    "revoked": ("revoked", fixture_key("revoked", "revoked").fingerprint),
    "cannot sign": ("own-key", fixture_key("own-key", "sender").subkeys[0].fingerprint),
    "kept elsewhere": (
        "offline-primary",
        fixture_key("offline-primary", "subsigner").fingerprint,
    ),
}


@pytest.mark.parametrize(("home", "fingerprint"), UNUSABLE_SIGNERS.values(), ids=UNUSABLE_SIGNERS)
@pytest.mark.parametrize("kind", ["detached", "sign and encrypt"])
def test_a_signer_whose_key_cannot_be_used(crypto, modern, home, fingerprint, kind):
    sink = Output()
    with keyring_copy(home) as path:
        gpg = Gpg(path)
        gpg("--import", stdin=modern("--export", ALICE.fingerprint))
        bad = ChosenKey(fingerprint, fingerprint)
        work = job(gpg, signers=(bad,), recipients=(ALICE,))
        with pytest.raises(KeySelectionError):
            operations(crypto, work, sink)[kind]()
    assert b"-----END" not in sink.data


def test_without_signer_or_recipient(crypto, modern):
    sink = Output()
    with pytest.raises(KeySelectionError):
        crypto.sign(job(modern), [TEXT], sink, DETACHED, Run())
    with pytest.raises(KeySelectionError):
        crypto.encrypt(job(modern, signers=(SENDER,)), [TEXT], sink, Run())
    with pytest.raises(PassphraseError):
        crypto.encrypt(job(modern, symmetric=Secret("")), [TEXT], sink, Run())
    assert sink.data == b""


ALGORITHMS = {  # and the operations that need it
    "cipher": (Algorithms(cipher="AES512"), ErrorCode.PGP_CIPHER, KINDS[-1:]),
    "mode": (Algorithms(cipher="AES256-GCM"), ErrorCode.PGP_CIPHER, KINDS[-1:]),
    "hash": (Algorithms(digest="SHA3-256"), ErrorCode.PGP_HASH, KINDS),
    "unknown hash": (Algorithms(digest="SHA-3"), ErrorCode.PGP_HASH, KINDS),
    "compression": (Algorithms(compression="lzma"), ErrorCode.PGP_COMPRESSION, KINDS),
}


@pytest.mark.proves("OpenPGP 125", "OpenPGP 126", "OpenPGP 127")
@pytest.mark.parametrize(("algorithms", "code", "kinds"), ALGORITHMS.values(), ids=ALGORITHMS)
def test_an_algorithm_that_is_not_there(crypto, modern, algorithms, code, kinds):
    read = []

    def source():
        read.append(True)
        yield TEXT

    work = job(modern, signers=(SENDER,), recipients=(ALICE,), algorithms=algorithms)
    for kind in kinds:
        with pytest.raises(UnsupportedError) as caught:
            operations(crypto, work, Output(), source=source())[kind]()
        assert caught.value.code is code
    assert not read


def test_an_algorithm_that_the_operation_has_no_use_for_is_not_missed(crypto, modern):
    sink = Output()
    work = job(modern, signers=(SENDER,), algorithms=Algorithms(cipher="AES256-GCM"))
    assert crypto.sign(work, [TEXT], sink, DETACHED, Run(timeout=30)).signatures
    work = job(modern, recipients=(ALICE,), algorithms=Algorithms(digest="SHA3-256"))
    assert crypto.encrypt(work, [TEXT], sink, Run(timeout=30)).recipients


@pytest.mark.parametrize(
    "algorithms",
    [
        Algorithms(level=0),
        Algorithms(level=10),
        Algorithms(comment="one\ntwo"),
        Algorithms(comment="one\rtwo"),
        Algorithms(comment="one\0two"),
        Algorithms(comment="ümlaut"),
        Algorithms(comment="x" * 1000),
        Algorithms(comment="bell \a"),
        Algorithms(version="one\ntwo"),
        Algorithms(version="escape \x1b[1m"),
        Algorithms(chunk_size=5),
        Algorithms(chunk_size=23),
    ],
    ids=lambda algorithms: str(algorithms)[:60],
)
def test_a_number_or_header_line_that_cannot_be(crypto, modern, algorithms):
    work = job(modern, signers=(SENDER,), recipients=(ALICE,), algorithms=algorithms)
    sink = Output()
    for kind in KINDS:
        with pytest.raises(UsageError):
            operations(crypto, work, sink)[kind]()
    assert sink.data == b""


class BrokenError(Exception):
    """What a source or sink of a test raises."""


def breaks(size):
    for _ in range(size):
        yield b"a line\n" * 15_000
    raise BrokenError


@pytest.mark.parametrize("size", [0, 1, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_raises_fails_the_operation(crypto, modern, kind, size):
    sink = Output()
    work = job(modern, signers=(SENDER,), recipients=(ALICE,))
    with pytest.raises(BrokenError):
        operations(crypto, work, sink, source=breaks(size))[kind]()
    assert b"-----END" not in sink.data


def test_a_sink_that_raises_fails_the_operation(crypto, modern):
    def full(_):
        raise BrokenError

    work = job(modern, signers=(SENDER,), recipients=(ALICE,))
    for call in operations(crypto, work, full).values():
        with pytest.raises(BrokenError):
            call()


def endless():
    while True:
        time.sleep(0.01)
        yield b"x" * 100_000


@pytest.mark.parametrize("kind", ["detached", "sign and encrypt"])
def test_cancelled_midway(crypto, modern, kind):
    run, sink = Run(timeout=30), Output()
    work = job(modern, signers=(SENDER,), recipients=(ALICE,))
    timer = threading.Timer(0.2, run.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        operations(crypto, work, sink, run=run, source=endless())[kind]()
    assert time.monotonic() - started < 5
    assert b"-----END" not in sink.data


def test_what_a_slow_source_takes_is_no_standstill(crypto, modern):
    def slow():
        for _ in range(2):
            time.sleep(0.6)
            yield TEXT

    work, sink = job(modern, signers=(SENDER,)), Output()
    assert crypto.sign(work, slow(), sink, DETACHED, Run(timeout=1)).signatures


def test_the_time_limit_ends_an_operation(crypto, modern):
    run = Run(timeout=0.3, absolute=True)
    with pytest.raises(TimeLimitError):
        crypto.sign(job(modern, signers=(SENDER,)), endless(), Output(), DETACHED, run)


@pytest.mark.parametrize(
    "source",
    [["text"], b"bytes", [5], io.StringIO("text")],
    ids=["str", "bytes", "int", "text stream"],
)
def test_a_source_that_gives_no_bytes_is_an_error(crypto, modern, source):
    run, sink = Run(timeout=30), Output()
    for call in (
        lambda: crypto.encrypt(job(modern, recipients=(ALICE,)), source, sink, run),
        lambda: crypto.decrypt(job(modern), source, sink, run),
        lambda: crypto.verify(job(modern), source, b"x", run),
        lambda: crypto.verify_inline(job(modern), source, sink, run),
        *(
            lambda mode=mode: crypto.sign(job(modern, signers=(SENDER,)), source, sink, mode, run)
            for mode in SignatureMode
        ),
    ):
        if isinstance(source, io.StringIO):
            source.seek(0)
        with pytest.raises(UsageError, match="not bytes"):
            call()
