"""Running `gpgmail doctor` in tests: one check at a time, and the fixes that it names."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

from tests.support.commands import PROGRAM, call, environment, run


def findings(*arguments, env=None):
    """What the doctor says, in this process or in one with an environment of its own."""
    words = ("doctor", "--json", *arguments)
    outcome = call(*words) if env is None else run(*words, env=env)
    told = json.loads(outcome.text)
    assert told["exit_code"] == outcome.code
    return told["findings"]


def levels(*arguments, env=None):
    """The level of each finding."""
    return [one["level"] for one in findings(*arguments, env=env)]


def only(check, *arguments, env=None):
    """The findings of one check that are not fine."""
    found = findings("--only", check, *arguments, env=env)
    assert {one["check"] for one in found} <= {check}
    return [one for one in found if one["level"] != "ok"]


def mend(fix, env=None):
    """Run what people are told to run; the keys of tests have no passphrase to be asked for."""
    quiet = fix.replace("gpg --homedir", "gpg --batch --passphrase '' --homedir")
    done = subprocess.run(
        ["sh", "-c", quiet], env=env or environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, (quiet, done.stderr)


def mended(check, fix, *arguments, env):
    """The findings after a fix that is of the shell itself, such as an exported variable."""
    words = [*PROGRAM, "doctor", "--json", "--only", check, *map(os.fspath, arguments)]
    done = subprocess.run(
        ["sh", "-c", f"{fix} && {shlex.join(words)}"], env=env, capture_output=True, check=False
    )
    assert done.stdout, done.stderr
    return [one for one in json.loads(done.stdout)["findings"] if one["level"] != "ok"]


def pretend(directory, name, words):
    """Make a program that says which version it is."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!{sys.executable}\nprint({words!r})\n")
    path.chmod(0o755)
    return path
