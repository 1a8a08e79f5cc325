"""Units of systemd: what one says, and its process run in what systemd would give it.

That is no systemd: sandboxing and the dynamic user are left out, for these need its rights. The
environment, the credentials and the directories are those of systemd.exec(5).
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(\w+)=(.*)")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its name, `x.service` or `x@y.service`, and its settings as they stand."""

    name: str
    text: str

    def all(self, setting: str) -> list[str]:
        """Return every value of a setting."""
        found = (_LINE.fullmatch(line) for line in self.text.splitlines())
        return [one[2] for one in found if one and one[1] == setting]

    def run(self, directory: Path, path: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run ExecStart; credentials and state lie below *directory*, *path* begins PATH."""
        credentials, states = directory / "credentials", directory / "lib"
        credentials.mkdir(exist_ok=True)
        found = {"PATH": f"{path}:{_PATH}", "LANG": "C.UTF-8", "INVOCATION_ID": "0" * 32, **more}
        for one in self.all("LoadCredential"):
            name, _, source = one.partition(":")
            self._load(credentials / name, source)
            found["CREDENTIALS_DIRECTORY"] = str(credentials)
        for one in self.all("StateDirectory"):
            (states / one).mkdir(parents=True, exist_ok=True)
            found["STATE_DIRECTORY"] = str(states / one)
        specifiers = {
            "%d": str(credentials),
            "%S": str(states),
            "%n": self.name,
            "%i": self.name.partition("@")[2].removesuffix(".service"),
        }
        if "yes" in self.all("DynamicUser"):
            found |= dict.fromkeys(("USER", "LOGNAME"), self.name.removesuffix(".service"))
        for line in self.all("Environment"):
            for word in shlex.split(_specified(line, specifiers)):
                variable, _, value = word.partition("=")
                found[variable] = value
        (command,) = self.all("ExecStart")
        return subprocess.run(
            shlex.split(_specified(command, specifiers)),
            env=found,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @staticmethod
    def _load(path: Path, source: str) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(Path(source).read_bytes())
        path.chmod(0o400)


def _specified(text: str, specifiers: dict[str, str]) -> str:
    return re.sub(r"%[a-zA-Z]", lambda found: specifiers[found[0]], text)
