"""Run every benchmark of this directory, one after the other: `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run the scripts; return the worst exit code."""
    worst = 0
    for script in sorted(HERE.glob("*.py")):
        if script.name != Path(__file__).name:
            print(f"\n== {script.stem}", flush=True)
            worst = max(worst, subprocess.run([sys.executable, script], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
