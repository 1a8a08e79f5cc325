"""Every mechanism that a real Postfix with Cyrus SASL has, with right and with wrong passwords."""

from __future__ import annotations

import time

import pytest

from gpgmail.core.errors import ServerError
from tests.transport.support import failing, postfix_options, send

pytestmark = pytest.mark.servers

MECHANISMS = {
    "PLAIN": "",
    "LOGIN": "",
    "CRAM-MD5": "incorrect digest response",
    "DIGEST-MD5": "client response doesn't match",
    "SCRAM-SHA-1": "StoredKey mismatch",
    "SCRAM-SHA-256": "StoredKey mismatch",
}


def options_of(postfix, **rows):
    return postfix_options(
        postfix, "auth_all", **{"user": postfix.user, "password": postfix.password, **rows}
    )


def logged(postfix, before, words=""):
    """What Postfix logged since, once *words* are in it: it answers before it logs."""
    ends = time.monotonic() + 5
    while words not in postfix.log()[before:] and time.monotonic() < ends:
        time.sleep(0.02)
    return postfix.log()[before:]


@pytest.mark.proves("user", "password")
@pytest.mark.parametrize("name", MECHANISMS)
def test_a_right_password_is_taken(postfix, name):
    before = len(postfix.log())
    send(options_of(postfix, auth_mechanisms=name))
    assert len(postfix.mail_for("b@example.org")) == 1
    words = f"sasl_method={name}, sasl_username={postfix.user}"
    assert words in logged(postfix, before, words)


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_wrong_password_is_refused_once_and_in_the_servers_words(postfix, name):
    before = len(postfix.log())
    with failing(ServerError, 161) as caught:
        send(options_of(postfix, auth_mechanisms=name, password="wrong horse"))
    assert "535 5.7.8 Error: authentication failed" in str(caught.value)
    log = logged(postfix, before, "authentication failed")
    assert log.count("authentication failed") == 1
    assert f"SASL {name} authentication failed" in log
    assert MECHANISMS[name] in log
    assert postfix.all_mail() == []


@pytest.mark.proves("auth_mechanism")
@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "SCRAM-SHA-256"), (1, "CRAM-MD5"), (2, "NTLM"), (4, "PLAIN"), (5, "DIGEST-MD5")],
)
def test_the_number_names_the_mechanism(postfix, number, name):
    before = len(postfix.log())
    send(options_of(postfix, auth_mechanism=number))
    assert f"sasl_method={name}," in logged(postfix, before, f"sasl_method={name},")


@pytest.mark.proves("UseNTLMv2")
@pytest.mark.parametrize(("v2", "words"), [(True, "NTLMv2 response"), (False, "NTLM response")])
def test_the_version_of_ntlm(postfix, v2, words):
    send(options_of(postfix, auth_mechanism=2, use_ntlm_v2=v2))
    assert len(postfix.mail_for("b@example.org")) == 1
    before = len(postfix.log())
    with failing(ServerError, 161):
        send(options_of(postfix, auth_mechanism=2, use_ntlm_v2=v2, password="wrong horse"))
    assert f"incorrect {words}" in logged(postfix, before, f"incorrect {words}")


def test_a_strange_user_is_refused(postfix):
    with failing(ServerError, 161) as caught:
        send(options_of(postfix, user="nobody@localhost"))
    assert "535" in str(caught.value)
