import threading
from types import SimpleNamespace

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.envelope import Envelope, Recipient
from gpgmail.core.errors import Cancelled, TimeLimitError, UsageError
from gpgmail.core.events import Status
from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.replies import Reply
from gpgmail.core.run import Run
from gpgmail.core.secret import Redactor, Secret


@pytest.fixture
def clock(monkeypatch):
    """Lets time pass: it does so only when a test says it."""
    now = [1000]
    monkeypatch.setattr("gpgmail.core.run.time", SimpleNamespace(monotonic=lambda: now[0]))

    def later(seconds):
        now[0] += seconds

    return later


def test_an_inactivity_limit_begins_anew_when_data_moves(clock):
    run = Run(timeout=10)
    for _ in range(4):
        clock(9)
        run.check("a wait")
        run.touch()
    clock(10)
    with pytest.raises(TimeLimitError) as caught:
        run.check("a wait")
    assert caught.value.code is ErrorCode.TCP_TIMEOUT
    assert caught.value.subject == "a wait"


def test_an_absolute_limit_does_not_move(clock):
    run = Run(timeout=10, absolute=True)
    clock(9)
    run.touch()
    run.check("a wait")
    clock(1)
    with pytest.raises(TimeLimitError):
        run.check("a wait")


def test_zero_is_no_limit():
    run = Run(timeout=0)
    assert run.remaining() is None
    assert run.slice() > 0
    run.check("a wait")


def test_cancel_from_another_thread_stops_the_next_check():
    run = Run()
    thread = threading.Thread(target=run.cancel)
    thread.start()
    thread.join()
    with pytest.raises(Cancelled) as caught:
        run.check("a wait")
    assert caught.value.code is ErrorCode.SMTP_INTERRUPTED


def test_status_masks_known_secrets():
    seen = []
    run = Run(emit=seen.append)
    run.redactor.know(Secret("correct horse"))
    run.status("the passphrase is correct horse", level=2)
    assert seen == [Status("the passphrase is ********", 2)]


def test_a_redactor_masks_the_longest_secret_first_and_leaves_short_words():
    redactor = Redactor()
    for secret in ("pass", "passphrase", "a"):
        redactor.know(secret)
    assert redactor.clean("a passphrase, a pass") == "a ********, a ********"


def test_a_secret_shows_nowhere():
    secret = Secret("correct horse")
    assert "correct" not in f"{secret!r} {secret} {[secret]}"
    assert secret.reveal() == "correct horse"
    assert secret == Secret("correct horse")
    with pytest.raises(TypeError):
        secret.__reduce__()


def test_a_value_is_answered_once_and_a_wrong_one_goes_to_the_handler():
    asked = []

    def ask(event):
        asked.append(event)
        event.passphrase = f"answer {len(asked)}"

    passphrases = Passphrases({"AB": Secret("given")}, ask)
    key = {"user_id": "u", "key_id": "k", "fingerprint": "ab", "run": Run()}
    assert passphrases.answer(**key, wrong=False) == Secret("given")
    assert passphrases.answer(**key, wrong=True) == Secret("answer 1")
    assert (asked[0].user_id, asked[0].key_id, asked[0].fingerprint) == ("u", "k", "AB")
    assert passphrases.answer(**key, wrong=True) == Secret("answer 2")
    assert passphrases.answer(**key, wrong=True) == Secret("answer 3")
    assert passphrases.answer(**key, wrong=True) is None
    assert len(asked) == 3
    passphrases.settled("ab")
    assert passphrases.answer(**key, wrong=False) == Secret("answer 3")


def test_two_keys_get_their_own_and_any_key_the_common_one():
    run = Run()
    passphrases = Passphrases({"AA": Secret("first"), ANY_KEY: Secret("other")})
    ask = {"user_id": "", "key_id": "", "wrong": False, "run": run}
    assert passphrases.answer(**ask, fingerprint="AA") == Secret("first")
    assert passphrases.answer(**ask, fingerprint="BB") == Secret("other")
    assert not passphrases.silent
    assert Passphrases().silent


def test_no_answer_of_the_handler_is_no_answer():
    passphrases = Passphrases(ask=lambda _: None)
    ask = {"user_id": "", "key_id": "", "fingerprint": "AA", "run": Run()}
    assert passphrases.answer(**ask, wrong=False) is None


@pytest.mark.parametrize("bad", ["a\rb@x", "a\nb@x", "a\0b@x"])
def test_an_envelope_takes_no_control_characters(bad):
    with pytest.raises(UsageError):
        Envelope(bad)
    with pytest.raises(UsageError):
        Recipient(bad)


@pytest.mark.parametrize(
    ("reply", "enhanced", "positive", "temporary"),
    [
        (Reply(250, ("2.1.5 Ok",)), "2.1.5", True, False),
        (Reply(354, ("End data with <CR><LF>.<CR><LF>",)), "", True, False),
        (Reply(451, ("4.3.0 try later",)), "4.3.0", False, True),
        (Reply(550, ("5.1.1",)), "5.1.1", False, False),
        (Reply(550, ()), "", False, False),
    ],
)
def test_a_reply_knows_its_verdict(reply, enhanced, positive, temporary):
    assert (reply.enhanced, reply.positive, reply.temporary) == (enhanced, positive, temporary)
