"""What cron does with a job: Debian's, by the words of its program and of its mails."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.commands import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# How it calls sendmail, with whom the mail is for behind it; its program holds these very words.
CALL = ("-FCronDaemon", "-i", "-B8BITMIME", "-oem")
_MAIL = """\
From: root (Cron Daemon)
To: {to}
Subject: Cron <root@box> {command}
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
X-Cron-Env: <LOGNAME=root>

{output}"""
_SETTING = re.compile(r"(\w+)\s*=\s*(.*)")
_SCHEDULE = 5  # words before the user, in a file of /etc/cron.d


@dataclass(frozen=True, slots=True)
class Job:
    """A line of a crontab, and the settings above it."""

    command: str
    settings: Mapping[str, str]

    def run(self, environment: Mapping[str, str]) -> str:
        """Run the command as cron would; return what it printed."""
        done = subprocess.run(
            ["/bin/sh", "-c", self.command],
            env={**environment, **self.settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout


def jobs(crontab: str) -> Iterator[Job]:
    """Give the jobs of a file of /etc/cron.d."""
    settings: dict[str, str] = {}
    for line in crontab.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        setting = _SETTING.fullmatch(line)
        if setting:
            settings[setting[1]] = setting[2]
        else:
            yield Job(line.split(None, _SCHEDULE + 1)[-1], dict(settings))


def mail(output: str, *, to: str = "root", command: str = "backup") -> bytes:
    """Return the mail with what a job printed."""
    return _MAIL.format(to=to, command=command, output=output).encode()


def hand_over(
    sendmail: Path, output: str, to: str, command: str, environment: Mapping[str, str]
) -> Outcome:
    """Mail what a job printed."""
    done = subprocess.run(
        [sendmail, *CALL, to],
        input=mail(output, to=to, command=command),
        env=dict(environment),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode())
