"""Public doubles for tests of programs that use gpgmail: throwaway homes and SMTP sinks."""

from __future__ import annotations

from gpgmail.testing.homes import ThrowawayHome
from gpgmail.testing.sinks import Received, Sink

__all__ = ["Received", "Sink", "ThrowawayHome"]
