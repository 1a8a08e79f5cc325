"""Running pytest as somebody else's project does: in a process of its own, with the plugin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import gpgmail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAMPLE = Path(__file__).parent / "sample"
PACKAGE = str(Path(gpgmail.__file__).resolve().parents[1])
# tox installs the wheel, and pytest finds the plugin by itself. In a checkout it has to be named.
INSTALLED = any(one.value == "gpgmail.pytest_plugin" for one in entry_points(group="pytest11"))
_COUNT = re.compile(r"(\d+) (passed|failed|error|errors|skipped)")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of pytest ended: exit code, how many tests of each outcome, what it printed."""

    code: int
    counts: dict[str, int]
    output: str


def run_pytest(
    project: Path,
    *arguments: str,
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    timeout: float = 100,
) -> Ran:
    """Run the tests of *project*, *before* in front of the command, *env* on top of ours."""
    plugin = () if INSTALLED else ("-p", "gpgmail.pytest_plugin")
    command = [sys.executable, "-m", "pytest", "-q", *plugin, "-p", "no:cacheprovider"]
    # Nothing that our own run has loaded or set.
    disabled = ("-p", "no:hypothesispytest", "-p", "no:timeout", "-p", "no:randomly")
    ran = subprocess.run(
        [*before, *command, *disabled, "--rootdir", project, *arguments],
        cwd=project,
        env=environment() | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    last = ran.stdout.rstrip().rpartition("\n")[2]
    counts = {word: int(number) for number, word in _COUNT.findall(last)}
    return Ran(ran.returncode, counts, ran.stdout + ran.stderr)


def environment() -> dict[str, str]:
    """Our environment without what pytest and tox put there; the package is found."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TOX"))
    }
    path = [] if INSTALLED else [PACKAGE]
    return kept | {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}


def project_of(directory: Path, **files: str) -> Path:
    """Write a project of test files by their names, without the `.py`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / f"{name}.py").write_text(content, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return directory


def sample_copy(directory: Path) -> Path:
    """Return a copy of the sample project, which has none of our tests around it."""
    return Path(shutil.copytree(SAMPLE, directory / "sample"))
