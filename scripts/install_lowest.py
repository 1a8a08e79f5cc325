"""Install the oldest version that pyproject.toml admits of every dependency, into this environment.

The bounds are read and not repeated here, so a bound that is raised or lowered is what gets tested.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"(?P<name>[\w.-]+)>=(?P<version>[\d.]+)")


def oldest(requirement: str) -> str:
    """Return the requirement pinned to its lower bound.

    Raises:
        SystemExit: If it has no plain lower bound, which every dependency here must have.
    """
    found = BOUND.fullmatch(requirement)
    if found is None:
        message = f"pyproject.toml: {requirement!r} is not of the form name>=version"
        raise SystemExit(message)
    return f"{found['name']}=={found['version']}"


def main() -> int:
    """Run pip on the pinned requirements, and return its exit code."""
    pyproject = Path(__file__).parent.parent / "pyproject.toml"
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["auth"], *extras["demo"]]
    pins = [oldest(requirement) for requirement in wanted]
    print("oldest admitted:", *pins)
    command = [sys.executable, "-m", "pip", "install", "-q", *pins]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
