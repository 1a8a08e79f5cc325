"""Running real playbooks with the ansible-core of this environment, on this machine.

What a task came to is kept by a callback plugin; what a person sees is the output, at -vvv where
secrets are looked for. Nothing of the machine's Ansible configuration counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.documents import examples

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.executable).parent
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Played:
    """Exit code, the output with errors, and the result of each task."""

    code: int
    output: str
    results: tuple[dict[str, Any], ...]

    @property
    def last(self) -> dict[str, Any]:
        """What the last task came to."""
        return self.results[-1]


class Ansible:
    """Runs programs of Ansible; *place* is a directory of their own."""

    def __init__(self, place: Path, home: Path) -> None:
        self._place = place
        self._home = home
        (place / "ansible.cfg").touch()  # instead of the one that this machine may have

    def environment(self, **changes: str) -> dict[str, str]:
        """Return an environment that is the test's own."""
        kept = {name: value for name, value in os.environ.items() if "ANSIBLE" not in name}
        return {
            **kept,
            "ANSIBLE_HOME": str(self._place / "ansible"),
            "ANSIBLE_REMOTE_TEMP": str(self._place / "remote"),
            "ANSIBLE_CONFIG": str(self._place / "ansible.cfg"),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "recorded",
            "RECORDED": str(self._place / "recorded"),
            "GNUPGHOME": str(self._home),
            "XDG_STATE_HOME": str(self._place / "state"),
            "XDG_CONFIG_HOME": str(self._place / "config"),
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            **changes,
        }

    def run(
        self, program: str, *words: str, env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            [PROGRAMS / program, *words],
            env=self.environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_SECONDS,
            **more,
        )

    def playbook(
        self, path: Path, *words: str, env: Mapping[str, str] | None = None, **values: Any
    ) -> Played:
        """Run a playbook against this machine, with *values* as its variables."""
        record = self._place / "recorded"
        record.unlink(missing_ok=True)
        stated = {"ansible_python_interpreter": sys.executable, **values}
        inventory = ("--inventory", "localhost,", "--connection", "local")
        variables = ("--extra-vars", json.dumps(stated))
        done = self.run("ansible-playbook", *inventory, *variables, *words, path, env=env)
        lines = record.read_text("utf-8").splitlines() if record.exists() else []
        return Played(done.returncode, done.stdout, tuple(map(json.loads, lines)))

    def shown(
        self, document: str, name: str, *words: str, places: Mapping[str, str] | None = None, **more
    ) -> Played:
        """Run a playbook that a document shows; *places* as for `Block.with_`."""
        path = self._place / "shown.yml"
        path.write_text(examples(document)[name].with_(places or {}).code)
        return self.playbook(path, *words, **more)

    def send(self, *words: str, env: Mapping[str, str] | None = None, **options: Any) -> Played:
        """Run a play with one task, gpgmail.mail.send with these options."""
        return self.task("gpgmail.mail.send", options, *words, env=env)

    def task(
        self,
        module: str,
        options: Mapping[str, Any],
        *words: str,
        env: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Played:
        """Run a play with one task."""
        path = self._place / "play.yml"
        task = {"name": "the task", module: dict(options)}
        path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
        return self.playbook(path, *words, env=env, **values)
