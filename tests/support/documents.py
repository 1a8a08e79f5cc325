"""The examples of README.md and docs/: taken out of the text as they stand, and run.

A fenced block with `<!-- example: NAME -->` before it is an example by that name. What a test puts
in place of what is shown (a port, a directory) it says where it runs the example.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.commands import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- example: ([\w -]+) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
_RUNS = {
    "python": (sys.executable, "-W", "error", "-c"),
    "sh": ("sh", "-e", "-c"),
    "bash": ("bash", "-e", "-c"),
}
_COMMANDS = {"gpgmail": "gpgmail.cli", "gpgmail-sendmail": "gpgmail.cli.sendmail"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `name` is empty where it is no example."""

    name: str
    language: str
    code: str

    def with_(self, places: Mapping[str, str]) -> Block:
        """Return it with other words in the place of some, each of which has to stand there."""
        code = self.code
        for shown, there in places.items():
            assert shown in code, shown
            code = code.replace(shown, there)
        return replace(self, code=code)

    def run(
        self, env: Mapping[str, str], cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it by the program that its language names."""
        return subprocess.run(
            [*_RUNS[self.language], self.code],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )


def text_of(document: str) -> str:
    """Return a document by its path in the project."""
    return (ROOT / document).read_text("utf-8")


def blocks(document: str) -> tuple[Block, ...]:
    """Return every fenced block of a document, in order."""
    return tuple(Block(*found) for found in _BLOCK.findall(text_of(document)))


def examples(document: str) -> dict[str, Block]:
    """Return the blocks of a document that are examples, by name."""
    named = [block for block in blocks(document) if block.name]
    found = {block.name: block for block in named}
    assert len(found) == len(named)
    return found


def dead_links(document: str) -> list[str]:
    """Return the files that a document links to and that are not there."""
    here = (ROOT / document).parent
    return [link for link in _LINK.findall(text_of(document)) if not (here / link).exists()]


def programs(directory: Path) -> str:
    """Put the commands of the package into a directory; return a PATH that begins with it."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, module in _COMMANDS.items():
        path = directory / name
        path.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {PACKAGE!r})\n"
            f"from {module} import main\nmain()\n"
        )
        path.chmod(0o755)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"
