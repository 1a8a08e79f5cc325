"""Running our few scripts of JavaScript with the packages that `scripts/fetch-node.sh` fetched."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.servers.unpacked import ServerUnavailableError, tree

_HERE = Path(__file__).resolve().parent / "node"
_SECONDS = 60


class FailedError(Exception):
    """The script ended with an error; the text has the end of its words."""


def script(name: str, given: dict[str, Any]) -> bytes:
    """Run `tests/interop/node/NAME` with JSON on its standard input; return what it wrote.

    Raises:
        FailedError: If it fails.
        ServerUnavailableError: If Node or the packages are absent.
    """
    packages, node = tree() / "node", shutil.which("node")
    if node is None or not (packages / "node_modules").is_dir():
        raise ServerUnavailableError(f"no Node, or {packages} is absent: run scripts/fetch-node.sh")
    # A module finds packages from where it stands, so that it is run from beside them.
    source = (_HERE / name).read_text()
    done = subprocess.run(
        [node, "--input-type=module", "--eval", source],
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
        cwd=packages,
        timeout=_SECONDS,
    )
    if done.returncode:
        raise FailedError(done.stderr.decode(errors="replace")[-1500:])
    return done.stdout
