"""The scripted server of the package, by the name that says what these tests want of it."""

from __future__ import annotations

from gpgmail.testing.server import ScriptedServer as Hostile

__all__ = ["Hostile"]
