"""Whether gpg can work in a user's home where it stands, found out before gpg fails there.

A home on a read-only file system takes neither locks nor a trust database, and an agent has no
place for its sockets; a long path, or one with a colon, is none for sockets either, unless gpg has
them below /run/user.
What stands here decides nothing: `keys/keyring.py` takes a linked home where this says no.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.gpg import proof

if TYPE_CHECKING:
    from gpgmail.gpg.home import Home

_LONGEST_NAME = "S.gpg-agent.browser"  # an agent that cannot have all its sockets does not start
_LONGEST_PATH = 106 if sys.platform == "linux" else 102  # bytes; gpg wants two of sun_path spare
_REFUSED = b":"  # gpg-agent takes no socket with one in its path
_ELSEWHERE = b"%Assuan%"  # how a file begins that names a socket at another path


def writable(directory: Path) -> bool:
    """Whether files can be made there: False on a read-only file system, as root too."""
    return os.access(directory, os.W_OK | os.X_OK)


def agent_can_run(home: Home) -> bool:
    """Whether an agent runs, or can be started, for a home of the user."""
    directory = home.directory
    if home.writable and _fits(directory):
        return True
    sockets = Path(proof.socket_path(directory)).parent
    return (_fits(sockets) and (writable(sockets) or _stands(sockets))) or _is_led_elsewhere(
        directory
    )


def _fits(directory: Path) -> bool:
    path = os.fsencode(directory / _LONGEST_NAME)
    return len(path) <= _LONGEST_PATH and _REFUSED not in path


def _stands(sockets: Path) -> bool:
    return any(path.is_socket() for path in sockets.glob("S.gpg-agent"))


def _is_led_elsewhere(directory: Path) -> bool:
    path = directory / "S.gpg-agent"
    return path.is_file() and path.read_bytes().startswith(_ELSEWHERE)
