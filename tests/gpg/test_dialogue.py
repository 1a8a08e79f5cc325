"""Passphrases and real gpg: right, wrong, missing, asked for, several signers, never shown."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest

from gpgmail.core.errors import PassphraseError
from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.gpg.judge import judge
from gpgmail.gpg.prepared import empty_home, private_agent
from gpgmail.gpg.runner import execute
from tests.support.keyrings import fixture_key

FIRST, SECOND = (fixture_key("two-protected", name) for name in ("first", "second"))
LOCKED = fixture_key("protected", "locked")
UMLAUT = fixture_key("protected-utf8", "umlaut")
BOTH = ("-u", f"{FIRST.fingerprint}!", "-u", f"{SECOND.fingerprint}!")
TEXT = b"first line\nsecond line\n"


def given(*keys, **wrong):
    values = {key.fingerprint: wrong.get(key.name, key.passphrase) for key in keys}
    return Passphrases({fingerprint: Secret(value) for fingerprint, value in values.items()})


def sign(home, run, passphrases, *signers, source=(TEXT,)):
    signers = signers or BOTH
    arguments = ["--armor", "--detach-sign", *signers]
    return execute(home, arguments, run=run, source=source, passphrases=passphrases)


def signed_by(result):
    return [line.get("fingerprint") for line in result.status if line.keyword == "SIG_CREATED"]


def refused(result):
    error = judge(result, Situation.SIGN_FAILED)
    assert not result.ok
    assert isinstance(error, PassphraseError)
    assert error.code.number == 122
    return error


class Handler:
    """An `on_key_passphrase` handler that gives its answers key by key, and keeps the questions."""

    def __init__(self, answers):
        self.answers = {address: list(words) for address, words in answers.items()}
        self.asked = []
        self.threads = set()

    def __call__(self, event):
        self.asked.append(event)
        self.threads.add(threading.get_ident())
        for address, words in self.answers.items():
            if address in event.user_id:
                event.passphrase = words.pop(0) if words else ""


def test_several_signers_each_get_their_own_in_one_process(copy, run):
    result = sign(copy("two-protected"), run, given(FIRST, SECOND))
    assert result.ok
    assert sorted(signed_by(result)) == sorted([FIRST.fingerprint, SECOND.fingerprint])
    assert len(run.started) == 1


def test_exchanged_passphrases_are_refused_and_the_key_is_named(copy, run):
    values = {FIRST.fingerprint: Secret(SECOND.passphrase), SECOND.fingerprint: Secret("x")}
    error = refused(sign(copy("two-protected"), run, Passphrases(values)))
    assert "@example.org" in error.subject


@pytest.mark.parametrize(
    "passphrases",
    [None, Passphrases(), Passphrases({ANY_KEY: Secret("")}), Passphrases({ANY_KEY: Secret("no")})],
    ids=["none", "silent", "empty", "wrong"],
)
def test_missing_or_wrong_and_headless_is_code_122_at_once(copy, run, passphrases):
    began = time.monotonic()
    refused(sign(copy("two-protected"), run, passphrases))
    assert time.monotonic() - began < 10


def test_an_empty_passphrase_takes_nothing_from_the_message(copy, run):
    home = copy("modern")
    result = execute(
        home,
        ["--clearsign", "-u", fixture_key("modern", "sender").fingerprint],
        run=run,
        source=[TEXT],
        passphrases=Passphrases({ANY_KEY: Secret("")}),
    )
    assert result.ok
    assert TEXT in result.output


def test_a_value_for_no_key_takes_nothing_from_the_message_either(copy, run):
    result = execute(
        copy("modern"),
        ["--clearsign", "-u", fixture_key("modern", "sender").fingerprint],
        run=run,
        source=[TEXT],
        passphrases=Passphrases({ANY_KEY: Secret("not needed")}),
    )
    assert result.ok
    assert TEXT in result.output


def test_letters_outside_ascii(copy, run):
    home = copy("protected-utf8")
    signer = ("-u", UMLAUT.fingerprint)
    assert sign(home, run, given(UMLAUT), *signer).ok


@pytest.mark.parametrize("word", ["two\nlines", "nul\0", "half \ud83d"])
def test_what_no_line_can_carry_is_refused_and_not_shown(copy, run, word):
    with pytest.raises(PassphraseError) as caught:
        sign(copy("protected"), run, given(LOCKED, locked=word), "-u", LOCKED.fingerprint)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if "gpgmail/" in frame.filename]
    assert frames
    assert not [frame for frame in frames if repr(word)[1:-1] in str(frame.locals)]
    assert word not in str(caught.value)
    assert LOCKED.fingerprint in str(caught.value)


def test_the_handler_is_asked_with_names_and_in_our_thread(copy, run):
    handler = Handler({"first@": [FIRST.passphrase], "second@": [SECOND.passphrase]})
    result = sign(copy("two-protected"), run, Passphrases(ask=handler))
    assert result.ok
    asked = {event.fingerprint: event for event in handler.asked}
    assert set(asked) == {FIRST.fingerprint, SECOND.fingerprint}
    assert asked[FIRST.fingerprint].user_id == FIRST.uids[0].uid
    assert asked[FIRST.fingerprint].key_id == FIRST.fingerprint[-16:]
    assert handler.threads == {threading.get_ident()}


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_the_handler_may_be_wrong_twice(copy, run, wrong):
    handler = Handler({"locked@": [*["no"] * wrong, LOCKED.passphrase]})
    source = iter([TEXT])  # given once: what gpg read it does not get again
    result = sign(
        copy("protected"), run, Passphrases(ask=handler), "-u", LOCKED.fingerprint, source=source
    )
    assert result.ok
    assert len(handler.asked) == wrong + 1


def test_the_handler_is_asked_three_times_and_no_more(copy, run):
    handler = Handler({"locked@": ["no", "nor this", "neither", LOCKED.passphrase]})
    with pytest.raises(PassphraseError, match=f"{LOCKED.fingerprint}.*the passphrase is wrong"):
        sign(copy("protected"), run, Passphrases(ask=handler), "-u", LOCKED.fingerprint)
    assert len(handler.asked) == 3


def test_a_handler_without_answer_is_asked_once(copy, run):
    handler = Handler({})
    refused(sign(copy("protected"), run, Passphrases(ask=handler), "-u", LOCKED.fingerprint))
    assert len(handler.asked) == 1


def test_a_wrong_value_is_followed_by_the_handler(copy, run):
    handler = Handler({"locked@": [LOCKED.passphrase]})
    passphrases = Passphrases({ANY_KEY: Secret("wrong")}, ask=handler)
    assert sign(copy("protected"), run, passphrases, "-u", LOCKED.fingerprint).ok
    assert len(handler.asked) == 1


def test_a_proven_answer_is_neither_asked_nor_proved_again(copy, run):
    handler = Handler({"locked@": [LOCKED.passphrase]})
    passphrases = Passphrases(ask=handler)
    with private_agent(copy("protected"), run) as own:
        for _ in range(3):
            assert sign(own.home, run, passphrases, "-u", LOCKED.fingerprint).ok
    assert len(handler.asked) == 1
    assert len(passphrases.proven) == 1


def test_decrypting_asks_for_the_key_of_the_message(copy, run):
    home = copy("protected")
    encrypt = ["--trust-model=always", "--encrypt", "-r", LOCKED.fingerprint]
    made = execute(home, encrypt, run=run, source=[TEXT]).output
    handler = Handler({"locked@": ["no", LOCKED.passphrase]})
    asking = Passphrases(ask=handler)
    for passphrases in (asking, given(LOCKED)):
        with private_agent(home, run) as own:
            opened = execute(
                own.home, ["--decrypt"], run=run, source=iter([made]), passphrases=passphrases
            )
        assert opened.output == TEXT
    assert [event.fingerprint for event in handler.asked] == [LOCKED.fingerprint] * 2
    subkey = LOCKED.subkeys[0]
    assert {event.key_id for event in handler.asked} == {subkey.fingerprint[-16:]}
    assert asking.proven == {(subkey.keygrip, Secret(LOCKED.passphrase))}


def test_a_passphrase_alone_encrypts_and_decrypts(run):
    right, wrong = (Passphrases({ANY_KEY: Secret(word)}) for word in ("grüße, viele", "other"))
    with empty_home(run) as own:
        made = execute(own.home, ["--symmetric"], run=run, source=[TEXT], passphrases=right)
        assert made.ok
        opened = execute(own.home, ["-d"], run=run, source=[made.output], passphrases=right)
        assert opened.output == TEXT
        bad = execute(own.home, ["-d"], run=run, source=[made.output], passphrases=wrong)
        assert not bad.ok
        assert bad.output == b""


def test_an_exception_of_the_handler_ends_gpg(copy, run, all_end):
    home = copy("protected")

    def ask(event):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sign(home, run, Passphrases(ask=ask), "-u", LOCKED.fingerprint)
    assert all_end(f"--homedir {home.directory} --batch", 1)


def test_the_passphrase_is_seen_by_gpg_alone(copy, run, caplog, tmp_path):
    """While gpg waits: in no command line, no environment; afterwards in no event, log or repr."""
    secret = LOCKED.passphrase
    seen = []
    done = threading.Event()

    def watch():
        """Look at what works on our home; others on this machine may use the same word."""
        while not done.is_set():
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    line = (entry / "cmdline").read_bytes()
                    if os.fsencode(home.directory) in line:
                        seen.extend((line, (entry / "environ").read_bytes()))
                except OSError:
                    continue

    def source():
        for _ in range(5):
            time.sleep(0.05)
            yield TEXT

    home = copy("protected")
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with caplog.at_level("DEBUG"):
            signer = ("-u", LOCKED.fingerprint)
            refused(sign(home, run, given(LOCKED, locked="wrong " + secret), *signer))
            assert sign(home, run, given(LOCKED), *signer, source=source()).ok
    finally:
        done.set()
        watcher.join()
    assert any(b"--detach-sign" in line for line in seen)
    assert any(b"gpg-agent" in line for line in seen)
    assert not [line for line in seen if secret.encode() in line]
    assert secret not in caplog.text
    assert secret not in repr(run.events)


def test_a_failing_source_shows_no_passphrase_in_the_traceback(copy, run):
    def source():
        yield TEXT
        raise ZeroDivisionError

    try:
        sign(copy("protected"), run, given(LOCKED), "-u", LOCKED.fingerprint, source=source())
    except ZeroDivisionError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert LOCKED.passphrase not in "".join(shown.format())
    else:
        pytest.fail("the source's exception was lost")
    gc.collect()
    assert sys.exc_info() == (None, None, None)
