"""Every face of the real Postfix does what its row says, seen through smtplib."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.servers import postfix as module
from tests.servers.postfix import Postfix, PostfixError
from tests.servers.postfix_config import FACES, REFUSED
from tests.servers.unpacked import PROJECT

pytestmark = pytest.mark.servers

MAIL = b"Subject: one\r\nBcc: left@example.org\r\n\r\n.dot\r\nFrom here\r\n" + b"x" * 1500 + b"\r\n"
SENDER = "sender@example.org"
OPEN_FACES = {
    face
    for face, settings in FACES.items()
    if "smtpd_recipient_restrictions" not in settings and "certificate" not in face
}
WRONG_FACES = {face for face in FACES if face.endswith(("wrong_host", "untrusted"))}


def context(server: Postfix) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


def connect(server: Postfix, face: str, tls: ssl.SSLContext | None = None) -> smtplib.SMTP:
    """A client that speaks TLS where the face offers it, verified unless `tls` says otherwise."""
    tls = tls or context(server)
    if "smtpd_tls_wrappermode" in FACES[face]:
        return smtplib.SMTP_SSL("localhost", server.port(face), context=tls, timeout=10)
    client = smtplib.SMTP("localhost", server.port(face), timeout=10)
    client.ehlo()
    if client.has_extn("starttls"):
        client.starttls(context=tls)
    return client


@pytest.mark.parametrize("face", sorted(OPEN_FACES - WRONG_FACES))
def test_an_open_face_delivers_the_message_unchanged(postfix: Postfix, face: str) -> None:
    with connect(postfix, face) as client:
        client.sendmail(SENDER, ["bob@example.org", "root@localhost"], MAIL)
        encrypted = isinstance(client.sock, ssl.SSLSocket)

    assert encrypted == (face != "plain")
    (mail,) = postfix.mail_for("bob@example.org")
    assert mail.endswith(MAIL.replace(b"\r\n", b"\n"))
    assert len(postfix.all_mail()) == 2


@pytest.mark.parametrize(
    "address", ["u@[127.0.0.1]", "cron@host", "alarm@nas.local", "Kept.Case@example.org"]
)
def test_any_recipient_address_has_a_mailbox(postfix: Postfix, address: str) -> None:
    with connect(postfix, "plain") as client:
        client.sendmail(SENDER, [address], MAIL)

    assert len(postfix.mail_for(address)) == 1


@pytest.mark.parametrize("face", sorted(WRONG_FACES))
def test_a_wrong_certificate_is_what_a_verifying_client_rejects(
    postfix: Postfix, face: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(postfix, face)

    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    with connect(postfix, face, careless) as client:
        assert client.noop()[0] == 250


def test_the_plain_face_offers_no_tls(postfix: Postfix) -> None:
    with smtplib.SMTP("localhost", postfix.port("plain"), timeout=10) as client:
        client.ehlo()
        assert not client.has_extn("starttls")


def test_the_required_face_takes_no_mail_in_clear(postfix: Postfix) -> None:
    with (
        smtplib.SMTP("localhost", postfix.port("starttls_required"), timeout=10) as client,
        pytest.raises(smtplib.SMTPSenderRefused) as refused,
    ):
        client.sendmail(SENDER, ["bob@example.org"], MAIL)

    assert refused.value.smtp_code == 530
    assert postfix.all_mail() == []


@pytest.mark.parametrize(
    ("face", "refusal"),
    [("small", smtplib.SMTPSenderRefused), ("small_unsaid", smtplib.SMTPDataError)],
)
def test_the_small_face_refuses_a_large_mail(
    postfix: Postfix, face: str, refusal: type[smtplib.SMTPResponseException]
) -> None:
    large = MAIL + b"y" * postfix.size_limit
    with connect(postfix, face) as client, pytest.raises(refusal) as refused:
        client.sendmail(SENDER, ["bob@example.org"], large)

    assert refused.value.smtp_code == 552
    assert postfix.all_mail() == []


def test_particular_recipients_are_refused_and_the_others_get_the_mail(postfix: Postfix) -> None:
    with connect(postfix, "refuses_some") as client:
        refused = client.sendmail(SENDER, ["bob@example.org", REFUSED[0]], MAIL)

    assert set(refused) == {REFUSED[0]}
    assert refused[REFUSED[0]][0] == 550
    assert b"No such mailbox here" in refused[REFUSED[0]][1]
    postfix.mail_for("bob@example.org")
    assert len(postfix.all_mail()) == 1


def test_every_recipient_is_refused(postfix: Postfix) -> None:
    with (
        connect(postfix, "refuses_all") as client,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        client.sendmail(SENDER, ["bob@example.org", "eve@example.org"], MAIL)

    assert {code for code, _ in refused.value.recipients.values()} == {550}
    assert postfix.all_mail() == []


@pytest.mark.parametrize("face", ["auth", "auth_implicit", "auth_clear"])
@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_a_login_opens_the_face(postfix: Postfix, face: str, mechanism: str) -> None:
    with connect(postfix, face) as client:
        client.ehlo()
        client.user, client.password = postfix.user, postfix.password
        client.auth(mechanism, getattr(client, f"auth_{mechanism}"))
        client.sendmail(SENDER, ["bob@example.org"], MAIL)

    postfix.mail_for("bob@example.org")


@pytest.mark.parametrize("face", ["auth", "auth_implicit", "auth_clear"])
def test_without_the_right_password_nothing_is_taken(postfix: Postfix, face: str) -> None:
    with connect(postfix, face) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(postfix.user, "wrong")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail(SENDER, ["bob@example.org"], MAIL)

    assert postfix.all_mail() == []


def test_a_password_is_not_asked_for_in_clear_where_tls_is_offered(postfix: Postfix) -> None:
    with smtplib.SMTP("localhost", postfix.port("auth"), timeout=10) as client:
        client.ehlo()
        assert not client.has_extn("auth")


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_two_instances_share_nothing(postfix):
    with Postfix.start() as second:
        assert {second.port(face) for face in FACES}.isdisjoint(map(postfix.port, FACES))
        with connect(second, "starttls") as client:
            client.sendmail(SENDER, ["bob@example.org"], MAIL)
        assert len(second.mail_for("bob@example.org")) == 1
        assert postfix.all_mail() == []

    assert not second.state.exists()
    assert not _refuses(postfix.port("plain"))


def test_a_server_that_does_not_come_up_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, "_START_SECONDS", 2)
    monkeypatch.setitem(FACES, "broken", {"smtpd_tls_security_level": "{"})

    with pytest.raises(PostfixError, match="did not come up"):
        Postfix.start()

    assert list(tmp_path.iterdir()) == []


_STARTS_AND_WAITS = """
from tests.servers import postfix as module
from tests.servers.postfix import Postfix
server = Postfix.start()
print(server.state, server.port("plain"), flush=True)
input()
"""


def test_a_killed_test_process_takes_its_server_with_it(postfix: Postfix) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _STARTS_AND_WAITS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    with holder:
        assert holder.stdout is not None
        name, port = holder.stdout.readline().split()
        state = Path(name)
        assert state.is_dir()
        assert not _refuses(int(port))
        holder.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while (state.exists() or not _refuses(int(port))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not state.exists()
    assert _refuses(int(port))
    assert not _refuses(postfix.port("plain")), "the other instance runs on"
