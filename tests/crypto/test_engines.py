"""Engines by name, what loading them costs, and how much memory they take."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import UnsupportedError, UsageError
from gpgmail.crypto.engines import ENGINES, engine
from tests.crypto.helpers import ALICE, SENDER
from tests.support.engines import EACH, needs_pygpgme

SIZE = 64 << 20
BLOCK = bytes(range(256)) * 1024

# VmHWM and not ru_maxrss: a child's ru_maxrss begins with what its parent had.
STREAM = """
    import sys
    from pathlib import Path
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey, Job
    from gpgmail.crypto.engines import engine
    from gpgmail.gpg.home import Home

    name, what, home, signer, recipient, source, target = sys.argv[1:]
    work = Job(
        home=Home(directory=Path(home)),
        signers=(ChosenKey(signer, signer),),
        recipients=(ChosenKey(recipient, recipient),),
    )
    with open(source, "rb") as data, open(target, "wb") as file:
        blocks = iter(lambda: data.read(1 << 18), b"")
        getattr(engine(name), what)(work, blocks, file.write, Run())
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.parametrize("name", EACH)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read memory from")
def test_much_data_in_little_memory(modern, recipients, tmp_path, name):
    def peak(what, gpg, source, target):
        command = [sys.executable, "-c", textwrap.dedent(STREAM), name, what, gpg.home]
        command += [SENDER.subkey, ALICE.subkey, source, target]
        ran = subprocess.run(command, check=True, capture_output=True, timeout=100)
        return int(ran.stdout) / 1024

    data, message, text = (tmp_path / name for name in ("data", "message", "text"))
    with data.open("wb") as file:
        for _ in range(SIZE // len(BLOCK)):
            file.write(BLOCK)
    assert peak("encrypt", modern, data, message) < 35  # MiB, Python itself included
    assert peak("decrypt", recipients, message, text) < 35
    assert filecmp.cmp(data, text, shallow=False)


@needs_pygpgme
def test_engines_by_name():
    assert {engine(name).name for name in ENGINES} == set(ENGINES) == {"gnupg", "gpgme"}
    with pytest.raises(UsageError, match="gnupg, gpgme"):
        engine("pgp")


@needs_pygpgme
@pytest.mark.parametrize(
    ("variable", "named", "expected"),
    [
        (None, "auto", "gnupg"),
        ("", "auto", "gnupg"),
        ("auto", "auto", "gnupg"),
        ("gpgme", "auto", "gpgme"),
        ("gpgme", "gnupg", "gnupg"),
        ("nonsense", "gpgme", "gpgme"),
    ],
)
def test_the_environment_names_what_nobody_else_names(monkeypatch, variable, named, expected):
    monkeypatch.delenv("GPGMAIL_ENGINE", raising=False)
    if variable is not None:
        monkeypatch.setenv("GPGMAIL_ENGINE", variable)
    assert engine(named).name == expected


def test_an_environment_that_names_no_engine_is_an_error(monkeypatch):
    monkeypatch.setenv("GPGMAIL_ENGINE", "pgp")
    with pytest.raises(UsageError, match="GPGMAIL_ENGINE=pgp"):
        engine()


@pytest.mark.parametrize("broken", [True, False], ids=["does not load", "absent"])
def test_without_pygpgme_the_extra_is_named(monkeypatch, tmp_path, broken):
    monkeypatch.delitem(sys.modules, "gpgme", raising=False)
    if broken:
        (tmp_path / "gpgme.py").write_text("import no_such_library_of_c")
        monkeypatch.syspath_prepend(tmp_path)
    else:
        monkeypatch.setitem(sys.modules, "gpgme", None)
    with pytest.raises(UnsupportedError) as caught:
        engine("gpgme")
    assert caught.value.code is ErrorCode.MISSING_EXTRA
    assert "gpgmail[gpgme]" in str(caught.value)


def test_an_engine_is_loaded_when_it_is_asked_for():
    program = "import sys, gpgmail.crypto.engines as e; print(*sorted(sys.modules)); e.engine()"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert b"gpgmail.crypto.engines" in ran.stdout
    assert b"gnupg_engine" not in ran.stdout
    assert b"gpgme" not in ran.stdout.replace(b"gpgme_engine", b"")


def test_the_engine_needs_no_slow_module():
    slow = ("asyncio", "click", "cryptography", "email_validator", "gnupg", "rich", "ssl", "email")
    program = "import sys, gpgmail.crypto.gpgme_engine; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert not set(ran.stdout.decode().split()) & set(slow)
