"""What the program does when the server is not as one would like it."""

import subprocess
import sys

import backup_report
import pytest
from backup_report import report, send

import gpgmail
from gpgmail.testing import Drop, Once, Stall


@pytest.fixture
def mine(keyring):
    return keyring("own-key")


@pytest.fixture
def mail(mine):
    return report(mine.key.user_id, mine.key.user_id, "fine\n")


def test_a_greylisting_server_is_asked_again(mine, mail, smtp_sink, mailbox):
    smtp_sink.at("RCPT", "451 4.7.1 Come back later", "250 2.1.5 Ok")

    assert send(smtp_sink.url, mail, mine).reply.code == 250
    assert len(mailbox) == 1


def test_a_server_that_never_takes_it(mine, mail, smtp_sink, mailbox):
    smtp_sink.at("DOT", "552 5.3.4 Too large")

    with pytest.raises(gpgmail.ServerError, match="Too large"):
        send(smtp_sink.url, mail, mine)
    assert len(mailbox) == 0


@pytest.mark.smtp_sink(script={"BODY": Drop(after=100)})
def test_a_connection_that_is_lost_within_the_mail(mine, mail, smtp_sink, mailbox):
    with pytest.raises(gpgmail.DeliveryError):
        send(smtp_sink.url, mail, mine)
    assert len(mailbox) == 0


def test_a_failure_that_happens_once(mine, mail, smtp_sink, mailbox):
    smtp_sink.at("MAIL", Once(Drop()))
    with pytest.raises(gpgmail.DeliveryError):
        send(smtp_sink.url, mail, mine)

    send(smtp_sink.url, mail, mine)
    assert len(mailbox) == 1


def test_a_server_that_says_nothing(mine, mail, smtp_sink):
    smtp_sink.at("EHLO", Stall())
    with pytest.raises(gpgmail.TimeLimitError):
        send(smtp_sink.url, mail, mine, timeout=0.5)


@pytest.mark.smtp_sink(tls="starttls", users={"me": "pass word"})
def test_a_login_through_tls(mine, mail, smtp_sink, mailbox):
    login = {"user": "me", "ca_file": smtp_sink.ca_file}
    with pytest.raises(gpgmail.GpgmailError, match="535"):
        send(smtp_sink.url, mail, mine, password="wrong", **login)

    send(smtp_sink.url, mail, mine, password="pass word", **login)

    received = mailbox.received()
    assert (received.user, received.encrypted) == ("me", True)
    assert all(b"AUTH" not in one.clear for one in smtp_sink.connections)


@pytest.mark.smtp_sink(tls="implicit")
def test_an_authority_that_nobody_was_told_of(mine, mail, smtp_sink, mailbox):
    with pytest.raises(gpgmail.TlsError):
        send(smtp_sink.url, mail, mine)
    assert len(mailbox) == 0


def test_the_program_as_cron_calls_it(gnupg_home, smtp_sink, mailbox):
    fingerprint = gnupg_home.make_key("Root <root@example.org>")

    program = [sys.executable, backup_report.__file__, smtp_sink.url]
    subprocess.run([*program, *["root@example.org"] * 2], input=b"all is well\n", check=True)

    mail = mailbox.read(gnupg_home)
    assert mail.verdict.signer.primary == fingerprint
    assert mail.parts[0].text == "all is well\r\n"


def test_gpg_itself_works_in_the_throwaway_home(gnupg_home, tmp_path):
    gnupg_home.make_key("Root <root@example.org>", expires="1d")
    file = tmp_path / "volumes.csv"
    file.write_text("root,12\n")

    (tmp_path / "volumes.csv.asc").write_bytes(backup_report.sign_file(str(file)))

    subprocess.run(["gpg", "--batch", "--verify", tmp_path / "volumes.csv.asc", file], check=True)
