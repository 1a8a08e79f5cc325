"""The pytest plugin: homes, keyrings in every situation, SMTP servers, and what arrived there.

pytest loads this file in every run on a machine that has gpgmail, for tests that want nothing of it
too: nothing is imported, made or set here before a test asks for a fixture. The fixtures are thin;
what they hand out is in `gpgmail.testing`, and docs/pytest.md shows how it is used.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.gpg.binary import Binary
    from gpgmail.testing import KeyringCopy, Library, Mailbox, SmtpSink, ThrowawayHome

_MARK = (
    "smtp_sink(tls='none', users=None, script=None, offers=(), chop=False): "
    "how the server of the fixture smtp_sink behaves (gpgmail)"
)
_VERSION = "gpg_version"


class KeyringFactory(Protocol):
    """The fixture `keyring`: a copy of the keyring of a situation, which ends with the test."""

    def __call__(self, situation: str = "modern") -> KeyringCopy:
        """Return a copy; *situation* is one of docs/pytest.md."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --gpg."""
    parser.getgroup("gpgmail", "keyrings and mail servers for tests (gpgmail)").addoption(
        "--gpg",
        action="append",
        default=[],
        metavar="PATH",
        help="run tests that use gpg_version with this gpg too; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark, and look at what --gpg names."""
    config.addinivalue_line("markers", _MARK)
    if config.getoption("--gpg"):
        _programs(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses `gpg_version` once with each gpg."""
    if _VERSION not in metafunc.fixturenames:
        return
    programs = _programs(metafunc.config)
    none = pytest.param(None, id="none", marks=pytest.mark.skip(reason="no gpg 2.1 or newer"))
    cases = [pytest.param(program, id=f"gpg-{name}") for name, program in programs.items()]
    metafunc.parametrize(_VERSION, cases or [none], indirect=True)


@pytest.fixture
def gpg_version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Binary:
    """Each gpg of this machine in its turn: path and version of the one of this test.

    While the test runs it is the gpg of gpgmail and the first in PATH. They are those that `--gpg`
    names, that of GPGMAIL_GPG, and those in PATH.
    """
    from gpgmail.testing.versions import environment

    program: Binary = request.param
    for name, value in environment(program).items():
        monkeypatch.setenv(name, value)
    return program


@pytest.fixture
def gnupg_home(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ThrowawayHome]:
    """An empty home on a short path, mode 0700; GNUPGHOME names it while the test runs.

    `make_key("Alice <alice@example.org>")` makes keys in it, `keyring()` opens it. Its agent ends
    with the test.
    """
    _version_first(request)
    from gpgmail.testing import ThrowawayHome

    with ThrowawayHome() as home:
        monkeypatch.setenv("GNUPGHOME", str(home.path))
        yield home


@pytest.fixture
def keyring(request: pytest.FixtureRequest, gpgmail_library: Library) -> Iterator[KeyringFactory]:
    """A function that returns a copy of the keyring of a situation, `"modern"` by default.

    The copy is a directory of its own that can be given wherever a path can; its keys are in
    `copy.keys`. The same situation has the same keys throughout a run.
    """
    _version_first(request)
    with ExitStack() as held:
        yield lambda situation="modern": held.enter_context(gpgmail_library.copy(situation))


@pytest.fixture
def smtp_sink(request: pytest.FixtureRequest) -> Iterator[SmtpSink]:
    """A mail server on this machine that keeps what it takes, and fails as it is told to.

    The mark `smtp_sink` has its options: TLS, logins, a script.
    """
    from gpgmail.testing import SmtpSink

    marker = request.node.get_closest_marker("smtp_sink")
    with SmtpSink(**(marker.kwargs if marker else {})) as sink:
        yield sink


@pytest.fixture
def mailbox(smtp_sink: SmtpSink) -> Mailbox:
    """What arrived at `smtp_sink`; `mailbox.read(keyring)` opens a mail and says what holds."""
    from gpgmail.testing import Mailbox

    return Mailbox(smtp_sink)


@pytest.fixture(scope="session")
def gpgmail_library() -> Library:
    """The keyrings that this run has made: for fixtures of a wider scope than a test's.

    `with gpgmail_library.copy("expired") as copy:` is what `keyring` does.
    """
    from gpgmail.testing import Library

    return Library()


def _programs(config: pytest.Config) -> dict[str, Binary]:
    from gpgmail.core.errors import GpgmailError
    from gpgmail.testing.versions import found

    try:
        return found(config.getoption("--gpg"))
    except GpgmailError as error:
        raise pytest.UsageError(f"--gpg: {error}") from None


def _version_first(request: pytest.FixtureRequest) -> None:
    """Have a test's gpg named before its homes are made, and forgotten after they are gone."""
    if _VERSION in request.fixturenames:
        request.getfixturevalue(_VERSION)
