"""A session with servers that fail in every way: a typed error in time, nothing twice or in clear.

The table of what must come of each action at each phase is `outcome`. Whatever happens there is one
connection, and a mail counts as delivered or not just as the error says.
"""

from __future__ import annotations

import ssl
import threading
import time
import tracemalloc

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import (
    Cancelled,
    ConnectError,
    ServerError,
    StateError,
    TimeLimitError,
    TlsError,
)
from gpgmail.core.events import ConnectionStatus, PITrail
from gpgmail.core.run import Run
from gpgmail.testing.script import (
    Drop,
    Endless,
    Honest,
    Inject,
    Offer,
    Phase,
    Reply,
    Reset,
    Stall,
)
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.transport.support import (
    ENVELOPE,
    MAIL,
    PASSWORD,
    Ears,
    failing,
    login,
    options_for,
    secured,
    send,
)

LIMIT = 0.4
LARGE = b"x" * 998 + b"\r\n"
LARGE *= 30_000  # more than the kernels buffer
PASSWORD_FORMS = (PASSWORD.encode(), b"czNjcmV0LWgwcnNl", b"AHVzZXJAZXhhbXBsZS5vcmcA")

PHASES = (
    Phase.BANNER,
    Phase.EHLO,
    Phase.AUTH,
    Phase.AUTH_ANSWER,
    Phase.MAIL,
    Phase.RCPT,
    Phase.DATA,
    Phase.BODY,
    Phase.DOT,
)
DROPPED, NETWORK, REFUSED, LATE = (
    (ConnectError, 1120),
    (ConnectError, 162),
    (ServerError, 161),
    (TimeLimitError, 201),
)
MAYBE = (ConnectError, 13)

# action -> what it means at any phase, and after the final dot
OUTCOMES = {
    "drop": (Drop(after=100_000), DROPPED, MAYBE),
    "reset": (Reset(after=100_000), DROPPED, MAYBE),
    "stall": (Stall(after=100_000), LATE, LATE),
    "421": (Reply(b"421 4.3.2 Going down\r\n", close=True, after=100_000), REFUSED, REFUSED),
    "unavailable": (Reply(b"421 4.3.2 Going down\r\n"), REFUSED, REFUSED),
    "garbage": (Reply(b"\x15\x03\x01 what\r\n"), NETWORK, MAYBE),
    "http": (Reply(b"HTTP/1.1 400 Bad Request\r\n\r\n", close=True), NETWORK, MAYBE),
    "empty": (Reply(b"\r\n"), NETWORK, MAYBE),
    "mixed": (Reply(b"250-one\r\n550 two\r\n"), NETWORK, MAYBE),
    "cut": (Reply(b"250-one\r\n25", close=True), DROPPED, MAYBE),
    "unended": (Reply(b"250 and then nothing", close=True), DROPPED, MAYBE),
    "intermediate": (Reply(b"399 what now\r\n"), NETWORK, MAYBE),
    "preliminary": (Reply(b"150 wait\r\n"), NETWORK, MAYBE),
    "endless": (Endless(4 * 1024 * 1024), NETWORK, MAYBE),
    "many lines": (Reply((b"250-" + b"y" * 500 + b"\r\n") * 500), NETWORK, MAYBE),
}
HANGS_UP = {"drop", "reset", "stall", "421"}  # what ends an upload as such
UNDER_TLS = ("drop", "reset", "stall", "421", "garbage", "endless")


def cases(names):
    """Every phase with every action that means something there."""
    return [
        pytest.param(phase, name, id=f"{phase.name.lower()}-{name}")
        for phase in PHASES
        for name in names
        if phase is not Phase.BODY or name in HANGS_UP
    ]


def script_for(phase, action):
    script = {phase: action}
    if phase is Phase.AUTH_ANSWER:
        script[Phase.EHLO] = Offer((b"AUTH LOGIN",))
    return script


def assert_one_connection_without_a_second_try(connection, phase, *, ended=None):
    assert connection.verbs.count("MAIL") <= 1
    assert connection.verbs.count("AUTH") <= 1
    if phase in PHASES[:4]:
        assert "MAIL" not in connection.verbs
    assert len(connection.contents) == (phase is Phase.DOT if ended is None else ended)


@pytest.mark.parametrize(("phase", "name"), cases(OUTCOMES))
def test_every_action_at_every_phase(phase, name):
    action, anywhere, after_dot = OUTCOMES[name]
    kind, number = after_dot if phase is Phase.DOT else anywhere
    content = LARGE if phase is Phase.BODY else MAIL
    with Hostile(script_for(phase, action)) as server:
        options = options_for(server, **login())
        with failing(kind, number) as caught:
            send(options, run=Run(timeout=LIMIT), content=content)
    (connection,) = server.connections
    assert_one_connection_without_a_second_try(connection, phase)
    doubtful = phase is Phase.DOT and number != 161
    assert (caught.value.retry is Retry.UNKNOWN) == doubtful
    assert doubtful or caught.value.retry is Retry.LATER


@pytest.mark.parametrize(("phase", "name"), cases(UNDER_TLS))
@pytest.mark.parametrize("implicit", [False, True])
def test_under_tls_it_is_the_same(certificates, ca_file, phase, name, implicit):
    action, (kind, number), after_dot = OUTCOMES[name]
    if phase is Phase.DOT:
        kind, number = after_dot
    script = script_for(phase, action)
    if phase is Phase.EHLO:
        script[phase] = action if implicit else (Honest(), action)
    elif phase is Phase.AUTH_ANSWER and not implicit:
        script[Phase.EHLO] = (Honest(), Offer((b"AUTH LOGIN",)))
    good = certificates.contexts["good"]
    with (
        Hostile(script, tls=good, implicit_tls=implicit) as server,
        failing(kind, number),
    ):
        send(
            secured(server, ca_file, **login()),
            run=Run(timeout=LIMIT * 2),
            content=LARGE if phase is Phase.BODY else MAIL,
        )
    (connection,) = server.connections
    assert_one_connection_without_a_second_try(connection, phase)
    assert b"AUTH" not in connection.clear
    assert b"MAIL" not in connection.clear


# ------------------------------------------------------------------------------- the way into TLS


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        (Drop(), (TlsError, 276)),
        (Reset(), (TlsError, 276)),
        (Stall(), LATE),
        (Reply(b"220 plain words\r\n", close=True), (TlsError, 276)),
        (Reply(b"\x15\x03\x03\x00\x02\x02\x28", close=True), (TlsError, 276)),
        (Reply(b"\x16\x03\x03", close=True), (TlsError, 276)),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_the_tls_hello_comes_to_nothing(certificates, ca_file, action, outcome, implicit):
    script = {Phase.TLS_HELLO: action}
    good = certificates.contexts["good"]
    with (
        Hostile(script, tls=good, implicit_tls=implicit) as server,
        failing(*outcome),
    ):
        send(secured(server, ca_file, **login()), run=Run(timeout=LIMIT))
    (connection,) = server.connections
    assert connection.verbs == ([] if implicit else ["EHLO", "STARTTLS"])


@pytest.mark.parametrize("name", ["wrong_host", "untrusted"])
@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_does_not_verify(certificates, ca_file, name, implicit):
    bad = certificates.contexts[name]
    with Hostile(tls=bad, implicit_tls=implicit) as server:
        with failing(TlsError, 280) as caught:
            send(secured(server, ca_file, **login()))
        (connection,) = server.settled()
    assert caught.value.retry is Retry.NO
    assert connection.verbs == ([] if implicit else ["EHLO", "STARTTLS"])
    assert connection.through_tls == b""


def test_a_right_certificate_is_not_enough_without_its_authority(certificates):
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        with failing(TlsError, 280):
            send(options_for(server, "localhost", ssl_start_mode=1))
        (connection,) = server.settled()
    assert connection.through_tls == b""


@pytest.mark.parametrize(
    "injected", [b"250 injected\r\n", b"\r\n", b"250-hostile\r\n250 AUTH PLAIN\r\n", b"x"]
)
def test_plaintext_behind_the_starttls_reply(certificates, ca_file, injected):
    script = {Phase.STARTTLS: Inject(injected)}
    with Hostile(script, tls=certificates.contexts["good"]) as server:
        with failing(TlsError, 276) as caught:
            send(secured(server, ca_file, **login()))
        (connection,) = server.settled()
    assert "plaintext" in str(caught.value)
    assert connection.verbs == ["EHLO", "STARTTLS"]
    assert not connection.encrypted


@pytest.mark.parametrize(
    ("script", "verbs"),
    [
        ({Phase.EHLO: Offer((b"AUTH PLAIN",))}, ["EHLO"]),
        ({Phase.EHLO: Reply(b"502 no\r\n")}, ["EHLO", "HELO"]),
        ({Phase.STARTTLS: Reply(b"454 4.7.0 not now\r\n")}, ["EHLO", "STARTTLS"]),
        ({Phase.STARTTLS: Reply(b"502 no\r\n")}, ["EHLO", "STARTTLS"]),
    ],
)
def test_starttls_is_stripped_or_refused(certificates, ca_file, script, verbs):
    if Phase.EHLO in script and "HELO" in verbs:
        script = {Phase.EHLO: (script[Phase.EHLO], Reply(b"250 hostile\r\n"))}
    with Hostile(script, tls=certificates.contexts["good"]) as server:
        with failing(TlsError, 276):
            send(secured(server, ca_file, **login()))
        (connection,) = server.settled()
    assert connection.verbs == verbs
    assert not any(form in connection.clear for form in PASSWORD_FORMS)


def test_what_was_offered_before_tls_is_forgotten(certificates, ca_file):
    script = {Phase.EHLO: (Honest(), Offer())}
    with (
        Hostile(script, tls=certificates.contexts["good"]) as server,
        Session.open(secured(server, ca_file), Run(timeout=5)) as session,
    ):
        assert session.extensions == {}


def test_an_old_tls_version_is_refused(certificates, ca_file):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.chains["good"].configure_cert(old)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with Hostile(tls=old, implicit_tls=True) as server:
        with failing(TlsError, 276):
            send(secured(server, ca_file, **login()))
        (connection,) = server.settled()
    assert connection.through_tls == b""


@pytest.mark.parametrize(
    ("ca", "words"),
    [
        ({"openssl_ca_file": "{tmp}/absent.pem"}, "No such file"),
        ({"openssl_ca_file": "{tmp}/empty.pem"}, "PEM"),
        ({"openssl_ca_dir": "{tmp}/absent"}, "directory"),
    ],
)
def test_authorities_that_cannot_be_read(certificates, tmp_path, ca, words):
    (tmp_path / "empty.pem").write_text("nothing")
    rows = {name: path.format(tmp=tmp_path) for name, path in ca.items()}
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        with failing(TlsError, 271) as caught:
            send(options_for(server, ssl_start_mode=1, **rows))
        (connection,) = server.settled()
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert connection.clear == connection.through_tls == b""


# ----------------------------------------------------------------------------- time and interrupts


@pytest.mark.parametrize("phase", [*PHASES, Phase.TLS_HELLO])
def test_cancel_stops_every_wait(certificates, ca_file, phase):
    run = Run(timeout=60)
    tls = phase is Phase.TLS_HELLO
    context = certificates.contexts["good"] if tls else None
    with Hostile(script_for(phase, Stall(after=100_000)), tls=context) as server:
        rows = login(ssl_start_mode=2, openssl_ca_file=ca_file) if tls else login()
        options = options_for(server, "localhost", **rows)
        timer = threading.Timer(0.5, run.cancel)
        timer.start()
        with failing(Cancelled, 301) as caught:
            send(options, run=run, content=LARGE if phase is Phase.BODY else MAIL)
    assert (caught.value.retry is Retry.UNKNOWN) == (phase is Phase.DOT)


@pytest.mark.parametrize("phase", [Phase.OTHER, Phase.MAIL, Phase.BODY, Phase.DOT, Phase.RSET])
def test_after_an_interrupt_there_is_no_connection_and_the_next_one_works(phase):
    """A blocked read and a blocked write; the server takes no mail whose end was not sent."""
    calls = {
        Phase.OTHER: lambda session: session.expand("staff"),
        Phase.RSET: lambda session: session.reset(),
    }
    ears, run = Ears(), Run(timeout=60)
    with Hostile([{phase: Stall(after=100_000)}, {}]) as server:
        session = Session.open(options_for(server), run)
        run.emit = ears
        content = [LARGE if phase is Phase.BODY else MAIL]
        threading.Timer(0.3, run.cancel).start()
        with failing(Cancelled, 301):
            calls.get(phase, lambda session: session.deliver(ENVELOPE, content))(session)
        assert not session.connected
        with failing(StateError, 1117):
            session.deliver(ENVELOPE, [MAIL])
        session.close()
        assert send(options_for(server)).accepted == ENVELOPE.addresses
    first, second = server.connections
    assert first.contents == ([MAIL] if phase is Phase.DOT else [])
    assert second.contents == [MAIL]
    assert [event.status_code for event in ears.of(ConnectionStatus)] == [301]


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_handler_may_interrupt(pipelining):
    def handler(event):
        if isinstance(event, PITrail) and event.message.startswith("RCPT"):
            run.cancel()

    run = Run(timeout=60, emit=handler)
    with Hostile() as server:
        with failing(Cancelled, 301):
            send(options_for(server, pipelining=pipelining), run=run)
        (connection,) = server.settled()
    assert connection.verbs == (["EHLO"] if pipelining else ["EHLO", "MAIL"])
    assert connection.contents == []


def test_cancel_stops_an_upload_that_goes_well():
    ears = Ears()
    run = Run(timeout=60, emit=ears)

    def endless():
        while True:
            yield LARGE[:65536]

    with Hostile() as server:
        threading.Timer(0.3, run.cancel).start()
        with failing(Cancelled, 301), Session.open(options_for(server), run) as session:
            session.deliver(ENVELOPE, endless())
        (connection,) = server.settled()
    assert connection.contents == []


def test_an_absolute_limit_ends_what_still_moves():
    def slow():
        while True:
            time.sleep(0.05)
            yield LARGE[:65536]

    run = Run(timeout=0.5, absolute=True)
    with Hostile() as server:
        with (
            failing(TimeLimitError, 201),
            Session.open(options_for(server), run) as session,
        ):
            session.deliver(ENVELOPE, slow())
        (connection,) = server.settled()
    assert connection.contents == []


def test_time_spent_between_mails_does_not_count():
    with Hostile() as server, Session.open(options_for(server), Run(timeout=2)) as session:
        session.deliver(ENVELOPE, [MAIL])
        time.sleep(2.1)
        session.deliver(ENVELOPE, [MAIL])


def test_connecting_may_have_its_own_limit(certificates, ca_file):
    script = {Phase.TLS_HELLO: Stall()}
    good = certificates.contexts["good"]
    with (
        Hostile(script, tls=good, implicit_tls=True) as server,
        failing(TimeLimitError, 201),
    ):
        send(secured(server, ca_file, connection_timeout=1), run=Run(timeout=60))


# -------------------------------------------------------------------------------- odds and order


@pytest.mark.parametrize("phase", [Phase.EHLO, Phase.MAIL, Phase.RCPT, Phase.DATA])
def test_an_answer_to_nothing_is_not_taken_for_the_next(phase):
    """Behind 354 it would stand for the answer to the whole mail."""
    with Hostile({phase: Inject(b"250 and another\r\n")}) as server:
        with failing(ConnectError, 162):
            send(options_for(server))
        (connection,) = server.settled()
    assert connection.contents == []


def test_a_server_that_left_meanwhile_is_noticed_before_a_word():
    with Hostile({Phase.NOOP: Reply(b"250 ok\r\n", close=True)}) as server:
        with Session.open(options_for(server), Run(timeout=5)) as session:
            session.noop()
            server.settled()
            with failing(ConnectError, 1120):
                session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert "MAIL" not in connection.verbs


@pytest.mark.parametrize("close", [False, True])
def test_a_refusal_within_the_content_ends_the_upload(close):
    reason = Reply(b"552 5.3.4 Too big for me\r\n", close=close, after=100_000)
    sent = []

    def source():
        for _ in range(3000):
            sent.append(1)
            yield b"x" * 65534 + b"\r\n"

    with Hostile({Phase.BODY: reason}) as server:
        session = Session.open(options_for(server), Run(timeout=5))
        with session, failing(ServerError, 161) as caught:
            session.deliver(ENVELOPE, source())
        (connection,) = server.settled()
    assert "Too big for me" in str(caught.value)
    assert caught.value.retry is Retry.NO
    assert len(sent) < 3000
    assert connection.contents == []


def test_421_behind_another_answer_is_heard():
    script = {Phase.MAIL: Inject(b"421 4.3.2 Going down\r\n")}
    with Hostile(script) as server, failing(ServerError, 161) as caught:
        send(options_for(server))
    assert caught.value.reply.code == 421
    assert set(caught.value.refused) == set(ENVELOPE.addresses)


@pytest.mark.parametrize("length", [256, 600])
def test_the_line_limit_is_the_settings(length):
    line = b"250 " + b"x" * (400 - 4) + b"\r\n"
    with Hostile({Phase.MAIL: Reply(line)}) as server:
        options = options_for(server, max_line_length=length)
        if length > 400:
            send(options)
        else:
            with failing(ConnectError, 162):
                send(options)


@pytest.mark.proves("MaxLineLength")
@pytest.mark.parametrize("length", [256, 1 << 20])
@pytest.mark.parametrize("line", [b"250-\r\n", b"250-" + b"x" * 250 + b"\r\n"])
def test_what_a_server_says_costs_no_more_memory_than_a_reply_may(line, length):
    with Hostile({Phase.OTHER: Reply(line * 200_000)}) as server:
        session = Session.open(options_for(server, max_line_length=length), Run(timeout=30))
        tracemalloc.start()
        try:
            with failing(ConnectError, 162, within=20):
                session.command("WHAT")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert session.last_reply.code == 250  # that to EHLO
    # 64 KiB of text, and what objects take for lines that are all but empty.
    assert most < 3_000_000


def test_lines_may_end_in_a_line_feed_alone():
    with Hostile({Phase.MAIL: Reply(b"250-a\n250 b\n")}) as server:
        send(options_for(server))
