"""What the rows of a dialogue do: who stops a mail, how a session goes on, what a trail shows."""

from __future__ import annotations

import base64

import pytest

from gpgmail.core.config import configure
from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import ConnectError, ServerError, UnsupportedError, UsageError
from gpgmail.core.events import ConnectionStatus, Direction
from gpgmail.core.run import Run
from gpgmail.core.secret import MASK
from gpgmail.testing.script import Drop, Honest, Offer, Phase, Reply
from gpgmail.transport.dialogue import stopping
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.transport.support import (
    ENVELOPE,
    MAIL,
    PASSWORD,
    USER,
    Ears,
    failing,
    login,
    options_for,
    send,
)

REFUSAL = Reply(b"550 5.1.1 No\r\n")
ONE_OF_EACH = tuple(
    Recipient(f"{kind.name.lower()}@example.org", recipient_type=kind) for kind in RecipientType
)


# --------------------------------------------------------------------------- StopOn...Errors


@pytest.mark.proves("StopOnToErrors", "StopOnCcErrors", "StopOnBccErrors")
@pytest.mark.parametrize("offer", [(), (b"PIPELINING",), (b"PIPELINING", b"CHUNKING")])
@pytest.mark.parametrize("stops", [True, False])
@pytest.mark.parametrize("kind", list(RecipientType))
def test_whether_a_refused_recipient_stops_the_mail_is_said_by_its_type(kind, stops, offer):
    replies = tuple(REFUSAL if each is kind else Honest() for each in RecipientType)
    with Hostile({Phase.RCPT: replies, Phase.EHLO: Offer(offer)}) as server:
        options = options_for(server)
        configure(options, f"StopOn{kind.name.title()}Errors={stops}")
        with Session.open(options, Run(timeout=5)) as session:
            arguments = Envelope("a@example.org", ONE_OF_EACH), [MAIL]
            if stops:
                with failing(ServerError, 161):
                    session.deliver(*arguments, stop_on=stopping(options))
            else:
                delivery = session.deliver(*arguments, stop_on=stopping(options))
                assert list(delivery.refused) == [ONE_OF_EACH[kind].address]
        (connection,) = server.settled()
    assert connection.contents == ([] if stops else [MAIL])
    # Where they go out one by one those after the one that stops it are not named any more.
    named = kind + 1 if stops and not offer else len(ONE_OF_EACH)
    assert connection.verbs.count("RCPT") == named
    if stops:  # not so much as a question for content
        assert not {"DATA", "BDAT"}.intersection(connection.verbs)


@pytest.mark.proves("StopOnToErrors", "StopOnCcErrors", "StopOnBccErrors")
def test_by_default_to_and_cc_stop_a_mail_and_bcc_does_not():
    assert stopping(TransportOptions()) == {RecipientType.TO, RecipientType.CC}


# -------------------------------------------------------------------------------------- SendRSET


def refused_at(phase):
    """The script of a server that refuses at this phase the first time, both recipients at RCPT."""
    times = 2 if phase is Phase.RCPT else 1
    return {phase: (*[REFUSAL] * times, Honest())}


PHASES = [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT]


@pytest.mark.proves("SendRSET")
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("rset", "verb"), [(True, "RSET"), (False, "EHLO")])
def test_after_a_refused_mail_the_session_begins_anew(phase, rset, verb):
    with Hostile(refused_at(phase)) as server:
        options = options_for(server)
        configure(options, f"SendRSET={rset}")
        with Session.open(options, Run(timeout=5)) as session:
            with failing(ServerError, 161):
                session.deliver(ENVELOPE, [b"refused\r\n"])
            session.deliver(ENVELOPE, [MAIL])
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    first_end = connection.verbs.index(verb, 1)
    assert connection.verbs[first_end + 1 :] == [*["MAIL", "RCPT", "RCPT", "DATA"] * 2, "QUIT"]
    assert ("RSET" in connection.verbs) is rset
    assert connection.contents[-2:] == [MAIL, MAIL]


@pytest.mark.proves("SendRSET")
def test_without_extensions_the_new_greeting_is_helo_again():
    with Hostile(refused_at(Phase.DATA)) as server:
        with Session.open(
            options_for(server, send_rset=False, allow_extensions=False), Run(timeout=5)
        ) as session:
            with failing(ServerError, 161):
                session.deliver(ENVELOPE, [MAIL])
            session.reset()
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert [verb for verb in connection.verbs if verb in {"HELO", "EHLO", "RSET"}] == ["HELO"] * 3
    assert connection.contents == [MAIL]


@pytest.mark.parametrize(
    ("rset", "phase"), [(True, Phase.RSET), (False, Phase.EHLO)], ids=["RSET", "EHLO"]
)
@pytest.mark.parametrize("answer", [Reply(b"550 no\r\n"), Reply(b"garbage\r\n"), Drop()])
def test_a_session_that_cannot_begin_anew_ends(rset, phase, answer):
    """And the refusal of the mail is what the caller learns."""
    times = (Honest(), answer) if phase is Phase.EHLO else (answer,)
    with Hostile({Phase.MAIL: Reply(b"550 unwanted\r\n"), phase: times}) as server:
        options = options_for(server, send_rset=rset, pipelining=False)
        with Session.open(options, Run(timeout=5)) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [MAIL])
            assert not session.connected
        server.settled()
    assert "unwanted" in str(caught.value)


# --------------------------------------------------------------------------------- MaskSensitive


@pytest.mark.proves("MaskSensitive", "MaskSensitiveData", "on_pi_trail")
@pytest.mark.parametrize("name", ["MaskSensitive", "MaskSensitiveData"])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.shows_secrets
def test_a_login_shows_in_the_trail_only_where_masking_is_off(name, masked):
    ears = Ears()
    secret = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    script = {Phase.AUTH: Reply(f"535 5.7.8 no {PASSWORD}\r\n".encode())}
    with Hostile(script) as server:
        options = options_for(server, **login())
        configure(options, f"{name}={masked}")
        with failing(ServerError, 161) as caught:
            Session.open(options, Run(emit=ears, timeout=5))
        server.settled()
    shown = [MASK, MASK] if masked else [secret, PASSWORD]
    assert ears.lines(Direction.CLIENT)[1] == f"AUTH PLAIN {shown[0]}"
    assert ears.lines(Direction.SERVER)[-1] == f"535 5.7.8 no {shown[1]}"
    # What may be logged stays masked in any case.
    error = caught.value
    for text in (str(error), repr(error), error.subject, error.detail, str(error.reply)):
        assert PASSWORD not in text
        assert secret not in text
    assert all(PASSWORD not in event.description for event in ears.of(ConnectionStatus))


@pytest.mark.proves("MaskSensitive")
@pytest.mark.shows_secrets
def test_the_steps_of_a_login_are_masked_and_errors_never_hold_them():
    ears = Ears()
    script = {Phase.EHLO: Offer((b"AUTH LOGIN",)), Phase.AUTH_ANSWER: (Honest(), Drop())}
    with Hostile(script) as server:
        options = options_for(server, mask_sensitive=False, **login())
        with failing(ConnectError, 1120) as caught:
            Session.open(options, Run(emit=ears, timeout=5))
        server.settled()
    answer = base64.b64encode(PASSWORD.encode()).decode()
    assert answer in ears.lines(Direction.CLIENT)
    assert answer not in f"{caught.value} {caught.value.subject}"
    assert "AUTH" in caught.value.subject


# ------------------------------------------------------------------------------ ConnectionStatus


def told_of(connection_ends, script=None, **rows):
    """What a session tells of its connection."""
    ears = Ears()
    with Hostile(script or {}) as server:
        connection_ends(options_for(server, **rows), Run(emit=ears, timeout=5))
        server.settled()
    return ears.of(ConnectionStatus)


@pytest.mark.proves("on_connection_status")
def test_a_connection_is_told_from_its_start_to_its_end():
    made, ended = told_of(lambda options, run: send(options, run=run))
    assert (made.connection_event, made.status_code) == ("connected", 0)
    assert (ended.connection_event, ended.status_code) == ("disconnected", 0)
    assert "127.0.0.1" in made.description


@pytest.mark.proves("on_connection_status")
@pytest.mark.parametrize(
    ("script", "kind", "number"),
    [
        ({Phase.MAIL: Drop()}, ConnectError, 1120),
        ({Phase.RCPT: Reply(b"421 4.3.2 down\r\n")}, ServerError, 161),
        ({Phase.BANNER: Reply(b"554 no\r\n")}, ServerError, 161),
        ({Phase.DATA: Reply(b"garbage\r\n")}, ConnectError, 162),
    ],
)
def test_why_a_connection_ended_is_told_by_its_code(script, kind, number):
    def fails(options, run):
        with failing(kind, number):
            send(options, run=run)

    made, ended = told_of(fails, script)
    assert made.status_code == 0
    assert (ended.connection_event, ended.status_code) == ("disconnected", number)
    assert ended.description.startswith(made.description.replace("connected to", "connection to"))


@pytest.mark.proves("on_connection_status")
def test_a_server_that_left_between_two_mails_is_told_as_dropped():
    def idle(options, run):
        session = Session.open(options, run)
        with failing(ConnectError, 1120):
            session.command("NOOP")
        assert not session.connected

    assert told_of(idle, {Phase.NOOP: Drop()})[-1].status_code == 1120


def test_still_there_tells_so_too():
    ears = Ears()
    with Hostile({Phase.DOT: Reply(b"250 ok\r\n421 bye\r\n")}) as server:
        session = Session.open(options_for(server), Run(emit=ears, timeout=5))
        session.deliver(ENVELOPE, [MAIL])
        assert not session.still_there()
        server.settled()
    assert ears.of(ConnectionStatus)[-1].status_code == 1120


# ------------------------------------------------------------------------------------------- DSN


NOTIFIED = Envelope(
    "a@example.org",
    (
        Recipient("b@example.org", options="NOTIFY SUCCESS,FAILURE ORCPT=rfc822;b@example.org"),
        Recipient("c@example.org", options="NOTIFY=NEVER"),
        Recipient("d@example.org"),
    ),
)


@pytest.mark.proves("MessageRecipient.options")
def test_recipients_may_ask_for_notifications():
    with Hostile({Phase.EHLO: Offer((b"DSN",))}) as server:
        send(options_for(server), envelope=NOTIFIED)
        (connection,) = server.settled()
    assert connection.commands[2:5] == [
        b"RCPT TO:<b@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@example.org",
        b"RCPT TO:<c@example.org> NOTIFY=NEVER",
        b"RCPT TO:<d@example.org>",
    ]
    assert connection.contents == [MAIL]


@pytest.mark.proves("MessageRecipient.options")
@pytest.mark.parametrize(
    ("offer", "options", "kind", "number"),
    [
        ((), "NOTIFY=NEVER", UnsupportedError, 20),
        ((b"DSN",), "NOTIFY=NEVER,DELAY", UsageError, 2),
        ((b"DSN",), "RRVS=2014-04-03T23:01:00Z", UnsupportedError, 20),
    ],
)
def test_what_cannot_be_asked_for_is_not_sent(offer, options, kind, number):
    envelope = Envelope("a@example.org", (Recipient("b@example.org", options=options),))
    with Hostile({Phase.EHLO: Offer(offer)}) as server:
        with failing(kind, number):
            send(options_for(server), envelope=envelope)
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]
