"""Logging in with the components: which mechanism is said, with what, and what listeners hear."""

from __future__ import annotations

import base64

import pytest

from gpgmail.components import PSMTP, SMTP
from gpgmail.core.errors import GpgmailError, ServerError, UnsupportedError
from tests.components.support import component, failing, smtp
from tests.servers.asking import REFUSED, WELCOME, Asking
from tests.servers.hostile import Hostile

USER = "mailer@example.org"
PASSWORD = "s3cret-h0rse"
TOKEN = "ya29.AHES6ZRmS-8xPbpGetC1VbABJIBRdKm"
EVERYTHING = "XOAUTH2 OAUTHBEARER EXTERNAL LOGIN PLAIN CRAM-MD5"


def hearing(challenges=(), reply=WELCOME):
    said = []

    def ask(mechanism, initial):
        said.append((mechanism, initial))
        for challenge in challenges:
            said.append((yield challenge))  # noqa: PERF401 - it is a conversation
        return reply

    return ask, said


@pytest.fixture(params=[SMTP, PSMTP])
def kind(request):
    return request.param


@pytest.mark.proves("user", "password", "auth_mechanism")
def test_user_and_password_log_in_by_the_best_that_there_is(kind):
    ask, said = hearing([b"<1@x>"])
    with Asking(EVERYTHING, ask) as server:
        component(kind, server, user=USER, password=PASSWORD).send()
    assert said[0] == ("CRAM-MD5", None)
    assert said[1].startswith(f"{USER} ".encode())
    assert len(server.contents) == 1


@pytest.mark.proves("user", "password")
def test_without_a_user_nobody_logs_in(kind):
    ask, said = hearing()
    with Asking(EVERYTHING, ask) as server:
        component(kind, server, password=PASSWORD).send()
    assert said == []
    assert len(server.contents) == 1


@pytest.mark.proves("auth_mechanism")
@pytest.mark.parametrize(("number", "name"), [(1, "CRAM-MD5"), (4, "PLAIN")])
def test_a_number_chooses(kind, number, name):
    ask, said = hearing([b"<1@x>"] if number == 1 else [])
    with Asking(EVERYTHING, ask) as server:
        mailer = component(kind, server, user=USER, password=PASSWORD)
        mailer.set_auth_mechanism(number)
        assert mailer.get_auth_mechanism() == mailer.auth_mechanism == number
        mailer.send()
    assert said[0][0] == name


@pytest.mark.proves("auth_mechanism")
def test_apop_is_not_for_servers_that_take_mail(kind):
    mailer = kind()
    with pytest.raises(UnsupportedError, match="POP"):
        mailer.auth_mechanism = 3
    assert mailer.auth_mechanism == 0


@pytest.mark.proves("AuthorizationIdentity", "auth_mechanism")
def test_xoauth2_as_documented(kind):
    ask, said = hearing()
    with Asking(EVERYTHING, ask) as server:
        mailer = component(kind, server, user=USER, auth_mechanism=7)
        mailer.config(f"AuthorizationIdentity=Bearer {TOKEN}")
        mailer.send()
        assert TOKEN not in repr(mailer)
    assert said == [("XOAUTH2", f"user={USER}\1auth=Bearer {TOKEN}\1\1".encode())]


@pytest.mark.proves("AuthorizationIdentity")
def test_whom_to_act_for(kind):
    ask, said = hearing()
    with Asking("PLAIN", ask) as server:
        mailer = component(kind, server, user=USER, password=PASSWORD)
        mailer.config("AuthorizationIdentity=shared@example.org")
        mailer.send()
    assert said == [("PLAIN", f"shared@example.org\0{USER}\0{PASSWORD}".encode())]


@pytest.mark.proves("UseNTLMv2")
@pytest.mark.parametrize(("setting", "longer"), [("", True), ("True", True), ("False", False)])
def test_the_version_of_ntlm(kind, setting, longer):
    """A response of version 1 has 24 bytes, one of version 2 has more ([MS-NLMP] 2.2.1.3)."""
    flags = (0x00008205 | 0x00800000).to_bytes(4, "little")
    info = bytes.fromhex("02000400") + "WG".encode("utf-16-le") + bytes(4)
    challenge = b"".join(
        [
            b"NTLMSSP\0\2\0\0\0",
            bytes(4) + (48).to_bytes(4, "little"),
            flags + b"12345678" + bytes(8),
            len(info).to_bytes(2, "little") * 2 + (48).to_bytes(4, "little"),
            info,
        ]
    )
    ask, said = hearing([challenge])
    with Asking("NTLM", ask) as server:
        mailer = component(kind, server, user=USER, password=PASSWORD, auth_mechanism=2)
        if setting:
            mailer.config(f"UseNTLMv2={setting}")
        assert mailer.config("UseNTLMv2") == str(longer)
        mailer.send()
    length = int.from_bytes(said[1][20:22], "little")
    assert (length > 24) is longer
    assert length >= 24


def test_a_refusal_is_told_once_and_the_mail_stays(kind):
    ask, said = hearing(reply=REFUSED)
    heard, lines = [], []
    with Asking("PLAIN LOGIN", ask) as server:
        mailer = component(kind, server, user=USER, password=PASSWORD)
        mailer.on_error = heard.append
        mailer.on_pi_trail = lines.append
        with pytest.raises(ServerError) as caught:
            mailer.send()
    assert isinstance(caught.value, GpgmailError)
    assert (str(caught.value.code.family), caught.value.code.number) == ("SMTP", 161)
    assert "535 5.7.8 Go away" in str(caught.value)
    assert len(heard) == len(said) == 1
    assert server.contents == []
    text = "\n".join(map(repr, [*heard, *lines]))
    assert "AUTH PLAIN ********" in text
    assert PASSWORD not in text
    assert base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode() not in text


@pytest.mark.parametrize("name", ["user", "password"])
def test_half_a_character_is_refused_without_a_word_of_the_password(name):
    values = {"user": "me", "password": "hunter2secret", name: "hunter2secret\udce9"}
    with Hostile() as server:
        mailer = smtp(server, **values)
        with failing(2) as caught:
            mailer.send()
        mailer.close()
        assert not any(b"AUTH" in line for line in server.settled()[0].commands)
    seen, error = [], caught.value
    while error is not None:
        seen += [repr(error), repr(error.args), repr(getattr(error, "object", ""))]
        error = error.__cause__ or error.__context__
    assert "hunter2" not in " ".join(seen)
