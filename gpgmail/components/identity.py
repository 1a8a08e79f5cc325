"""What a component says about the program that it is part of."""

from __future__ import annotations

LICENSE = "MIT"


def build_info() -> str:
    """Return the versions of gpgmail, Python and gpg."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from gpgmail.core.errors import EngineError
    from gpgmail.gpg.binary import find

    try:
        gpg = ".".join(map(str, find("gpg").version))
    except EngineError:
        gpg = "none"
    try:
        own = version("gpgmail")
    except PackageNotFoundError:  # run from a directory
        own = "not installed"
    return f"gpgmail {own}, Python {platform.python_version()}, gpg {gpg}"
