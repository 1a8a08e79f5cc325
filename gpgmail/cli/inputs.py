"""Where the command line reads mails and texts from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from gpgmail.cli.report import show
from gpgmail.core.codes import ErrorCode
from gpgmail.core.situations import Situation

STDIN = "-"


def standard_input() -> BinaryIO:
    """Return standard input as bytes.

    Raises:
        MessageError: If it is closed.
    """
    if sys.stdin is None:
        raise Situation.NO_INPUT.error("is closed", subject="standard input")
    if sys.stdin.isatty():
        show("reading from the terminal; end with Ctrl-D", err=True)
    return sys.stdin.buffer


def read_text(name: str) -> str:
    """Return the UTF-8 text in the file *name*, or on standard input for `-`.

    Raises:
        MessageError: If it cannot be read.
        UsageError: If it is not UTF-8.
    """
    try:
        data = standard_input().read() if name == STDIN else Path(name).read_bytes()
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Situation.BAD_VALUE.error(
            f"is not UTF-8 at byte {error.start}",
            subject="standard input" if name == STDIN else name,
            hint="attach it with --attach",
        ) from None
    except OSError as error:
        raise Situation.NO_INPUT.error(
            error.strerror or type(error).__name__, subject=name, code=ErrorCode.PGP_READ_FILE
        ) from None
