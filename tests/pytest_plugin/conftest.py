"""The sample project's tests are run by a pytest of their own, in a process of their own."""

from __future__ import annotations

collect_ignore = ["sample"]
