"""Servers that refuse, drop or lie: an error with their words.

Never a second attempt in plaintext, never a mail twice: one connection, and what came over it.
"""

from __future__ import annotations

import pytest

from gpgmail.testing.script import Drop, Honest, Offer, Phase, Reply, Reset, Stall
from tests.e2e.faces import FACES, Job
from tests.servers.hostile import Hostile

TWO = ("alice@example.org", "bob@example.org")
NO_SUCH = Reply(b"550 5.1.1 No mailbox of that name\r\n")
GREYLISTED = Reply(b"450 4.7.1 Greylisted, come back\r\n")
WORDS = "550 5.1.1 No mailbox of that name"


def job(server, **more):
    return Job(port=server.port, **{"to": TWO} | more)


# ---- refusals


def test_a_server_that_refuses_every_recipient(face, place):
    with Hostile({Phase.RCPT: NO_SUCH}) as server:
        report = face(job(server, keyring=place("modern")))

    assert report.code == ("SMTP", 161)
    assert report.refused == dict.fromkeys(TWO, WORDS)
    (connection,) = server.connections
    assert connection.contents == []
    assert b"Subject:" not in bytes(connection.clear)


def test_a_server_that_refuses_one_of_two(place):
    for name in ("toolkit", "command"):
        with Hostile({Phase.RCPT: (NO_SUCH, Honest())}) as server:
            report = FACES[name](job(server, keyring=place("modern")))

        assert (report.number, report.refused) == (0, {TWO[0]: WORDS})
        (connection,) = server.connections
        assert len(connection.contents) == 1


def test_a_component_stops_at_the_first_refused_recipient(place):
    with Hostile({Phase.RCPT: (NO_SUCH, Honest())}) as server:
        report = FACES["component"](job(server, keyring=place("modern")))

    assert report.code == ("SMTP", 161)
    assert report.refused[TWO[0]] == WORDS
    assert server.connections[0].contents == []
    assert "DATA" not in server.connections[0].verbs


def test_a_refused_blind_copy_is_told(place):
    for name in ("toolkit", "command"):
        with Hostile({Phase.RCPT: (Honest(), NO_SUCH)}) as server:
            report = FACES[name](job(server, to=TWO[:1], bcc=TWO[1:], keyring=place("modern")))

        assert (report.number, report.refused) == (0, {TWO[1]: WORDS})
        assert len(server.connections[0].contents) == 1


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.DATA, Phase.DOT])
def test_a_server_that_refuses_the_mail(face, place, phase):
    with Hostile({phase: Reply(b"554 5.7.1 Not wanted here\r\n")}) as server:
        report = face(job(server, keyring=place("modern")))

    assert report.code == ("SMTP", 161)
    assert "554 5.7.1 Not wanted here" in report.text
    assert report.retry == "no"
    assert len(server.connections) == 1


def test_a_server_that_asks_to_come_back(face, place):
    with Hostile({Phase.RCPT: GREYLISTED}) as server:
        report = face(job(server, keyring=place("modern")))

    assert (report.code, report.retry) == (("SMTP", 161), "later")


# ---- broken connections


@pytest.mark.parametrize("action", [Drop(), Reset()], ids=["drop", "reset"])
@pytest.mark.parametrize(
    "phase",
    [Phase.BANNER, Phase.EHLO, Phase.MAIL, Phase.RCPT, Phase.DATA],
    ids=lambda phase: phase.name,
)
def test_a_connection_lost_before_the_mail_was_whole(face, place, phase, action):
    with Hostile({phase: action}) as server:
        report = face(job(server, keyring=place("modern")))
        assert report.number in {1120, 10053, 10054, 162, 10058}
        assert report.retry == "later"

        (connection,) = server.settled()
    assert connection.contents == []


@pytest.mark.parametrize("action", [Drop(), Reset()], ids=["drop", "reset"])
def test_a_connection_lost_within_the_content(face, place, action):
    """A client that had written the final dot already cannot know, and says so."""
    with Hostile({Phase.BODY: action}) as server:
        report = face(job(server, keyring=place("modern")))

        (connection,) = server.settled()
    assert report.number in {13, 1120, 10053, 10054, 162, 10058}
    assert report.retry == ("unknown" if report.number == 13 else "later")
    assert connection.contents == []


@pytest.mark.parametrize("action", [Drop(), Reset()], ids=["drop", "reset"])
def test_a_connection_lost_after_the_mail_was_whole(face, place, action):
    with Hostile({Phase.DOT: action}) as server:
        report = face(job(server, keyring=place("modern")))

        (connection,) = server.settled()
    assert report.code == ("gpgmail", 13)
    assert report.retry == "unknown"
    assert len(connection.contents) == 1


@pytest.mark.parametrize("action", [Drop(), Reset(), Stall(0.2)], ids=["drop", "reset", "stall"])
def test_a_connection_lost_at_the_farewell_is_no_failure(face, place, action):
    with Hostile({Phase.QUIT: action}) as server:
        assert face(job(server, keyring=place("modern"))).number == 0

        (connection,) = server.settled()
    assert len(connection.contents) == 1


@pytest.mark.parametrize(
    ("phase", "retry", "mails"),
    [(Phase.BANNER, "later", 0), (Phase.MAIL, "later", 0), (Phase.DOT, "unknown", 1)],
    ids=["BANNER", "MAIL", "DOT"],
)
def test_a_server_that_says_nothing(face, place, phase, retry, mails):
    with Hostile({phase: Stall()}) as server:
        report = face(job(server, keyring=place("modern"), timeout=1))

    assert (report.code, report.retry) == (("TCPClient", 201), retry)
    (connection,) = server.connections
    assert len(connection.contents) == mails


def test_nobody_listens(face, place, server):
    server.close()

    report = face(job(server, keyring=place("modern")))
    assert report.code == ("TCP/IP", 10061)
    assert report.retry == "later"


# ---- TLS


@pytest.fixture(params=["implicit", "starttls"])
def over_tls(request, certificates, ca_file, place):
    """Makes a server with a certificate and a script, and a job for it."""

    def make(certificate, script=(), **more):
        context = certificates.contexts[certificate]
        server = Hostile(script, tls=context, implicit_tls=request.param == "implicit")
        return server, job(
            server,
            tls=request.param,
            host="localhost",
            ca_file=ca_file,
            keyring=place("modern"),
            **more,
        )

    return make


@pytest.mark.parametrize("certificate", ["wrong_host", "untrusted"])
def test_a_wrong_certificate(face, over_tls, certificate):
    server, work = over_tls(certificate)
    with server:
        report = face(work)
        connections = server.settled()

    assert report.code == ("SSL", 280)
    assert_no_mail(connections)


@pytest.mark.parametrize("how", ["drop", "reset", "junk"])
def test_a_broken_handshake(face, over_tls, how):
    actions = {"drop": Drop(), "reset": Reset(), "junk": Reply(b"\0" * 64)}
    server, work = over_tls("good", {Phase.TLS_HELLO: actions[how]})
    with server:
        report = face(work)
        connections = server.settled()

    assert report.number in {276, 1120, 10054, 10053}
    assert_no_mail(connections)


@pytest.mark.parametrize(
    "script",
    [
        {Phase.EHLO: Offer((b"AUTH PLAIN LOGIN",))},
        {Phase.STARTTLS: Reply(b"454 4.7.0 Not now\r\n")},
        {Phase.STARTTLS: Reply(b"250 2.0.0 Fine without\r\n")},
    ],
    ids=["not offered", "refused", "answered otherwise"],
)
def test_a_server_without_starttls(face, place, certificates, ca_file, script):
    with Hostile(script, tls=certificates.contexts["good"]) as server:
        report = face(
            job(
                server,
                tls="starttls",
                ca_file=ca_file,
                user="me",
                password="hush hush",
                keyring=place("modern"),
            )
        )
        connections = server.settled()

    assert report.number > 0
    assert_no_mail(connections)


def assert_no_mail(connections):
    """One attempt, and nothing of the mail or of a login in clear."""
    (connection,) = connections
    assert not {"AUTH", "MAIL", "DATA"} & set(connection.verbs)
    assert connection.contents == []


def test_a_right_certificate(face, over_tls):
    server, work = over_tls("good", user="me", password="hush hush")
    with server:
        report = face(work)
        (connection,) = server.settled()

    assert report.text == ""
    assert len(connection.contents) == 1
    assert connection.encrypted
    assert b"AUTH" not in connection.clear
    assert b"MAIL" not in connection.clear
