"""The senders, the readers and the server between them, once for each process."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.interop.corpus import Post


@pytest.fixture(scope="session")
def post():
    """The server that our mails are sent to, with everybody's keys."""
    with ExitStack() as stack:
        yield Post.open(stack)
