"""What a component says about the program that it is part of."""

from __future__ import annotations

LICENSE = "MIT"


def build_info() -> str:
    """Return the versions of gpgmail, Python and gpg."""
    import platform
    from importlib.metadata import version

    from gpgmail.core.errors import EngineError
    from gpgmail.gpg.binary import find

    try:
        gpg = ".".join(map(str, find("gpg").version))
    except EngineError:
        gpg = "none"
    return f"gpgmail {version('gpgmail')}, Python {platform.python_version()}, gpg {gpg}"
