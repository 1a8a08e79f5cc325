"""Passphrases as values: for which key, of what form, and what can be none."""

from __future__ import annotations

import traceback

import pytest

from gpgmail.core.errors import PassphraseError, UsageError
from gpgmail.core.passphrases import ANY_KEY, LONGEST, Passphrases, require_usable
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret

PRIMARY, SUBKEY = "AB" * 20, "CD" * 20


class Kept:
    """A passphrase that is fetched; `{}` in it stands for the key."""

    def __init__(self, text):
        self.text = text
        self.asked = []

    def fetch(self, fingerprint, run):
        run.check("fetching")
        self.asked.append(fingerprint)
        return Secret(self.text.format(fingerprint))


def answer(passphrases, *, fingerprint=PRIMARY, key_id=SUBKEY[-16:], wrong=False, run=None):
    return passphrases.answer(
        user_id="Ann <ann@example.org>",
        key_id=key_id,
        fingerprint=fingerprint,
        wrong=wrong,
        run=run or Run(),
    )


@pytest.mark.parametrize(
    "name",
    [
        PRIMARY,
        PRIMARY.lower(),
        f"0x{PRIMARY}",
        " ".join(PRIMARY[at : at + 4] for at in range(0, 40, 4)),
        PRIMARY[-16:],
        SUBKEY,
        SUBKEY[-16:].lower(),
        ANY_KEY,
    ],
)
def test_a_key_may_be_named_in_any_form(name):
    assert answer(Passphrases.of({name: "open"})) == Secret("open")


def test_a_subkeys_own_comes_before_its_primarys_and_that_before_any():
    everything = {ANY_KEY: "any", PRIMARY: "primary", SUBKEY: "subkey"}
    assert answer(Passphrases.of(everything)) == Secret("subkey")
    del everything[SUBKEY]
    assert answer(Passphrases.of(everything)) == Secret("primary")
    del everything[PRIMARY]
    assert answer(Passphrases.of(everything)) == Secret("any")
    assert answer(Passphrases.of({"EF" * 20: "other"})) is None


@pytest.mark.parametrize("name", ["ann@example.org", "ABCD", "the passphrase itself"])
def test_what_names_no_key_is_refused_and_not_shown(name):
    with pytest.raises(UsageError) as caught:
        Passphrases.of({name: PRIMARY})
    assert name not in str(caught.value)


@pytest.mark.parametrize(
    "bad", ["a\nb", "a\rb", "a\0b", "a\x04b", "end\n", "half \ud83d", "é" * 128]
)
@pytest.mark.parametrize("how", ["value", "mapping", "handler", "fetched"])
def test_what_can_be_no_passphrase_is_refused_before_gpg_hears_of_it(bad, how):
    kept = Kept(bad)
    source = {"value": bad, "mapping": {PRIMARY: bad}, "handler": lambda _: bad, "fetched": kept}
    with pytest.raises(PassphraseError) as caught:
        answer(Passphrases.of(source[how]))
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if "gpgmail/" in frame.filename]
    assert frames
    assert not [frame for frame in frames if repr(bad)[1:-1] in str(frame.locals)]
    assert bad not in str(caught.value)
    assert caught.value.code.number == 122


def test_the_limit_is_in_bytes_and_said():
    require_usable(Secret("é" * 127 + "x"), "key")
    with pytest.raises(PassphraseError, match=f"256 bytes long, and gpg-agent takes {LONGEST}"):
        require_usable(Secret("é" * 128), "key")


@pytest.mark.parametrize("word", [" leading", "trailing ", "  ", "tab\t", "grüße 🔑", "-x", "%0a"])
def test_everything_else_stays_as_it_is(word):
    assert answer(Passphrases.of(word)) == Secret(word)
    assert answer(Passphrases.of(word.encode())) == Secret(word)


@pytest.mark.parametrize("value", [7, {PRIMARY: 7}, object()])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(UsageError, match=r"takes a text, not (int|object)"):
        Passphrases.of(value)


def test_a_handler_may_return_a_secret_set_the_event_or_say_nothing():
    def sets(event):
        event.passphrase = "set"

    assert answer(Passphrases.of(lambda _: Secret("returned"))) == Secret("returned")
    assert answer(Passphrases.of(sets)) == Secret("set")
    assert answer(Passphrases.of(lambda _: "")) is None
    with pytest.raises(UsageError, match="takes a text, not int"):
        answer(Passphrases.of(lambda _: 7))


def test_a_handler_is_told_whether_the_last_one_was_wrong_and_keeps_no_secret():
    events = []

    def ask(event):
        events.append(event)
        assert event.passphrase == ""
        return "try"

    passphrases = Passphrases.of(ask)
    answer(passphrases)
    answer(passphrases, wrong=True)
    assert [event.was_wrong for event in events] == [False, True]
    assert {event.passphrase for event in events} == {""}


def test_a_wrong_value_tells_the_handler_so():
    events = []
    answer_of = Passphrases({ANY_KEY: Secret("value")}, ask=events.append)
    assert answer(answer_of) == Secret("value")
    answer(answer_of, wrong=True)
    assert events[0].was_wrong


def test_what_is_kept_elsewhere_is_fetched_once_for_each_key_that_wants_it():
    run = Run()
    kept = Kept("of {}")
    passphrases = Passphrases.of(kept)
    assert kept.asked == []
    for _ in range(2):
        for fingerprint in (PRIMARY, SUBKEY):
            found = answer(passphrases, fingerprint=fingerprint, key_id="", run=run)
            assert found == Secret(f"of {fingerprint}")
    assert kept.asked == [PRIMARY, SUBKEY]
    assert run.redactor.clean(f"x of {PRIMARY}") == "x ********"


def test_a_pin_is_not_tried_twice_unless_it_worked():
    passphrases = Passphrases.of("1234")
    who = {"user_id": "", "key_id": "", "fingerprint": PRIMARY, "run": Run()}
    assert passphrases.proved("GRIP", lambda _: None, **who) == Secret("1234")
    with pytest.raises(PassphraseError, match="could block it"):
        passphrases.proved("GRIP", lambda _: None, **who)
    passphrases.used()
    assert passphrases.proved("GRIP", lambda _: None, **who) == Secret("1234")
