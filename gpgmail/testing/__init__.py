"""Public doubles for tests of programs that use gpgmail, gpg or SMTP (docs/pytest.md).

Throwaway homes, keyrings in every situation, SMTP servers that fail on command, and what arrived
there. The pytest plugin hands them out as fixtures; without pytest they are context managers.
"""

from __future__ import annotations

from gpgmail.testing.conversation import Received
from gpgmail.testing.handing import KeyringCopy, Library, TestKey
from gpgmail.testing.homes import ThrowawayHome
from gpgmail.testing.mailbox import Mailbox
from gpgmail.testing.script import Drop, Honest, Once, Reply, Reset, Stall
from gpgmail.testing.sinks import Sink
from gpgmail.testing.smtp import SmtpSink

__all__ = [
    "Drop",
    "Honest",
    "KeyringCopy",
    "Library",
    "Mailbox",
    "Once",
    "Received",
    "Reply",
    "Reset",
    "Sink",
    "SmtpSink",
    "Stall",
    "TestKey",
    "ThrowawayHome",
]
