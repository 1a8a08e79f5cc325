"""LMTP (RFC 2033): the rows that ask for it, and the way to a server at a Unix socket.

It is SMTP with LHLO for EHLO, and behind the content an answer for each recipient. Chunks are not
used: nothing says how many answers one that is refused has.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import TYPE_CHECKING

from gpgmail.core.declare import Declared, setting
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.transport.address import Peer
from gpgmail.transport.failures import Step, crossing

if TYPE_CHECKING:
    from gpgmail.core.run import Run

HELLO = "LHLO"
_LONGEST_PATH = 103  # bytes; 104 with NUL is the least of all systems, on macOS


def _path(value: str) -> str:
    refuse_controls(value, "UnixSocket")
    if value and not (value.startswith("/") and len(os.fsencode(value)) <= _LONGEST_PATH):
        raise ValueError(f"must be an absolute path of at most {_LONGEST_PATH} bytes")
    return value


class LmtpOptions(Declared):
    """Whether mail is handed to a final delivery, which answers for each recipient."""

    lmtp: bool = setting(
        default=False,
        key="LMTP",
        locked=Situation.SERVER_LOCKED,
        doc="Speak LMTP (RFC 2033) and not SMTP. Ours.",
    )
    unix_socket: str = setting(
        default="",
        key="UnixSocket",
        check=_path,
        locked=Situation.SERVER_LOCKED,
        doc="Path of the socket to connect to, in place of mail_server and mail_port. Ours.",
    )


def connect(path: str, run: Run) -> tuple[socket.socket, Peer]:
    """Return a socket that is connected to the one at *path*, and whom it leads to.

    Raises:
        ConnectError: If nobody listens there.
        TimeLimitError: If the time is over.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        with crossing(Step.CONNECT, path):
            sock.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            while (number := sock.connect_ex(path)) == errno.EAGAIN:  # too many wait there already
                run.check(path)
                time.sleep(run.slice())
            _raise_if(number)
    except BaseException:
        sock.close()
        raise
    run.touch()
    return sock, Peer(path, path, 0)


def _raise_if(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))
