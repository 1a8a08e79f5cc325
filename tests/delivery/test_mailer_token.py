"""`Mailer(token=…)`: a bearer token, or where one comes from, in place of a password."""

from __future__ import annotations

import pytest

from gpgmail import Draft, Mailer
from gpgmail.core.errors import ServerError, UsageError
from tests.servers.asking import REFUSED, WELCOME, Asking

DRAFT = Draft(from_="a@example.org", to="b@example.org", text="x")
USER = "a@example.org"


def hearing(reply=WELCOME):
    said = []

    def ask(mechanism, initial):
        said.append((mechanism, initial.split(b"\1auth=")[1].rstrip(b"\1")))
        return reply
        yield

    return ask, said


@pytest.mark.parametrize("given", ["tok.en-1234", "Bearer tok.en-1234", lambda: "tok.en-1234"])
def test_a_token_is_said_and_no_password(given):
    ask, said = hearing()
    with Asking("PLAIN XOAUTH2 OAUTHBEARER", ask) as server:
        url = f"smtp://a%40example.org:s3cret@127.0.0.1:{server.port}"
        with Mailer(url, token=given) as mailer:
            mailer.send(DRAFT)
            assert "tok.en-1234" not in repr(vars(mailer))
    assert said == [("OAUTHBEARER", b"Bearer tok.en-1234")]
    assert len(server.contents) == 1


def test_each_connection_asks_for_a_token_of_its_own():
    ask, said = hearing()
    tokens = iter(["first-token", "second-token"])
    with Asking("XOAUTH2", ask) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        with Mailer(url, user=USER, token=lambda: next(tokens)) as mailer:
            mailer.send(DRAFT)
            mailer.send(DRAFT)  # over the same connection
            mailer.close()
            mailer.send(DRAFT)
    assert [token for _, token in said] == [b"Bearer first-token", b"Bearer second-token"]


def test_a_refused_token_is_not_asked_for_again():
    ask, said = hearing(REFUSED)
    with Asking("XOAUTH2", ask) as server:
        mailer = Mailer(f"smtp://127.0.0.1:{server.port}", user=USER, token="tok.en-1234")
        with mailer, pytest.raises(ServerError, match="535"):
            mailer.send(DRAFT)
    assert len(said) == 1
    assert server.contents == []


def test_what_gives_no_token_is_the_callers_own_error():
    def broken():
        raise LookupError("no token today")

    ask, said = hearing()
    with Asking("XOAUTH2", ask) as server:
        mailer = Mailer(f"smtp://127.0.0.1:{server.port}", user=USER, token=broken)
        with mailer, pytest.raises(LookupError, match="no token today"):
            mailer.send(DRAFT)
    assert said == []


def test_a_token_needs_its_user():
    with pytest.raises(UsageError, match="user: is needed with a token"):
        Mailer("smtp://127.0.0.1", token="tok.en-1234")
