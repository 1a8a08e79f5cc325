"""Fixtures for the tests of the servers themselves."""

from __future__ import annotations

from tests.servers.fixtures import certificates, notmuch, postfix, postfix_server

__all__ = ["certificates", "notmuch", "postfix", "postfix_server"]
