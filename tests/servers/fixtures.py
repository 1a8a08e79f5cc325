"""The fixtures that hand real servers and readers to tests.

Another room's tests get them by importing the names into its conftest.py. A server is started once
for each pytest process and only when a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.certificates import Certificates
from tests.servers.exim import Exim
from tests.servers.postfix import Postfix
from tests.servers.readers import Notmuch
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def postfix_server() -> Iterator[Postfix]:
    """One Postfix for the whole run; tests take `postfix`, the same with an empty mailbox."""
    try:
        server = Postfix.start()
    except ServerUnavailableError as error:
        skip_or_fail(error)
    with server:
        yield server


@pytest.fixture
def postfix(postfix_server: Postfix) -> Postfix:
    """The running Postfix, with no mail delivered yet."""
    postfix_server.clear()
    return postfix_server


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    """An Exim for the tests of one file, which may look at its log."""
    try:
        server = Exim.start()
    except ServerUnavailableError as error:
        skip_or_fail(error)
    with server:
        yield server


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """Good, wrong and untrusted certificates for servers of our own."""
    return Certificates.mint()


@pytest.fixture(scope="session")
def notmuch() -> Callable[[Path], Notmuch]:
    """Makes a notmuch reader for a home with keys: `notmuch(home).read(mail)`."""

    def reader(home: Path) -> Notmuch:
        try:
            return Notmuch(home)
        except ServerUnavailableError as error:
            skip_or_fail(error)

    return reader
