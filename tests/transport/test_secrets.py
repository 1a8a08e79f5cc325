"""The password is nowhere but on the wire: not in events, errors, reprs, logs or on the terminal.

Each scenario is a login that ends in its own way, most with a server that repeats what it was told.
The words that are looked for are the password and every form in which it goes over the wire.
"""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import pickle
import re
import threading
import traceback

import pytest

from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.testing.script import Drop, Endless, Honest, Offer, Phase, Reply, Stall
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from gpgmail.transport.url import parse
from tests.servers.hostile import Hostile
from tests.transport.support import ENVELOPE, MAIL, PASSWORD, USER, Ears, login, options_for


def encoded(text):
    return base64.b64encode(text.encode())


RAW = PASSWORD.encode()
FORMS = (RAW, encoded(PASSWORD), encoded(f"\0{USER}\0{PASSWORD}"), encoded(f"{USER}\0{PASSWORD}"))
ECHO = b" ".join(FORMS[:3])
ONLY_LOGIN = {Phase.EHLO: Offer((b"AUTH LOGIN",))}
# A piece of base64 is a leak too: eight characters are six bytes of the password.
PIECES = {form[at : at + 8] for form in FORMS[1:3] for at in range(len(form) - 7)}
HARMLESS = {encoded(f"\0{USER}\0")[at : at + 8] for at in range(20)}

SCENARIOS = {
    "taken": {},
    "taken by LOGIN": ONLY_LOGIN,
    "refused": {Phase.AUTH: Reply(b"535 5.7.8 no\r\n")},
    "repeated": {Phase.AUTH: Reply(b"535 you said " + ECHO + b"\r\n")},
    "repeated in lines": {
        Phase.AUTH: Reply(
            b"535-" + FORMS[0] + b"\r\n535-" + FORMS[1] + b"\r\n535 " + FORMS[2] + b"\r\n"
        )
    },
    "welcomed with it": {Phase.AUTH: Reply(b"235 welcome " + ECHO + b"\r\n")},
    "asked with it": {Phase.AUTH: Reply(b"334 " + FORMS[1] + b"\r\n"), **ONLY_LOGIN},
    "asked with garbage": {Phase.AUTH: Reply(b"334 !" + ECHO + b"\r\n"), **ONLY_LOGIN},
    "asked twice": {Phase.AUTH: Reply(b"334 \r\n")},
    "LOGIN refused with it": {
        Phase.AUTH_ANSWER: (Honest(), Reply(b"535 " + ECHO + b"\r\n")),
        **ONLY_LOGIN,
    },
    "LOGIN dropped": {Phase.AUTH_ANSWER: (Honest(), Drop()), **ONLY_LOGIN},
    "LOGIN stalled": {Phase.AUTH_ANSWER: (Honest(), Stall()), **ONLY_LOGIN},
    "LOGIN and garbage": {Phase.AUTH_ANSWER: (Honest(), Reply(ECHO + b"\r\n")), **ONLY_LOGIN},
    "LOGIN and no end": {Phase.AUTH_ANSWER: (Honest(), Endless(100_000)), **ONLY_LOGIN},
    "garbage": {Phase.AUTH: Reply(ECHO + b"\r\n")},
    "a half line": {Phase.AUTH: Reply(b"535 " + ECHO, close=True)},
    "421": {Phase.AUTH: Reply(b"421 " + ECHO + b"\r\n", close=True)},
    "told later": {Phase.MAIL: Reply(b"550 " + ECHO + b"\r\n")},
    "told to each": {Phase.RCPT: Reply(b"450 " + ECHO + b"\r\n")},
    "told at the end": {Phase.DOT: Reply(b"250 " + ECHO + b"\r\n")},
    "told as garbage": {Phase.MAIL: Reply(ECHO + b"\r\n")},
    "told unasked": {Phase.MAIL: Reply(b"250 ok\r\n550 " + ECHO + b"\r\n")},
    "told goodbye": {Phase.QUIT: Reply(b"221 " + ECHO + b"\r\n")},
}


ENDED_BEFORE = {"asked with garbage"}


def told_by(error):
    return [*traceback.format_exception(error), repr(error), str(error), repr(vars(error))]


def play(options, ears):
    """Everything that a caller can get to see of one mail."""
    seen = [repr(options)]
    session = None
    try:
        session = Session.open(options, Run(emit=ears, timeout=0.5))
        session.set_debuglevel(2)
        with session:
            seen.append(repr(session.deliver(ENVELOPE, [MAIL])))
    except GpgmailError as error:
        seen += told_by(error)
    if session is not None:
        seen += [repr(session), str(session.subject), repr(session.last_reply), repr(session.run)]
    return seen


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_that_is_told_holds_the_password(name, caplog, capfd):
    ears = Ears()
    stream = io.StringIO()
    caplog.set_level(logging.DEBUG)
    with Hostile(SCENARIOS[name]) as server, contextlib.redirect_stdout(stream):
        seen = play(options_for(server, **login()), ears)
    (connection,) = server.connections
    went_over_the_wire = any(form in connection.clear for form in FORMS[1:3])
    assert went_over_the_wire == (name not in ENDED_BEFORE)

    terminal = "".join(capfd.readouterr()) + stream.getvalue()
    text = "\n".join([*map(repr, ears.events), *ears.lines(), *seen, caplog.text, terminal])
    assert PASSWORD not in text
    pieces = {piece.decode() for piece in PIECES - HARMLESS}
    assert not [piece for piece in pieces if piece in text]
    assert not [piece for piece in pieces if piece.upper() in text]


def test_the_scenarios_repeat_the_password_where_they_say_so():
    """Were the forms wrong, the search above could not fail."""
    with Hostile(SCENARIOS["repeated"]) as server:
        options = options_for(server, **login())
        monitor = Ears()
        with pytest.raises(GpgmailError) as caught:
            Session.open(options, Run(emit=monitor, timeout=5))
    assert caught.value.reply.text == "you said ******** ******** ********"
    assert re.search(r"535 you said \*+ \*+ \*+$", monitor.lines()[-2])


def test_a_short_password_is_masked_by_its_place():
    """Three letters would turn ordinary words into masks; the form of the exchange is enough."""
    ears = Ears()
    with Hostile(ONLY_LOGIN) as server:
        play(options_for(server, user="u", password="abc"), ears)
    text = "\n".join(ears.lines())
    assert "YWJj" not in text
    assert "abc" not in text


@pytest.mark.parametrize("action", [Stall(), Drop()])
def test_a_cancelled_or_lost_login_tells_nothing(action):
    ears = Ears()
    run = Run(emit=ears, timeout=30)
    with Hostile({Phase.AUTH: action}) as server:
        threading.Timer(0.2, run.cancel).start()
        with pytest.raises(GpgmailError) as caught:
            Session.open(options_for(server, **login()), run)
    text = "\n".join([*told_by(caught.value), *ears.lines()])
    assert not [form for form in FORMS if form.decode() in text]


def test_a_url_is_told_without_its_password():
    options = parse(f"smtps://u:{PASSWORD}@mx.example.org")
    assert options.password == PASSWORD
    assert PASSWORD not in repr(options) + str(options)


def test_a_secret_is_not_pickled_along():
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(Session(TransportOptions(**login()), Run()))
