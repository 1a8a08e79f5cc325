"""The wheel, built from this tree and installed as on a machine that has nothing of ours.

Nothing of the environment that tests run in counts for what is installed: it has a Python of its
own, its directory may be entered by every account, and its programs are called by their paths.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.documents import ROOT
from tests.support.leftovers import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_venv = pytest.mark.skipif(
    find_spec("ensurepip") is None, reason="this Python has no ensurepip (Debian: python3-venv)"
)
_SECONDS = 300
_COMMON = ("/usr/bin/python3", "/usr/local/bin/python3")
_LEFT_OUT = ("PYTHON", "PYTEST", "TOX", "VIRTUAL_ENV", "GPGMAIL_")


def outside() -> dict[str, str]:
    """Return our environment without what makes the package under test found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return kept | {name: os.environ[name] for name in (MARK, "GPGMAIL_GPG") if name in os.environ}


def build(directory: Path) -> Path:
    """Build the wheel of this tree."""
    words = ("wheel", "--quiet", "--no-deps", "--wheel-dir", directory, ROOT)
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, timeout=_SECONDS)
    (wheel,) = directory.glob("*.whl")
    return wheel


def constraint(wheel: Path) -> Path:
    """Write what makes `pip install gpgmail` take this wheel, for PIP_CONSTRAINT."""
    path = wheel.with_name("constraint.txt")
    path.write_text(f"gpgmail @ {wheel.as_uri()}\n")
    return path


def everybody_may_run(path: str | Path) -> bool:
    """Whether an account without rights can start a program."""
    real = Path(path).resolve()
    return real.exists() and all(one.stat().st_mode & stat.S_IXOTH for one in (real, *real.parents))


def _interpreter() -> str:
    """Return a Python for the environment, one that everybody may run if there is one."""
    for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        new = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
        if (
            everybody_may_run(path)
            and not subprocess.run([path, "-c", new], check=False).returncode
        ):
            return path
    return sys.executable


@contextmanager
def installed(wheel: Path) -> Iterator[Path]:
    """Install the wheel into a fresh environment; give the directory of its programs."""
    with tempfile.TemporaryDirectory(prefix="gt-wheel-") as place:
        Path(place).chmod(0o755)
        env = outside()
        for words in (
            (_interpreter(), "-m", "venv", "--without-pip", place),
            (*(sys.executable, "-m", "pip", "--quiet", "--python", place), "install", wheel),
        ):
            subprocess.run(words, env=env, check=True, timeout=_SECONDS)
        yield Path(place, "bin")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def machine(wheel: Path) -> Iterator[Path]:
    """The directory with the programs of an environment that has the wheel and nothing else."""
    with installed(wheel) as programs:
        yield programs
