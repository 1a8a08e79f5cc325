"""Which gpg a run of the tests is about: the machine's, or the one that GPGMAIL_GPG names.

Tests put programs of their own in front of PATH, ask gpg as a judge and end agents with gpgconf. So
a gpg that is named goes to the front of PATH, the tools beside it with it, and its name is
forgotten: from there on the run is one on a machine that has that version.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def take_the_named_gpg() -> None:
    """Make the gpg that GPGMAIL_GPG names that of this run; end the run where it is not there."""
    named = os.environ.pop("GPGMAIL_GPG", "")
    if not named:
        return
    path = Path(named).absolute()
    if path.name != "gpg" or not os.access(path, os.X_OK):
        missing = f"{path} is no program called gpg: run scripts/fetch-gnupg24.sh (needs apt)"
        pytest.exit(missing, returncode=1 if os.environ.get("CI") == "true" else 0)
    os.environ["PATH"] = f"{path.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
