"""What importing costs: time measured in one run, and the list of modules that may be loaded.

The list is `tests/data/imports.txt`: a section for each path, each including those above it. A
module that a path newly loads has to be put there by somebody who thought about its price. What the
standard library loads in its turn is known for the versions up to `NEWEST`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.hostile import Hostile
from tests.support.commands import environment
from tests.support.keyrings import keyring_copy

NEWEST = (3, 13)
LIST = Path(__file__).parent / "data" / "imports.txt"
NEVER = ("aiosmtpd", "asyncio", "click", "cryptography", "email_validator", "rich", "uuid")
STANDARD = "import email.message, smtplib"

PLAIN = """
from gpgmail import Draft, Mailer
with Mailer("smtp://127.0.0.1:{port}") as mailer:
    mailer.send(Draft(from_="a@example.org", to="b@example.org", subject="Grüße", text="Grüße"))
"""
PROTECTED = """
from gpgmail import Draft, Mailer
with Mailer("smtp://127.0.0.1:{port}", keyring={home!r}) as mailer:
    draft = Draft(from_="sender@example.org", to="alice@example.org", subject="x", text="x")
    mailer.send(draft, sign=True, encrypt=True)
"""
READ = """
import gpgmail
gpgmail.read(b"Subject: x\\r\\n\\r\\nx\\r\\n", keyring={home!r})
"""
PATHS = {"import": "import gpgmail", "send": PLAIN, "protect": PROTECTED}


def sections():
    """The allowed modules by section, each section with those of the ones above."""
    found, so_far, name = {}, set(), ""
    for line in LIST.read_text("utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            so_far.add(line)
        found[name] = frozenset(so_far)
    return found


def loaded(code):
    """The modules that *code* loads in a fresh interpreter, without those of its start."""
    script = f"import sys; before = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    names = done.stdout.split()
    # Private parts of the standard library differ between versions, and come with public ones.
    return {name for name in names if name.startswith("gpgmail.") or is_public(name)}


def is_public(name):
    return not any(part.startswith("_") for part in name.split("."))


@pytest.fixture(scope="module")
def found():
    """What each path loads."""
    with keyring_copy("modern") as home, Hostile() as server:
        facts = {"port": server.port, "home": str(home)}
        return {
            name: loaded(code.format(**facts)) for name, code in {**PATHS, "read": READ}.items()
        }


@pytest.mark.parametrize("path", PATHS)
def test_a_path_loads_what_the_list_allows(found, path):
    new = found[path] - sections()[path]
    if sys.version_info[:2] > NEWEST:
        new = {name for name in new if name.partition(".")[0] not in sys.stdlib_module_names}

    assert new == set()


@pytest.mark.parametrize("path", PATHS)
def test_our_own_modules_on_the_list_are_loaded(found, path):
    ours = {name for name in sections()[path] if name.startswith("gpgmail")}

    assert ours <= found[path]


@pytest.mark.parametrize("path", [*PATHS, "read"])
def test_a_path_loads_nothing_large(found, path):
    assert not {name.partition(".")[0] for name in found[path]} & set(NEVER)


def test_a_bare_import_loads_one_module_of_ours(found):
    assert {name for name in found["import"] if name.startswith("gpgmail")} == {"gpgmail"}


def test_reading_loads_no_transport(found):
    rooms = {name.split(".")[1] for name in found["read"] if name.startswith("gpgmail.")}

    assert "protect" in rooms
    assert not rooms & {"transport", "delivery", "components"}
    assert not {"smtplib", "ssl"} & found["read"]


def test_the_command_line_loads_nothing_large_either():
    names = loaded("import gpgmail.cli, gpgmail.cli.send, gpgmail.cli.read")

    assert "click" in names
    tops = {name.partition(".")[0] for name in names}
    assert not tops & {"aiosmtpd", "asyncio", "cryptography", "email_validator", "gnupg", "rich"}


def seconds(code):
    """The time of a fresh interpreter that runs *code*."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, timeout=60)
    return time.perf_counter() - started


def test_a_bare_import_costs_little_more_than_the_standard_library():
    """At most 1.2 times as much: the least of several runs, taken in turn on the same machine."""
    ours, theirs = [], []
    for _ in range(40):
        ours.append(seconds("import gpgmail"))
        theirs.append(seconds(STANDARD))
        if len(ours) >= 5 and min(ours) <= 1.2 * min(theirs):
            return
    pytest.fail(f"import gpgmail {min(ours):.3f} s, {STANDARD} {min(theirs):.3f} s")
