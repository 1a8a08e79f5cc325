"""`Mailer.from_account`: which server gets a mail, with whose login, and protected how."""

from __future__ import annotations

import os
from email.message import EmailMessage
from functools import partial

import pytest

import gpgmail
from gpgmail import Attachment, Draft, GpgmailError, Mailer, PolicyError, Retry, UsageError
from gpgmail.core.codes import ErrorCode
from gpgmail.core.events import Status
from gpgmail.testing.script import Drop, Honest, Phase, Reply
from tests.servers.fixtures import certificates
from tests.servers.hostile import Hostile
from tests.support.keyrings import fixture_key

__all__ = ["certificates"]

DRAFT = Draft(to="alice@example.org", subject="x", text="y\n")
SENDER = fixture_key("modern", "sender").fingerprint
NO = Reply(b"550 5.7.1 Not you\r\n")
LATER = Reply(b"451 4.3.0 Later\r\n")


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch):
    for name in list(os.environ):
        if name.startswith("GPGMAIL_") and name not in {"GPGMAIL_SERVERS", "GPGMAIL_GPG"}:
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path):
    """Write a configuration file."""

    def write(text):
        path = tmp_path / "config.toml"
        path.write_text(text)
        path.chmod(0o600)
        return path

    return write


@pytest.fixture
def two(config):
    """An account `a` whose server follows a script, with `b` behind it."""

    def accounts(first, second, extra=""):
        return config(
            f'default = "a"\n{extra}\n[account.a]\nserver = "{first}"\nfrom = "a@example.org"\n'
            f'fallback = ["b"]\n[account.b]\nserver = "{second}"\n'
        )

    return accounts


def url(server, scheme="smtp"):
    return f"{scheme}://127.0.0.1:{server.port}"


def contents(server):
    return [mail for connection in server.settled() for mail in connection.contents]


# ---- which server


NOT_HAD = {
    "says goodbye at once": {Phase.BANNER: Reply(b"421 4.3.2 Busy\r\n")},
    "hangs up at once": {Phase.BANNER: Drop()},
    "cannot log in now": {Phase.AUTH: Reply(b"454 4.7.0 Later\r\n")},
    "refuses the sender for now": {Phase.MAIL: LATER},
    "refuses all for now": {Phase.RCPT: LATER},
    "refuses the content for now": {Phase.DOT: LATER},
    "hangs up within the content": {Phase.DATA: Drop()},
}


@pytest.mark.parametrize("how", NOT_HAD)
def test_the_next_account_takes_what_the_first_cannot(two, how):
    with Hostile(NOT_HAD[how]) as first, Hostile() as second:
        path = two(url(first), url(second))
        with Mailer.from_account(config=path, user="me", password="sesame-oil") as mailer:
            told = []
            mailer.on(Status, lambda event: told.append(event.message))
            receipt = mailer.send(DRAFT)
        assert len(contents(second)) == 1
        assert first.settled()
    assert receipt.account == "b"
    assert receipt.accepted == ("alice@example.org",)
    assert len(receipt.passed_over) == 1
    assert receipt.passed_over[0].startswith("account a: ")
    assert any("the next one is tried" in words for words in told)


def test_nothing_listens_and_the_next_account_has_a_login_of_its_own(two, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("b-password\n")
    secret.chmod(0o600)
    with Hostile() as closed:
        closed.close()
        with Hostile() as second:
            path = two(url(closed), url(second))
            path.write_text(f'{path.read_text()}user = "bee"\npassword_file = "secret"\n')
            with Mailer.from_account(config=path) as mailer:
                assert mailer.send(DRAFT).account == "b"
            (connection,) = second.settled()
    assert b"AUTH PLAIN AGJlZQBiLXBhc3N3b3Jk" in connection.commands  # NUL bee NUL b-password


FOR_GOOD = {
    "refuses the sender": ({Phase.MAIL: NO}, Retry.NO),
    "refuses all": ({Phase.RCPT: NO}, Retry.NO),
    "refuses the content": ({Phase.DOT: NO}, Retry.NO),
    "refuses the login": ({Phase.AUTH: Reply(b"535 5.7.8 No\r\n")}, Retry.NO),
    "may have the mail": ({Phase.DOT: Drop()}, Retry.UNKNOWN),
}


@pytest.mark.parametrize("how", FOR_GOOD)
def test_what_was_refused_or_may_be_delivered_goes_nowhere_else(two, how):
    script, retry = FOR_GOOD[how]
    with Hostile(script) as first, Hostile() as second:
        path = two(url(first), url(second))
        with (
            Mailer.from_account(config=path, user="me", password="sesame-oil") as mailer,
            pytest.raises(GpgmailError) as caught,
        ):
            mailer.send(DRAFT)
        assert second.settled() == []
    assert caught.value.retry is retry


def test_a_server_that_does_not_prove_who_it_is_is_not_gone_around(two, certificates):
    context = certificates.contexts["untrusted"]
    with Hostile(tls=context, implicit_tls=True) as first, Hostile() as second:
        path = two(f"smtps://localhost:{first.port}", url(second))
        with Mailer.from_account(config=path) as mailer, pytest.raises(gpgmail.TlsError):
            mailer.send(DRAFT)
        assert second.settled() == []


def test_a_copy_that_was_accepted_keeps_the_others_from_going_elsewhere(two, sender):
    with Hostile({Phase.MAIL: (Honest(), Drop())}) as first, Hostile() as second:
        path = two(url(first), url(second))
        draft = Draft(to="alice@example.org", bcc="bob@example.org", text="x")
        given = {"keyring": str(sender.home), "from_": "sender@example.org"}
        with (
            Mailer.from_account(config=path, **given) as mailer,
            pytest.raises(GpgmailError) as caught,
        ):
            mailer.send(draft, encrypt=True)
        assert second.settled() == []
    assert caught.value.accepted == ("alice@example.org",)


def test_what_can_be_read_once_is_not_sent_twice(two):
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    with (
        Hostile({Phase.DOT: LATER}) as first,
        Hostile() as second,
        os.fdopen(reading, "rb") as stream,
        Mailer.from_account(config=two(url(first), url(second))) as mailer,
    ):
        draft = Draft(to="alice@example.org", attachments=(Attachment(source=stream),))
        with pytest.raises(gpgmail.ServerError, match="451"):
            mailer.send(draft)
        assert second.settled() == []


def test_when_none_can_be_had_the_error_tells_of_each(two):
    script = {Phase.BANNER: Reply(b"421 4.3.2 Busy\r\n")}
    with (
        Hostile(script) as first,
        Hostile(script) as second,
        Mailer.from_account(config=two(url(first), url(second))) as mailer,
        pytest.raises(gpgmail.ServerError) as caught,
    ):
        mailer.send(DRAFT)
    assert str(second.port) in str(caught.value)
    (note,) = caught.value.__notes__
    assert note.startswith("before that, account a: ")
    assert str(first.port) in note


def test_the_next_mail_takes_the_connection_that_there_is(two):
    with Hostile({Phase.BANNER: Reply(b"421 4.3.2 Busy\r\n")}) as first, Hostile() as second:
        with Mailer.from_account(config=two(url(first), url(second))) as mailer:
            assert mailer.send(DRAFT).account == "b"
            assert mailer.send(DRAFT).passed_over == ()
            mailer.close()
            assert mailer.send(DRAFT).account == "b"
        assert len(first.settled()) == 2
        assert [len(one.contents) for one in second.settled()] == [2, 1]


def test_a_fallback_that_does_not_exist_is_found_before_anything_is_sent(two, nobody_comes):
    path = two(url(nobody_comes), "smtp://127.0.0.1:1")
    path.write_text(path.read_text().replace('fallback = ["b"]', 'fallback = ["bee"]'))
    with pytest.raises(UsageError) as caught:
        Mailer.from_account(config=path)
    assert caught.value.code is ErrorCode.CONFIG


# ---- whose login


@pytest.mark.parametrize("place", ["given", "environment"])
def test_a_login_of_a_file_is_not_said_to_another_server(config, monkeypatch, place):
    path = config(
        '[account.a]\nserver = "smtps://mail.example.org"\nuser = "me"\n'
        'password_command = "false"\nfallback = ["a"]\nfrom = "a@example.org"\n'
    )
    with Hostile() as server:
        given = {}
        if place == "given":
            given = {"server": url(server)}
        else:
            monkeypatch.setenv("GPGMAIL_SERVER", url(server))
        with Mailer.from_account(config=path, **given) as mailer:
            mailer.send(DRAFT)
        (connection,) = server.settled()
    assert "AUTH" not in connection.verbs
    assert len(connection.contents) == 1


def test_a_login_of_the_environment_goes_with_a_server_that_was_given(config, monkeypatch):
    monkeypatch.setenv("GPGMAIL_USER", "me")
    monkeypatch.setenv("GPGMAIL_PASSWORD_COMMAND", "echo sesame")
    path = config('[account.a]\nfrom = "a@example.org"\n')
    with Hostile() as server:
        with Mailer.from_account(config=path, server=url(server)) as mailer:
            mailer.send(DRAFT)
        (connection,) = server.settled()
    assert b"AUTH PLAIN AG1lAHNlc2FtZQ==" in connection.commands


def test_a_secret_is_fetched_when_it_is_wanted(config, tmp_path, sender):
    witness = tmp_path / "asked"
    command = f"sh -c 'echo x >> {witness}; echo sesame'"
    path = config(
        f'[account.a]\nserver = "smtp://127.0.0.1:1"\nuser = "me"\nfrom = "sender@example.org"\n'
        f'password_command = "{command}"\npassphrase_command = "{command}"\n'
        f'keyring = "{sender.home}"\n'
    )
    with Mailer.from_account(config=path) as mailer:
        mailer.write(DRAFT)
        assert not witness.exists()
        with pytest.raises(gpgmail.ConnectError):
            mailer.send(DRAFT)
        assert witness.read_text() == "x\n"


def test_what_gives_no_secret_is_named_by_its_place(config):
    path = config(
        '[account.a]\nserver = "smtp://127.0.0.1:1"\nuser = "me"\nfrom = "a@example.org"\n'
        'password_command = "false"\n'
    )
    with Mailer.from_account(config=path) as mailer, pytest.raises(UsageError) as caught:
        mailer.send(DRAFT)
    assert f"{path} [account.a] password_command: gives nothing" in str(caught.value)
    assert caught.value.code is ErrorCode.CONFIG


# ---- protected how


POLICY = """
[account.a]
server = "{url}"
from = "sender@example.org"
keyring = "{home}"
trust = "gnupg"
{more}
[policy]
"bob@example.org" = {{ encrypt = "require", sign = true }}
"carol@example.org" = {{ encrypt = "prefer" }}
"dora@example.org" = {{ encrypt = "never" }}
"""


@pytest.fixture
def work(config, sender):
    """A mailer by policy, and the one mail that its server got with the receipt."""

    def send(draft, more="", **wishes):
        with Hostile() as server:
            path = config(POLICY.format(url=url(server), home=sender.home, more=more))
            with Mailer.from_account(config=path) as mailer:
                receipt = mailer.send(draft, **wishes)
            return receipt, contents(server)

    return send


to = partial(Draft, subject="x", text="y\n")


def test_what_the_policy_requires_is_done_without_being_asked(work):
    receipt, (mail,) = work(to(to="bob@example.org"))
    assert receipt.encrypted
    assert receipt.signers == (SENDER,)
    assert b"BEGIN PGP MESSAGE" in mail


def test_what_the_policy_says_holds_for_what_is_not_asked_for(work):
    receipt, _ = work(to(to="bob@example.org"), sign=False)
    assert (receipt.encrypted, receipt.signers) == (True, ())
    receipt, _ = work(to(to="bob@example.org"), sign=True, encrypt=False)
    assert (receipt.encrypted, receipt.signers) == (False, (SENDER,))


def test_preferred_is_where_every_recipient_has_a_key(work):
    receipt, _ = work(to(to="alice@example.org"), more='encrypt = "prefer"')
    assert (receipt.encrypted, receipt.remarks) == (True, ())
    receipt, (mail,) = work(to(to="carol@example.org"))  # whose key is not valid
    assert not receipt.encrypted
    assert b"BEGIN PGP" not in mail
    (remark,) = receipt.remarks
    assert remark.startswith("not encrypted, as carol@example.org has no key to use: ")


def test_wishes_that_exclude_one_another_send_nothing(config, sender, nobody_comes):
    path = config(POLICY.format(url=url(nobody_comes), home=sender.home, more=""))
    with Mailer.from_account(config=path) as mailer, pytest.raises(PolicyError, match="dora@"):
        mailer.send(to(to="bob@example.org, dora@example.org"))


def test_an_account_names_signers_and_form(work):
    more = f'signer = ["{SENDER}"]\nsign = true\nformat = "inline"'
    receipt, (mail,) = work(to(to="alice@example.org"), more=more)
    assert receipt.signers == (SENDER,)
    assert b"BEGIN PGP SIGNED MESSAGE" in mail


def test_a_mail_without_a_sender_has_the_accounts(work):
    message = EmailMessage()
    message["To"] = "alice@example.org"
    message["Subject"] = "x"
    message.set_content("y\n")
    receipt, (mail,) = work(message)
    assert receipt.sender == "sender@example.org"
    assert b"From: sender@example.org\r\n" in mail
    assert "From" not in message


def test_given_values_count_and_unknown_ones_are_named(config, sender):
    path = config('[account.a]\nserver = "smtp://127.0.0.1:1"\nencrypt = "never"\n')
    given = {"keyring": str(sender.home), "encrypt": "require", "from_": "sender@example.org"}
    with Mailer.from_account(config=path, **given) as mailer:
        assert mailer.write(DRAFT).plan.encrypts
    with pytest.raises(UsageError, match="server is the nearest"):
        Mailer.from_account(config=path, sevrer="x")
    with pytest.raises(UsageError, match="encrypt: must be one of"):
        Mailer.from_account(config=path, encrypt="perhaps")
