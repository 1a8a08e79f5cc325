"""Each engine, for tests that hold them to the same: pygpgme has no wheel for every Python."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from gpgmail.crypto.engines import ENGINES

NO_WHEEL_SINCE = (3, 14)  # of pygpgme 0.6; it builds where libgpgme's headers are

needs_pygpgme = pytest.mark.skipif(
    sys.version_info >= NO_WHEEL_SINCE and find_spec("gpgme") is None,
    reason="pygpgme 0.6 has no wheel for this Python",
)
EACH = tuple(
    pytest.param(name, marks=needs_pygpgme) if name == "gpgme" else name for name in ENGINES
)
