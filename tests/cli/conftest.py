"""Fixtures of the command line's tests: a server, homes, and the commands on them."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache

import pytest

from tests.servers.fixtures import certificates, postfix, postfix_server
from tests.servers.hostile import Hostile
from tests.support.commands import call
from tests.support.keyrings import keyring_copy

__all__ = ["certificates", "postfix", "postfix_server"]

PROTECTING = {"--sign", "--signer", "--encrypt", "--recipient-key", "--dry-run", "--account"}


@pytest.fixture(scope="session")
def place():
    """`place(situation)`: a copy of that fixture keyring, one for the whole run."""
    with ExitStack() as copies:
        yield cache(lambda situation: copies.enter_context(keyring_copy(situation)))


@pytest.fixture
def server():
    """A server that takes everything; what came to it is in `connections`."""
    with Hostile() as server:
        yield server


@pytest.fixture
def url(server):
    return f"smtp://127.0.0.1:{server.port}"


@pytest.fixture
def mail_of(server):
    """The one mail that the server got."""

    def get():
        (connection,) = server.settled()
        (content,) = connection.contents
        return content

    return get


@pytest.fixture
def send(place, url):
    """`gpgmail send` from sender to alice, with the modern keyring, to the server."""

    def run(*arguments, stdin=b"", keyring="modern", to="alice@example.org", server=url):
        fixed = ["--from", "sender@example.org"]
        fixed += ["--keyring", place(keyring)] if PROTECTING & {*arguments} else []
        fixed += ["--to", to] if to else []
        fixed += ["--server", server] if server else []
        return call("send", *fixed, *arguments, stdin=stdin)

    return run
