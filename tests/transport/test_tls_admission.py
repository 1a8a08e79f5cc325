"""Whose certificate is taken, and that nothing is written before that is decided.

The server keeps every byte that it gets, by connection, in clear and through TLS.
"""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime

import pytest
import trustme

from gpgmail.core.config import configure
from gpgmail.core.errors import Cancelled, TimeLimitError, TlsError, UnsupportedError, UsageError
from gpgmail.core.events import PITrail, SSLServerAuthentication, SSLStatus
from gpgmail.core.run import Run
from gpgmail.delivery.mailer import Mailer
from gpgmail.testing.script import Drop, Phase, Stall
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from gpgmail.transport.tls.resume import Resumption
from tests.transport.support import ENVELOPE, MAIL, PASSWORD, USER, failing, send
from tests.transport.tls import TLS_1_2, TLS_1_3, ServerContext, configured, serving

IGNORE_TIME, UNKNOWN_AUTHORITY, IGNORE_NAME = 0x1, 0x10, 0x80000000


@pytest.fixture(scope="module")
def leaves(certificates):
    """Certificates by what is wrong with them; `good` and `deep` are right."""
    ends = datetime(2020, 1, 1, tzinfo=UTC)
    authority, stranger = certificates.authority, trustme.CA()
    return {
        **certificates.chains,
        "deep": authority.create_child_ca().issue_cert("localhost"),
        "expired": authority.issue_cert("localhost", not_before=ends.replace(2019), not_after=ends),
        "strange_deep": stranger.create_child_ca().issue_cert("localhost"),
        "strange_expired": stranger.issue_cert(
            "localhost", not_before=ends.replace(2019), not_after=ends
        ),
        "strange_name": stranger.issue_cert("elsewhere.example"),
        "expired_name": authority.issue_cert(
            "elsewhere.example", not_before=ends.replace(2019), not_after=ends
        ),
        "stranger": stranger.issue_cert("localhost"),
    }


@pytest.fixture(params=[True, False], ids=["implicit", "starttls"])
def implicit(request):
    return request.param


class Judge:
    """A handler that says the same to every certificate, and keeps what it was told."""

    def __init__(self, accept=None, then=None):
        self.events, self.asked = [], []
        self.accept, self.then = accept, then

    def __call__(self, event):
        self.events.append(event)
        if isinstance(event, SSLServerAuthentication):
            self.asked.append(event)
            if self.then:
                self.then()
            if self.accept is not None:
                event.accept = self.accept

    def run(self, **more):
        hears = {SSLServerAuthentication}.__contains__
        return Run(emit=self, hears=hears, timeout=5, **more)

    @property
    def statuses(self):
        return [event.message for event in self.events if isinstance(event, SSLStatus)]


def pem_of(leaf):
    return leaf.cert_chain_pems[0].bytes()


def der_of(leaf):
    return ssl.PEM_cert_to_DER_cert(pem_of(leaf).decode())


def rows(server, ca_file, *settings, implicit=True, **more):
    login = {"user": USER, "password": PASSWORD}
    return configured(server, ca_file, *settings, implicit=implicit, **login, **more)


def assert_untouched(connections):
    """Nothing went through TLS, and in clear only what comes before it."""
    for connection in connections:
        assert connection.through_tls == b""
        assert {line.split()[0] for line in bytes(connection.clear).splitlines()} <= {
            b"EHLO",
            b"STARTTLS",
        }


# -------------------------------------------------------------------------------------- the handler


@pytest.mark.proves("on_ssl_server_authentication")
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize("wrong", ["untrusted", "wrong_host", "expired", "strange_expired"])
def test_a_handler_takes_a_certificate_that_does_not_verify(
    leaves, ca_file, implicit, version, wrong
):
    judge = Judge(accept=True)
    with serving(ServerContext(leaves[wrong], (version,)), implicit=implicit) as server:
        send(rows(server, ca_file, implicit=implicit), run=judge.run())
        *before, last = server.settled()
    assert last.contents == [MAIL]
    assert len(before) == 2
    assert_untouched(before)
    (event,) = judge.asked
    assert event.cert_encoded == pem_of(leaves[wrong])
    assert event.status != "OK"
    assert event.status in " ".join(judge.statuses)


@pytest.mark.proves("on_ssl_server_authentication", "SSL 280")
@pytest.mark.parametrize("said", [None, False])
@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ("untrusted", "unable to get local issuer certificate"),
        ("wrong_host", "Hostname mismatch"),
        ("expired", "certificate has expired"),
    ],
)
def test_a_handler_that_does_not_take_it_ends_it(leaves, ca_file, said, wrong, status):
    for implicit in (True, False):
        refuse(leaves[wrong], ca_file, said, status, implicit=implicit)


def refuse(leaf, ca_file, said, status, *, implicit):
    judge = Judge(accept=said)
    with serving(ServerContext(leaf), implicit=implicit) as server:
        with failing(TlsError, 280) as caught:
            send(rows(server, ca_file, implicit=implicit), run=judge.run())
        connections = server.settled()
    assert len(connections) == 2
    assert_untouched(connections)
    assert judge.asked[0].status.startswith(status)
    assert status in str(caught.value)


def test_without_a_handler_there_is_one_connection(leaves, ca_file, implicit):
    with serving(ServerContext(leaves["untrusted"]), implicit=implicit) as server:
        with failing(TlsError, 280) as caught:
            send(rows(server, ca_file, implicit=implicit))
        connections = server.settled()
    assert len(connections) == 1
    assert_untouched(connections)
    assert "ssl_accept_server_cert_encoded" in caught.value.hint


@pytest.mark.proves("on_ssl_server_authentication")
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_a_certificate_that_verifies_is_shown_too(leaves, ca_file, implicit, version):
    judge = Judge()
    with serving(ServerContext(leaves["good"], (version,)), implicit=implicit) as server:
        send(rows(server, ca_file, implicit=implicit), run=judge.run())
        (connection,) = server.settled()
    assert connection.contents == [MAIL]
    (event,) = judge.asked
    assert (event.status, event.accept) == ("OK", True)
    assert 'OU="Testing CA #' in event.cert_issuer
    assert 'OU="Testing cert #' in event.cert_subject


@pytest.mark.proves("on_ssl_server_authentication")
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_a_handler_can_refuse_a_certificate_that_verifies(leaves, ca_file, implicit, version):
    judge = Judge(accept=False)
    with serving(ServerContext(leaves["good"], (version,)), implicit=implicit) as server:
        with failing(TlsError, 280):
            send(rows(server, ca_file, implicit=implicit), run=judge.run())
        connections = server.settled()
    assert len(connections) == 1
    assert_untouched(connections)


def test_what_was_accepted_is_one_certificate_and_no_other(leaves, ca_file, implicit):
    """The server changes while the handler thinks; even to one that verifies."""
    for other in ("stranger", "good"):
        with serving(ServerContext(leaves["untrusted"]), implicit=implicit) as server:
            swapped = ServerContext(leaves[other])
            judge = Judge(accept=True, then=lambda to=swapped, of=server: setattr(of, "tls", to))
            with failing(TlsError, 280) as caught:
                send(rows(server, ca_file, implicit=implicit), run=judge.run())
            connections = server.settled()
        assert len(connections) == 3
        assert_untouched(connections)
        assert "another certificate" in str(caught.value)


class Swapping(Judge):
    """Lets the server show another certificate once one did not verify, after so many times."""

    def __init__(self, server, other, times):
        super().__init__(accept=True)
        self.server, self.other, self.left = server, other, times

    def __call__(self, event):
        super().__call__(event)
        if isinstance(event, SSLStatus) and "does not verify" in event.message:
            self.left -= 1
            if not self.left:
                self.server.tls = self.other


@pytest.mark.parametrize("flags", [0, 0x10])
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_a_status_is_never_told_of_another_certificate(leaves, ca_file, implicit, version, flags):
    """Whoever passes on the first connection alone gets nothing by an excuse for its server."""
    for first, times in (("expired", 1), ("strange_expired", 1 + bool(flags))):
        with serving(ServerContext(leaves[first], (version,)), implicit=implicit) as server:
            judge = Swapping(server, ServerContext(leaves["untrusted"], (version,)), times)
            options = rows(server, ca_file, f"SSLSecurityFlags={flags}", implicit=implicit)
            with failing(TlsError, 280):
                send(options, run=judge.run())
            connections = server.settled()
        assert_untouched(connections)
        assert [event.cert_encoded for event in judge.asked if event.status != "OK"] in (
            [],
            [pem_of(leaves[first])],
        )


@pytest.mark.proves("SSLIncludeCertChain")
def test_a_handler_gets_the_chain_where_it_wants_that(leaves, ca_file):
    for leaf, accept in (("deep", None), ("strange_deep", True)):
        with serving(ServerContext(leaves[leaf])) as server:
            chain = [pem.bytes() for pem in leaves[leaf].cert_chain_pems]
            assert len(chain) == 2
            for setting, expected in (("False", chain[0]), ("True", b"".join(chain))):
                judge = Judge(accept)
                options = rows(server, ca_file, f"SSLIncludeCertChain={setting}")
                send(options, run=judge.run())
                assert judge.asked[0].cert_encoded == expected


@pytest.mark.parametrize("position", [1, 2])
def test_time_limits_hold_in_every_handshake(leaves, ca_file, position):
    script = [{}] * position + [{Phase.TLS_HELLO: Stall()}]
    with serving(ServerContext(leaves["untrusted"]), script=script) as server:
        judge = Judge(accept=True)
        run = judge.run()
        run.timeout = 0.5
        with failing(TimeLimitError, 201):
            send(rows(server, ca_file), run=run)
        assert_untouched(server.connections)
        assert len(server.connections) == position + 1


def test_an_interrupt_while_the_handler_thinks(leaves, ca_file, implicit):
    with serving(ServerContext(leaves["untrusted"]), implicit=implicit) as server:
        judge = Judge(accept=True)
        run = judge.run()
        judge.then = run.cancel
        with failing(Cancelled):
            send(rows(server, ca_file, implicit=implicit), run=run)
        assert_untouched(server.settled())


def test_a_handler_that_fails_leaves_no_connection(leaves, ca_file, implicit):
    def fail():
        raise LookupError

    for leaf in ("untrusted", "good"):
        with serving(ServerContext(leaves[leaf]), implicit=implicit) as server:
            with pytest.raises(LookupError):
                send(rows(server, ca_file, implicit=implicit), run=Judge(then=fail).run())
            assert_untouched(server.settled())


@pytest.mark.parametrize("phase", [Phase.BANNER, Phase.TLS_HELLO])
def test_a_server_that_goes_away_in_between(leaves, ca_file, implicit, phase):
    script = [{}, {phase: Drop()}]
    with serving(ServerContext(leaves["untrusted"]), implicit=implicit, script=script) as server:
        judge = Judge(accept=True)
        with failing(OSError):
            send(rows(server, ca_file, implicit=implicit), run=judge.run())
        assert bool(judge.asked) == (implicit and phase is Phase.BANNER)
        assert all(not connection.contents for connection in server.settled())


def test_the_toolkit_face_asks_its_handlers(leaves, ca_file):
    def accept(event):
        event.accept = True

    with serving(ServerContext(leaves["untrusted"])) as server:
        with Mailer(f"smtps://localhost:{server.port}", ca_file=ca_file) as mailer:
            draft = {"From": "a@example.org", "To": "b@example.org"}
            with failing(TlsError, 280):
                mailer.send(message(draft))
            forget = mailer.on(SSLServerAuthentication, accept)
            mailer.send(message(draft))
            forget()
        first, *_, last = server.settled()
    assert_untouched([first])
    assert len(last.contents) == 1


def message(fields):
    from email.message import EmailMessage

    made = EmailMessage()
    for name, value in fields.items():
        made[name] = value
    made.set_content("text\n")
    return made


# --------------------------------------------------------------------------------- SSLSecurityFlags


@pytest.mark.proves("SSLSecurityFlags")
@pytest.mark.parametrize(
    ("flags", "taken", "refused"),
    [
        (IGNORE_TIME, "expired", ("wrong_host", "untrusted", "strange_expired")),
        (IGNORE_NAME, "wrong_host", ("expired", "untrusted", "strange_name", "expired_name")),
        (IGNORE_NAME | IGNORE_TIME, "expired_name", ("strange_name",)),
        (
            UNKNOWN_AUTHORITY,
            "stranger",
            ("wrong_host", "expired", "strange_name", "strange_expired"),
        ),
        (UNKNOWN_AUTHORITY, "strange_deep", ()),
        (UNKNOWN_AUTHORITY | IGNORE_NAME, "strange_name", ("strange_expired", "expired")),
        (UNKNOWN_AUTHORITY | IGNORE_TIME, "strange_expired", ("strange_name",)),
        (0xF06, "good", ("wrong_host", "expired", "untrusted")),
    ],
)
def test_flags_let_pass_what_they_name_and_nothing_else(leaves, ca_file, flags, taken, refused):
    setting = f"SSLSecurityFlags={flags:#x}"
    for implicit in (True, False):
        with serving(ServerContext(leaves[taken]), implicit=implicit) as server:
            send(rows(server, ca_file, setting, implicit=implicit))
            *before, last = server.settled()
        assert last.contents == [MAIL]
        assert_untouched(before)
    for leaf in refused:
        with serving(ServerContext(leaves[leaf])) as server:
            with failing(TlsError, 280):
                send(rows(server, ca_file, setting))
            assert_untouched(server.settled())


def test_an_unknown_authority_is_that_of_one_certificate(leaves, ca_file):
    """The flag's last connection is held to what the one before it showed."""
    context, other = ServerContext(leaves["stranger"]), ServerContext(leaves["good"])
    with serving(context) as server:
        seen = []

        def swap(event):
            if isinstance(event, SSLStatus) and event.message.startswith("agreed on"):
                seen.append(event)
                server.tls = other

        with failing(TlsError, 280):
            send(rows(server, ca_file, f"SSLSecurityFlags={UNKNOWN_AUTHORITY}"), run=Run(emit=swap))
        assert len(seen) == 2
        assert_untouched(server.settled())


def test_what_a_flag_does_not_cover_is_the_handlers_matter(leaves, ca_file):
    judge = Judge(accept=True)
    with serving(ServerContext(leaves["strange_name"])) as server:
        options = rows(server, ca_file, f"SSLSecurityFlags={UNKNOWN_AUTHORITY}")
        send(options, run=judge.run())
        *before, last = server.settled()
    assert last.contents == [MAIL]
    assert_untouched(before)
    assert [event.status for event in judge.asked] == [
        "Hostname mismatch, certificate is not valid for 'localhost'."
    ]


@pytest.mark.proves("SSLSecurityFlags")
@pytest.mark.parametrize("flag", [0x20, 0x4000, 0x8000])
def test_flags_that_cannot_be_honoured(flag):
    with pytest.raises(UnsupportedError, match=f"{flag:#x}"):
        configure(TransportOptions(), f"SSLSecurityFlags={flag}")


@pytest.mark.parametrize("flags", [0x8, 0x40, -1, 1 << 32])
def test_flags_that_there_are_not(flags):
    with pytest.raises(UsageError):
        configure(TransportOptions(), f"SSLSecurityFlags={flags}")


# ------------------------------------------------------------------- the certificate that is enough


@pytest.mark.proves("ssl_accept_server_cert_encoded")
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize("form", ["pem", "der", "base64", "chain"])
@pytest.mark.parametrize("leaf", ["untrusted", "strange_expired", "wrong_host"])
def test_the_one_certificate_is_taken_unverified(leaves, ca_file, version, form, leaf):
    forms = {
        "pem": pem_of(leaves[leaf]),
        "der": der_of(leaves[leaf]),
        "base64": base64.encodebytes(der_of(leaves[leaf])),
        "chain": b"\r\n".join((b"# comment", pem_of(leaves[leaf]), pem_of(leaves["good"]))),
    }
    with serving(ServerContext(leaves[leaf], (version,))) as server:
        send(rows(server, ca_file, ssl_accept_server_cert_encoded=forms[form]))
        (connection,) = server.settled()
    assert connection.contents == [MAIL]


@pytest.mark.proves("ssl_accept_server_cert_encoded")
@pytest.mark.parametrize("other", ["stranger", "good"])
def test_no_other_certificate_is_taken_then(leaves, ca_file, implicit, other):
    only = pem_of(leaves["untrusted"])
    with serving(ServerContext(leaves[other]), implicit=implicit) as server:
        options = rows(server, ca_file, implicit=implicit, ssl_accept_server_cert_encoded=only)
        with failing(TlsError, 280) as caught:
            send(options)
        connections = server.settled()
    assert len(connections) == 1
    assert_untouched(connections)
    assert "ssl_accept_server_cert_encoded" in caught.value.hint


@pytest.mark.parametrize("value", [b"x", b"-----BEGIN CERTIFICATE-----", b"AAAA", b"\xff\xfe"])
def test_what_is_no_certificate_is_refused_when_it_is_set(value):
    with pytest.raises(UsageError, match="ssl_accept_server_cert_encoded"):
        TransportOptions(ssl_accept_server_cert_encoded=value)


def test_a_handler_sees_the_one_certificate_and_can_refuse_it(leaves, ca_file):
    only = pem_of(leaves["untrusted"])
    for accept in (None, False):
        judge = Judge(accept)
        with serving(ServerContext(leaves["untrusted"])) as server:
            options = rows(server, ca_file, ssl_accept_server_cert_encoded=only)
            if accept is None:
                send(options, run=judge.run())
            else:
                with failing(TlsError, 280):
                    send(options, run=judge.run())
                assert_untouched(server.settled())
        assert [event.status for event in judge.asked] == ["OK"]


# --------------------------------------------------------------------------------- resumed sessions


def mail(options, resumption, run):
    with Session.open(options, run, resumption) as session:
        session.deliver(ENVELOPE, [MAIL])


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_a_certificate_that_a_handler_took_is_asked_about_every_time(leaves, ca_file, version):
    """A session with it would be a way around the handshake that verifies."""
    context, resumption = ServerContext(leaves["untrusted"], (version,)), Resumption()
    with serving(context) as server:
        options = rows(server, ca_file, "ReuseSSLSession=True")
        for accept in (True, True, False):
            judge = Judge(accept)
            if accept:
                mail(options, resumption, judge.run())
            else:
                with failing(TlsError, 280):
                    mail(options, resumption, judge.run())
            assert len(judge.asked) == 1
        with failing(TlsError, 280):
            mail(options, resumption, Run(timeout=5))
    assert context.session_stats()["hits"] == 0


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_a_resumed_session_shows_the_certificate_that_it_began_with(leaves, ca_file, version):
    context, resumption = ServerContext(leaves["good"], (version,)), Resumption()
    with serving(context) as server:
        options = rows(server, ca_file, "ReuseSSLSession=True", "SSLIncludeCertChain=True")
        for hits in range(3):
            judge = Judge()
            mail(options, resumption, judge.run())
            assert context.session_stats()["hits"] == hits
            assert judge.asked[0].cert_encoded == pem_of(leaves["good"])
        with failing(TlsError, 280):
            mail(options, resumption, Judge(accept=False).run())


# ------------------------------------------------------------------------------------------- status


@pytest.mark.proves("on_ssl_status")
def test_each_step_of_a_handshake_is_told(leaves, ca_file):
    judge, context = Judge(accept=True), ServerContext(leaves["untrusted"])
    with serving(context) as server:
        send(rows(server, ca_file), run=judge.run())
        where = f"TLS handshake at localhost[127.0.0.1]:{server.port}"
    version, cipher = context.agreed[-1]
    agreed = f"agreed on {version}, {cipher}, 256 bits"
    wrong = "the certificate does not verify: unable to get local issuer certificate"
    taken = "the certificate is the accepted one"
    assert judge.statuses == [where, wrong, where, agreed, where, agreed, taken]


@pytest.mark.proves("LogSSLPackets")
def test_packets_are_told_without_what_is_in_them(leaves, ca_file):
    for setting in (False, True):
        judge = Judge()
        with serving(ServerContext(leaves["good"])) as server:
            send(rows(server, ca_file, f"LogSSLPackets={setting}"), run=judge.run())
        told = "\n".join(judge.statuses)
        assert ("sent client hello of tlsv1 3" in told) == setting
        assert ("received certificate verify of tlsv1 3" in told) == setting
        assert ("sent a record of application data" in told) == setting
        trail = [event.message for event in judge.events if isinstance(event, PITrail)]
        assert any("TLSv1.3" in line for line in trail)
        assert PASSWORD not in told
        assert "Subject" not in told
