"""PGPy, imported as it must be: it warns of modules that are deprecated."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from tests.servers.unpacked import ServerUnavailableError


def load() -> Any:
    """The module.

    Raises:
        ServerUnavailableError: If it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_module("pgpy")
        except ImportError as error:
            raise ServerUnavailableError(f"PGPy: {error} (dependency group interop)") from error
