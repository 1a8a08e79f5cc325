"""Homes of the two sides of a mail, for tests that only want one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.keyrings import keyring_copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def sender_home() -> Iterator[Path]:
    """Where sender@example.org signs; alice and bob are valid there, carol is not."""
    with keyring_copy("modern") as path:
        yield path


@pytest.fixture(scope="module")
def reader_home() -> Iterator[Path]:
    """Where alice, bob and carol read."""
    with keyring_copy("recipients-home") as path:
        yield path
