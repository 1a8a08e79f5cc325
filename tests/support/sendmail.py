"""`gpgmail-sendmail` as programs call it: within this process, or as a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from gpgmail.cli import sendmail
from tests.support.commands import Outcome, environment
from tests.support.installed import outside

SCRIPT = "import sys; from gpgmail.cli.sendmail import main; main()"


@dataclass
class Sendmail:
    """The command with one account, whose rows are given as in a configuration file."""

    directory: Path
    rows: dict[str, object] = field(default_factory=dict)
    policy: dict[str, dict[str, object]] = field(default_factory=dict)
    installed: Path | None = None  # the program of an environment that has the wheel

    def configured(self, **rows) -> Path:
        """Write the configuration file of the account with these rows besides."""
        path = self.directory / "config.toml"
        found = {name.rstrip("_"): value for name, value in {**self.rows, **rows}.items()}
        lines = ["[account.it]", *(f"{key} = {_toml(value)}" for key, value in found.items())]
        for who, said in self.policy.items():
            lines += [f'[policy."{who}"]', *(f"{key} = {_toml(one)}" for key, one in said.items())]
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        return path

    def __call__(self, mail: bytes, *arguments: str, called="gpgmail-sendmail", **rows) -> Outcome:
        """Run it within this process."""
        path = self.configured(**rows)
        streams = {name: io.BytesIO() for name in ("stdout", "stderr")}
        wrapped = {name: io.TextIOWrapper(raw, "utf-8") for name, raw in streams.items()}
        wrapped["stdin"] = io.TextIOWrapper(io.BytesIO(mail), "utf-8")
        with (
            patch.multiple(sys, **wrapped),
            patch.dict(os.environ, {"GPGMAIL_CONFIG": str(path)}),
        ):
            code = sendmail.run(arguments, called)
        for stream in wrapped.values():
            stream.flush()
        output, errors = (raw.getvalue() for raw in streams.values())
        return Outcome(code, output, errors.decode())

    def environment(self, **rows) -> dict[str, str]:
        """The environment of a program that calls it."""
        config = str(self.configured(**rows))
        if self.installed:
            return outside() | {"GPGMAIL_CONFIG": config}
        return environment(GPGMAIL_CONFIG=config)

    def program(self) -> Path:
        """An executable file that is the command, for programs that take a path."""
        if self.installed:
            return self.installed
        path = self.directory / "sendmail"
        path.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{SCRIPT}' \"$@\"\n")
        path.chmod(0o755)
        return path

    def process(self, mail: bytes, *arguments: str, **rows) -> Outcome:
        """Run it as a process of its own."""
        done = subprocess.run(
            [self.program(), *arguments],
            input=mail,
            env=self.environment(**rows),
            capture_output=True,
            check=False,
            timeout=60,
        )
        return Outcome(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """A directory for the mails that wait; `queue = "queue"` names it."""
    path = tmp_path / "queue"
    path.mkdir(mode=0o700)
    return path


def _toml(value: object) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value)
