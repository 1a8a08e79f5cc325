"""Logging in as the rows say: who, and by which mechanism."""

from __future__ import annotations

import base64

import pytest

from gpgmail.core.config import configure
from gpgmail.core.errors import PolicyError, UsageError
from gpgmail.testing.script import Offer, Phase
from gpgmail.transport.options import TransportOptions
from tests.servers.hostile import Hostile
from tests.transport.support import MAIL, PASSWORD, USER, failing, login, options_for, send


def logged_in(offered, **rows):
    """The words of AUTH that an honest server with these mechanisms gets."""
    with Hostile({Phase.EHLO: Offer((b"AUTH " + offered,))}) as server:
        send(options_for(server, **login(**rows)))
        (connection,) = server.settled()
    assert connection.contents == [MAIL]
    return connection.commands[1].split()


@pytest.mark.proves("user", "password")
def test_the_server_gets_user_and_password():
    _, _, response = logged_in(b"PLAIN")
    assert base64.b64decode(response).decode() == f"\0{USER}\0{PASSWORD}"


@pytest.mark.parametrize(
    ("allowed", "offered", "taken"),
    [
        ("", b"LOGIN PLAIN", b"PLAIN"),
        ("LOGIN", b"LOGIN PLAIN", b"LOGIN"),
        ("login, plain", b"PLAIN LOGIN", b"LOGIN"),
        ("PLAIN,LOGIN", b"LOGIN PLAIN", b"PLAIN"),
        ("LOGIN,PLAIN", b"PLAIN", b"PLAIN"),
    ],
)
@pytest.mark.proves("AuthMechanisms")
def test_the_callers_order_decides(allowed, offered, taken):
    options = TransportOptions()
    configure(options, f"AuthMechanisms={allowed}")
    assert logged_in(offered, auth_mechanisms=options.auth_mechanisms)[1] == taken


def test_no_other_mechanism_is_taken():
    with Hostile({Phase.EHLO: Offer((b"AUTH LOGIN GSSAPI",))}) as server:
        with failing(PolicyError, 19) as caught:
            send(options_for(server, **login(auth_mechanisms="PLAIN")))
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO"]
    assert "LOGIN GSSAPI" in str(caught.value)
    assert "AuthMechanisms is PLAIN" in str(caught.value)


@pytest.mark.parametrize("value", ["KERBEROS_V9", "PLAIN,X", "PLAIN LOGIN"])
def test_a_mechanism_that_nobody_knows_is_refused_when_set(value):
    options = TransportOptions(auth_mechanisms="plain,login,PLAIN")
    with failing(UsageError, 2) as caught:
        options.auth_mechanisms = value
    assert "PLAIN, LOGIN" in str(caught.value)
    assert options.auth_mechanisms == "PLAIN,LOGIN"


@pytest.mark.proves("user", "password")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_postfix_takes_both(postfix, mechanism):
    rows = {
        "ssl_start_mode": 2,
        "openssl_ca_file": str(postfix.ca_file),
        "auth_mechanisms": mechanism,
        "user": postfix.user,
        "password": postfix.password,
    }
    send(TransportOptions(mail_server="localhost", mail_port=postfix.port("auth"), **rows))
    assert len(postfix.mail_for("b@example.org")) == 1
    assert f"sasl_method={mechanism}" in postfix.log()
