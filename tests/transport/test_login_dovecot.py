"""Logins that Dovecot judges behind a real Postfix: tokens that it checks, and passwords."""

from __future__ import annotations

import logging

import pytest

from gpgmail.core.errors import ServerError
from gpgmail.core.run import Run
from tests.servers.dovecot import Dovecot
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail
from tests.transport.support import Ears, failing, postfix_options, send
from tests.transport.test_secrets import told_by

pytestmark = pytest.mark.servers

PASSWORDS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]
TOKENS = ["XOAUTH2", "OAUTHBEARER"]


@pytest.fixture(scope="module")
def dovecot(postfix_server):
    try:
        server = Dovecot.start()
    except ServerUnavailableError as error:
        skip_or_fail(error)
    with server:
        server.serve(postfix_server)
        yield server


def options_of(postfix, dovecot, **rows):
    return postfix_options(postfix, "auth_dovecot", user=dovecot.user, **rows)


@pytest.mark.parametrize("name", PASSWORDS)
def test_a_right_password_is_taken(postfix, dovecot, name):
    send(options_of(postfix, dovecot, auth_mechanisms=name, password=dovecot.password))
    assert len(postfix.mail_for("b@example.org")) == 1
    assert f"sasl_method={name}, sasl_username={dovecot.user}" in postfix.log()


@pytest.mark.parametrize("name", PASSWORDS)
def test_a_wrong_password_is_refused(postfix, dovecot, name):
    with failing(ServerError, 161) as caught:
        send(options_of(postfix, dovecot, auth_mechanisms=name, password="wrong horse"))
    assert "535 5.7.8 Error: authentication failed" in str(caught.value)
    assert postfix.all_mail() == []


@pytest.mark.proves("AuthorizationIdentity", "auth_mechanism")
def test_xoauth2_by_its_number(postfix, dovecot):
    token = f"Bearer {dovecot.token()}"
    rows = {"auth_mechanism": 7, "authorization_identity": token}
    send(options_of(postfix, dovecot, **rows))
    assert len(postfix.mail_for("b@example.org")) == 1
    assert f"sasl_method=XOAUTH2, sasl_username={dovecot.user}" in postfix.log()


@pytest.mark.parametrize("name", TOKENS)
def test_a_right_token_is_taken(postfix, dovecot, name):
    rows = {"auth_mechanisms": name, "authorization_identity": dovecot.token()}
    send(options_of(postfix, dovecot, **rows))
    assert f"sasl_method={name}, sasl_username={dovecot.user}" in postfix.log()


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize(
    "wrong",
    [
        ({"key": b"somebody else's key to sign with"}, "signature"),
        ({"seconds": -60}, "expired"),
        ({"user": "somebody@localhost"}, ""),
    ],
    ids=["forged", "expired", "another's"],
)
def test_a_wrong_token_is_refused_in_the_servers_words(postfix, dovecot, name, wrong, caplog):
    facts, logged = wrong
    token = dovecot.token(**facts)
    rows = {"auth_mechanisms": name, "authorization_identity": f"Bearer {token}"}
    before = len(dovecot.log())
    ears = Ears()
    caplog.set_level(logging.DEBUG)
    with failing(ServerError, 161) as caught:
        send(options_of(postfix, dovecot, **rows), run=Run(timeout=10, emit=ears))
    assert "535 5.7.8 Error: authentication failed" in str(caught.value)
    assert "status" in str(caught.value)
    assert logged in dovecot.log()[before:]
    text = "\n".join([*told_by(caught.value), *ears.lines(), *map(repr, ears.events), caplog.text])
    assert token not in text
    assert postfix.all_mail() == []
