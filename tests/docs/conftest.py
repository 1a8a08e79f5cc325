"""The machine of the quickstart, on which the cookbook goes on."""

from __future__ import annotations

import pytest

from tests.docs.host import PASSWORD, new_host
from tests.support.documents import examples


@pytest.fixture(scope="session")
def host():
    """A machine that was set up as the quickstart says."""
    shown = examples("docs/quickstart-scripts.md")
    with new_host() as made:
        done = made.run(shown["keys"])
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        made.write("/etc/gpgmail/password", f"{PASSWORD}\n", 0o600)
        made.write("/etc/gpgmail/config.toml", shown["config"].code)
        made.ops.gpg("--import", str(made.path("/etc/gpgmail/alerts.asc")))
        yield made


@pytest.fixture(autouse=True)
def nothing_new(host):
    """What another test had sent is not this one's."""
    host.received()
