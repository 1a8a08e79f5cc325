"""Keeps what each task came to, as data: `ansible-playbook` itself prints it for people."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorded
type: aggregate
short_description: keeps the results of tasks for tests
description: Writes a line of JSON for each task into the file that E(RECORDED) names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorded"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        self._keep(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):  # noqa: ARG002 - Ansible's
        self._keep(result)

    def _keep(self, result):
        line = json.dumps(result._result, default=str)
        with Path(os.environ["RECORDED"]).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
