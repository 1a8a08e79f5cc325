"""Aliases as aliases(5) has them; nothing goes to a command or a file, nothing goes round."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import UsageError
from gpgmail.delivery.aliases import Aliases

FILE = r"""# the usual ones
postmaster: root
Root: alice, "Bob B"@example.org,
    \carol , Dave <dave@example.org>

  # a comment, indented
"a name": a@example.org
self: self, self@example.net
nobody: /dev/null
some: nobody, root
round: about
about: round
mine: round.mine, mine
piped: "|/usr/bin/vacation, really"
filed: /var/mail/filed
list: :include:{list}
deep: :include:{deep}
alice: alice@example.com
alice: alice@example.net
"""


@pytest.fixture
def aliases(tmp_path):
    (tmp_path / "list").write_text("# members\nerin@example.org, root\n\nself\n")
    (tmp_path / "deep").write_text(f":include:{tmp_path}/deep\n")
    path = tmp_path / "aliases"
    path.write_text(FILE.format(list=tmp_path / "list", deep=tmp_path / "deep"))
    for one in tmp_path.iterdir():
        one.chmod(0o644)
    return Aliases(path)


ROOT = (
    "alice@example.com",
    "alice@example.net",
    '"Bob B"@example.org',
    "carol",
    "Dave <dave@example.org>",
)


@pytest.mark.parametrize(
    ("name", "whom"),
    [
        ("root", ROOT),
        ("ROOT", ROOT),
        ("postmaster", ROOT),
        ("a name", ("a@example.org",)),
        ("self", ("self", "self@example.net")),
        ("nobody", ()),
        ("some", ROOT),
        ("mine", ("round.mine", "mine")),
        ("list", ("erin@example.org", *ROOT, "self", "self@example.net")),
        ("stranger", ("stranger",)),
    ],
)
def test_whom_a_name_means(aliases, name, whom):
    assert aliases.resolve(name) == whom


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("round", "goes round: round to about to round"),
        ("deep", "goes round by way of"),
        ("piped", "goes to a command"),
        ("filed", "goes to a file"),
    ],
)
def test_what_gets_no_mail(aliases, name, words):
    with pytest.raises(UsageError, match=words):
        aliases.resolve(name)


def test_an_include_that_others_may_write_gets_no_mail(aliases, tmp_path):
    (tmp_path / "list").chmod(0o666)
    with pytest.raises(UsageError, match="can be written by others"):
        aliases.resolve("list")


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("root: a@b\n", 0o664, "can be written by others"),
        ("root a@b\n", 0o644, "line 1 is no alias"),
        ("  root: a@b\nodd\n", 0o644, "line 2 is no alias"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, mode, words):
    path = tmp_path / "aliases"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(UsageError, match=words) as caught:
        Aliases(path)
    assert caught.value.code.number == 24


def test_a_directory_or_a_pipe_is_no_file(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match=r"is no file|directory"):
            Aliases(path)
