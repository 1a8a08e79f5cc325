"""What came out of each cell of the matrix, kept for docs/interop.md.

One file a worker in .cache/interop, a line a cell, written as it ends; tools/interop_table.py makes
the page of them. A cell whose test did not end well is written as failed.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from gpgmail.gpg.binary import find

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".cache" / "interop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One place in the tables: which table, its row and column, under which engine."""

    table: str
    row: str
    operation: str
    engine: str


@dataclass(slots=True)
class Outcome:
    """What a test says of its cell, and the version of the gpg that judged it.

    The word is `good`, `refused` or `none` with the reason, or `failed`.
    """

    word: str = "failed"
    reason: str = ""
    judge: str = ""


def version(program: str = "gpg") -> str:
    """The version of a gpg as the page shows it."""
    return ".".join(map(str, find(program).version[:2]))


class Record:
    """The file of this worker."""

    def __init__(self) -> None:
        self._version = version()
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        self._path = PLACE / f"{self._version}-{worker}.jsonl"
        self._begun = False

    def take(self, cell: Cell, outcome: Outcome, order: int) -> None:
        """Write a line; the first of a run replaces what the last run left.

        *order* is the test's place among all, whichever worker has it.
        """
        PLACE.mkdir(parents=True, exist_ok=True)
        facts = {"gpg": self._version, **asdict(cell), **asdict(outcome), "order": order}
        line = json.dumps(facts)
        with self._path.open("a" if self._begun else "w", encoding="utf-8") as file:
            file.write(line + "\n")
        self._begun = True
