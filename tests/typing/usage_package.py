"""The package itself: what a type checker knows after `import gpgmail`.

Rules of this directory: the files are read by mypy and pyright and never run. A line that is right
must pass both. A line that is wrong carries one ignore for each, with the rule's name, and either
checker fails when it would have accepted that line.
"""

from __future__ import annotations

from typing import assert_type

import gpgmail

assert_type(gpgmail.__version__, str)

number: int = gpgmail.__version__  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
