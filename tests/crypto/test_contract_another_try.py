"""The contract of every engine: a message's passphrase may be wrong first, and right later.

gpg asks for it once in a run. What a handler is told, and how often it is asked, is as for a key.
"""

from __future__ import annotations

import subprocess

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError, PassphraseError
from gpgmail.core.passphrases import ATTEMPTS, Passphrases
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from tests.crypto.helpers import ALICE, ALWAYS, TEXT, Gpg, decrypt, encrypted, job, recipient
from tests.support.keyrings import empty_home, keyring_copy

RIGHT = "right wörd"
KEYS = "open sesame"
BY_PASSPHRASE = (
    *("--pinentry-mode", "loopback", "--passphrase", RIGHT, "--symmetric"),
    *("--s2k-count", "65536"),
)


class Handler:
    """Answers what it is asked for messages and for keys, one after the other, then nothing."""

    def __init__(self, *of_message, of_key=()):
        self.asked = []
        self._answers = {False: list(of_message), True: list(of_key)}

    def __call__(self, event):
        self.asked.append(("key" if event.key_id else "message", event.was_wrong))
        waiting = self._answers[bool(event.key_id)]
        return waiting.pop(0) if waiting else None

    def of(self, what):
        return [wrong for kind, wrong in self.asked if kind == what]


def opens(crypto, gpg, message, handler):
    _, text = decrypt(crypto, job(gpg, passphrases=Passphrases.of(handler)), message)
    return text == TEXT


@pytest.fixture(scope="module")
def locked():
    """A home with a protected key, and nothing that an agent has seen of it."""
    with keyring_copy("protected") as path:
        yield Gpg(path)


@pytest.fixture
def message(empty):
    return empty(*BY_PASSPHRASE, stdin=TEXT)


@pytest.mark.parametrize("wrong", range(ATTEMPTS))
def test_wrong_first_and_right_later(crypto, empty, message, wrong):
    handler = Handler(*(f"wrong {number}" for number in range(wrong)), RIGHT)
    assert opens(crypto, empty, message, handler)
    assert handler.of("message") == [False, True, True][: wrong + 1]


def test_as_many_tries_as_for_a_key(crypto, empty, message):
    handler = Handler("a", "b", "c", RIGHT)
    with pytest.raises(PassphraseError):
        opens(crypto, empty, message, handler)
    assert handler.of("message") == [False, True, True]


@pytest.mark.parametrize("answers", [(), ("wrong",)], ids=["at once", "after a wrong one"])
def test_a_handler_that_has_nothing_is_not_asked_again(crypto, empty, message, answers):
    handler = Handler(*answers, None, RIGHT)
    with pytest.raises(PassphraseError):
        opens(crypto, empty, message, handler)
    assert handler.of("message") == [False, True][: len(answers) + 1]


def test_a_given_value_is_tried_before_the_handler_and_once(crypto, empty, message):
    handler = Handler("wrong", RIGHT)

    def ask(event):
        event.passphrase = handler(event) or ""

    passphrases = Passphrases({"": Secret("given")}, ask)
    _, text = decrypt(crypto, job(empty, passphrases=passphrases), message)
    assert text == TEXT
    assert handler.of("message") == [True, True]


def test_a_given_value_alone_is_tried_once(crypto, empty, message, monkeypatch):
    runs, execute = [], crypto._execute

    def counted(*words, **how):
        runs.append(words)
        return execute(*words, **how)

    monkeypatch.setattr(crypto, "_execute", counted)
    with pytest.raises(PassphraseError):
        decrypt(crypto, job(empty, passphrases=Passphrases.of("wrong")), message)
    assert len(runs) == 1


def test_the_right_one_is_tried_on_the_next_message_first(crypto, empty, message):
    handler = Handler("wrong", RIGHT, "other")
    work = job(empty, passphrases=Passphrases.of(handler))
    other = empty(*(w if w != RIGHT else "other" for w in BY_PASSPHRASE), stdin=b"next\n")
    for data, text in ((message, TEXT), (message, TEXT), (other, b"next\n")):
        assert decrypt(crypto, work, data)[1] == text
    assert handler.of("message") == [False, True, True]


def test_one_that_no_agent_takes_is_an_error_at_once(crypto, empty, message):
    handler = Handler("wrong", "two\nlines", RIGHT)
    with pytest.raises(PassphraseError, match="line break"):
        opens(crypto, empty, message, handler)


def test_an_iterator_cannot_be_read_again(crypto, empty, message):
    handler = Handler("wrong", RIGHT)
    work = job(empty, passphrases=Passphrases.of(handler))
    with pytest.raises(PassphraseError):
        crypto.decrypt(work, iter([message]), bytes, Run(timeout=30))
    assert handler.of("message") == [False]


def test_nobody_is_asked_again_where_only_the_message_is_at_fault(crypto, empty, message):
    handler = Handler(RIGHT, RIGHT)
    changed = bytearray(message)
    changed[-3] ^= 1
    with pytest.raises(CryptoError):
        opens(crypto, empty, bytes(changed), handler)
    assert handler.of("message") == [False]


# ---- beside keys ----


@pytest.mark.parametrize("wrong", range(ATTEMPTS))
def test_of_a_message_whose_key_is_not_here(crypto, modern, empty, wrong):
    both = encrypted(modern, *BY_PASSPHRASE)
    handler = Handler(*("wrong",) * wrong, RIGHT)
    assert opens(crypto, empty, both, handler)
    assert handler.of("message") == [False, True, True][: wrong + 1]


def test_a_key_without_protection_opens_it_whatever_the_passphrase(crypto, modern, recipients):
    both = encrypted(modern, *BY_PASSPHRASE, to=(ALICE,))
    assert opens(crypto, recipients, both, Handler("wrong"))


@pytest.mark.parametrize(
    "of_key",
    [(), ("wrong",), ("wrong",) * ATTEMPTS, (RIGHT,) * ATTEMPTS],
    ids=["nothing", "wrong and nothing", "wrong", "that of the message"],
)
def test_of_a_message_whose_key_nobody_can_open(crypto, locked, of_key):
    """gpg 2.2 wants the key's passphrase first, and 2.4 the message's; both are asked for."""
    both = encrypted(locked, *BY_PASSPHRASE, to=(recipient("protected", "locked"),))
    handler = Handler("wrong", RIGHT, of_key=of_key)
    assert opens(crypto, locked, both, handler)
    assert handler.of("message") == [False, True]
    assert len(handler.of("key")) <= ATTEMPTS  # however often gpg runs


@pytest.mark.parametrize("of_message", [(), ("wrong",) * (ATTEMPTS + 1)], ids=["nothing", "wrong"])
def test_the_key_opens_it_where_nobody_knows_the_passphrase(crypto, of_message):
    with keyring_copy("protected") as path:
        gpg = Gpg(path)
        both = encrypted(gpg, *BY_PASSPHRASE, to=(recipient("protected", "locked"),))
        handler = Handler(*of_message, of_key=("wrong", KEYS))
        assert opens(crypto, gpg, both, handler)
    assert handler.of("key") == [False, True]


@pytest.fixture(scope="module")
def two():
    """A home with two protected keys, and a message to both."""
    with empty_home() as path:
        (path / "gpg-agent.conf").write_text("s2k-count 65536\n")
        gpg = Gpg(path)
        keys = []
        for name in ("one", "two"):
            keys.append(gpg.new_key("rsa1024", name, passphrase=name, usage="cert,sign"))
            alone = ("--pinentry-mode", "loopback", "--passphrase", name)
            gpg(*alone, "--quick-add-key", keys[-1], "rsa1024", "encr")
        words = [word for key in keys for word in ("-r", key)]
        yield gpg, gpg(*ALWAYS, *words, "--encrypt", stdin=TEXT), keys


@pytest.mark.parametrize("known", [0, 1])
@pytest.mark.parametrize("how", ["no other", "wrong for the other", "one for all"])
def test_one_key_of_several_opens_it(crypto, two, known, how):
    gpg, message, keys = two
    subprocess.run(["gpgconf", "--homedir", gpg.home, "--kill", "gpg-agent"], check=True)
    right = ("one", "two")[known]
    sources = {
        "no other": {keys[known]: right},
        "wrong for the other": {keys[known]: right, keys[1 - known]: "wrong"},
        "one for all": lambda _: right,
    }
    work = job(gpg, passphrases=Passphrases.of(sources[how]))
    assert decrypt(crypto, work, message)[1] == TEXT


def test_who_gives_nothing_is_told_of_the_passphrase_and_not_of_keys(crypto, modern, empty):
    both = encrypted(modern, *BY_PASSPHRASE)
    with pytest.raises(PassphraseError) as caught:
        opens(crypto, empty, both, Handler())
    assert caught.value.code is ErrorCode.PGP_PASSPHRASE
