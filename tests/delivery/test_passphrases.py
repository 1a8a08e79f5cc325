"""Passphrases on the way to a mail: given, mapped, asked for; a wrong one ends it unsent."""

from __future__ import annotations

import time

import pytest

from gpgmail.core.errors import PassphraseError
from gpgmail.delivery.mailer import Mailer
from gpgmail.protect.read import read
from tests.crypto.helpers import Gpg
from tests.delivery.helpers import draft, url
from tests.servers.readers import signed_parts
from tests.support.keyrings import fixture_key, keyring_copy

FIRST, SECOND = (fixture_key("two-protected", name) for name in ("first", "second"))


@pytest.fixture(scope="module")
def home():
    with keyring_copy("two-protected") as path:
        yield path


def mail():
    return draft(SECOND.address, sender=FIRST.address)


@pytest.mark.parametrize(
    "source",
    [
        FIRST.passphrase,
        {FIRST.fingerprint: FIRST.passphrase},
        {FIRST.fingerprint.lower(): FIRST.passphrase, SECOND.fingerprint: "never asked"},
        lambda event: FIRST.passphrase if event.fingerprint == FIRST.fingerprint else None,
    ],
    ids=["text", "mapping", "lower case", "callable"],
)
def test_a_passphrase_is_given_in_any_way(source, home, sink):
    with Mailer(sink.url, keyring=home, passphrase=source) as mailer:
        receipt = mailer.send(mail(), sign=True, encrypt=True)
    assert receipt.signers == (FIRST.fingerprint,)
    got = read(sink.received[0].data, keyring=home, passphrase=SECOND.passphrase)
    assert got.verdict.by_author


@pytest.mark.parametrize("form", ["pgpmime", "inline"])
def test_several_signers_each_get_their_own(form, home, sink):
    asked = []

    def ask(event):
        asked.append((event.fingerprint, event.user_id))
        return {FIRST.fingerprint: FIRST.passphrase}.get(event.fingerprint, SECOND.passphrase)

    both = [FIRST.fingerprint, SECOND.fingerprint]
    with Mailer(sink.url, keyring=home, passphrase=ask) as mailer:
        receipt = mailer.send(mail(), sign=both, format=form)
    assert set(receipt.signers) == set(both)
    assert set(asked) == {(key.fingerprint, key.uids[0].uid) for key in (FIRST, SECOND)}
    verdict = read(sink.received[0].data, keyring=home).verdict
    assert {seen.primary for seen in verdict.signatures} == set(both)
    assert verdict.by_author
    assert verdict.problems == ()


def test_both_signatures_are_good_for_gpg(home, sink, tmp_path):
    values = {key.fingerprint: key.passphrase for key in (FIRST, SECOND)}
    with Mailer(sink.url, keyring=home, passphrase=values) as mailer:
        mailer.send(mail(), sign=[*values])
    signed, signature = signed_parts(sink.received[0].data)
    status = Gpg(home).verify(signed, signature, tmp_path)
    assert status.count("GOODSIG") == 2


@pytest.mark.parametrize(
    "source",
    [
        None,
        "wrong",
        "",
        {SECOND.fingerprint: SECOND.passphrase},
        {FIRST.fingerprint: "wrong"},
        lambda _: None,
    ],
    ids=["nothing", "wrong", "empty", "of another key", "wrong in a mapping", "no answer"],
)
@pytest.mark.parametrize("wish", [{"sign": True}, {"sign": True, "encrypt": True}])
def test_a_wrong_or_missing_passphrase_is_122_at_once_and_nothing_is_sent(
    wish, source, home, nobody_comes
):
    begun = time.monotonic()
    with Mailer(url(nobody_comes), keyring=home, passphrase=source) as mailer:
        with pytest.raises(PassphraseError) as caught:
            mailer.send(mail(), **wish)
        assert caught.value.code.number == 122
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("right", [1, 2, 3, 4])
def test_three_answers_are_tried(right, home, sink):
    asked = []

    def ask(_):
        asked.append(1)
        return FIRST.passphrase if len(asked) == right else "wrong"

    with Mailer(sink.url, keyring=home, passphrase=ask) as mailer:
        if right <= 3:
            mailer.send(mail(), sign=True)
            assert len(asked) == right
            mailer.send(mail(), sign=True)
            assert len(asked) == right
        else:
            with pytest.raises(PassphraseError):
                mailer.send(mail(), sign=True)
            assert len(asked) == 3
    assert len(sink.received) == (2 if right <= 3 else 0)


def test_after_a_failure_the_next_mail_is_asked_for_anew(home, sink):
    answers = iter(["wrong"] * 3 + [FIRST.passphrase])
    with Mailer(sink.url, keyring=home, passphrase=lambda _: next(answers)) as mailer:
        with pytest.raises(PassphraseError):
            mailer.send(mail(), sign=True)
        mailer.send(mail(), sign=True)
    assert len(sink.received) == 1


def test_one_wrong_signer_of_two_stops_the_mail(home, nobody_comes):
    values = {FIRST.fingerprint: FIRST.passphrase, SECOND.fingerprint: "wrong"}
    with (
        Mailer(url(nobody_comes), keyring=home, passphrase=values) as mailer,
        pytest.raises(PassphraseError, match=r"(?i)second|" + SECOND.fingerprint),
    ):
        mailer.send(mail(), sign=[*values])


def test_a_handler_that_raises_stops_the_mail(home, nobody_comes):
    def ask(_):
        raise ZeroDivisionError

    with (
        Mailer(url(nobody_comes), keyring=home, passphrase=ask) as mailer,
        pytest.raises(ZeroDivisionError),
    ):
        mailer.send(mail(), sign=True)


def test_no_error_tells_a_passphrase(home, nobody_comes):
    secret = "the passphrase that nobody may see"
    with Mailer(url(nobody_comes), keyring=home, passphrase=secret) as mailer:
        with pytest.raises(PassphraseError) as caught:
            mailer.send(mail(), sign=True)
        assert secret not in repr(caught.value) + str(caught.value) + repr(vars(mailer))
