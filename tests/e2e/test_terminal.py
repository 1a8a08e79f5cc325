"""A person at a terminal: gpg-agent's own pinentry asks there, and what he types decides."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.crypto.helpers import ALICE, ALWAYS, Gpg
from tests.protect.helpers import encrypted, leaf, mail
from tests.servers.unpacked import ServerUnavailableError, program, skip_or_fail
from tests.support.commands import PROGRAM, environment
from tests.support.engines import EACH
from tests.support.keyrings import fixture_key, keyring_copy

LOCKED = fixture_key("protected", "locked")
SECONDS = 20


@pytest.fixture
def home():
    with keyring_copy("protected") as path:
        yield path


class Person:
    """The command line on a terminal of its own, as a person has it after logging in."""

    def __init__(self, home, *arguments, **changes):
        self.seen = b""
        arguments = [*arguments, "--keyring", str(home)]
        changes = {"GPG_TTY": None, "DISPLAY": None, "TERM": "xterm", **changes}
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.execve(PROGRAM[0], [*PROGRAM, *arguments], environment(**changes))  # noqa: S606 - the child is the program

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.terminal)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def until(self, words):
        """Read what the terminal shows until it shows *words*."""
        end = time.monotonic() + SECONDS
        while words not in self.seen:
            assert time.monotonic() < end, self.seen
            if not self._read():
                break
        assert words in self.seen
        self.seen = b""

    def _read(self):
        if not select.select([self.terminal], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self.terminal, 4096)
        except OSError:  # nobody has the other side any more
            return False
        self.seen += data
        return bool(data)

    def types(self, text):
        os.write(self.terminal, text)

    def leaves(self):
        """Wait for the end; return the exit code and what was shown."""
        end = time.monotonic() + SECONDS
        while self._read() and time.monotonic() < end:
            pass
        pid, status = os.waitpid(self.pid, 0)
        assert pid == self.pid
        self.pid = 0
        return os.waitstatus_to_exitcode(status), self.seen.decode()


def signing(home, port):
    """A person who sends a signed mail."""
    to = ("--from", LOCKED.address, "--to", LOCKED.address)
    server = ("--server", f"smtp://127.0.0.1:{port}")
    return Person(home, "send", *server, "--text", "x", "--sign", *to)


def use(home, pinentry):
    (home / "gpg-agent.conf").write_text(f"pinentry-program {pinentry}\n")


@pytest.fixture(params=["curses", pytest.param("tty", marks=pytest.mark.servers)])
def kind(request, home):
    """The name of the pinentry that the home's agent uses."""
    try:
        path = Path(f"/usr/bin/pinentry-{request.param}")
        if request.param == "tty" or not path.exists():
            path = program(f"usr/bin/pinentry-{request.param}")
    except ServerUnavailableError as absent:
        skip_or_fail(absent)
    use(home, path)
    return request.param


def test_a_person_is_asked_at_his_terminal_and_types(home, server, kind):
    with signing(home, server.port) as person:
        person.until(b"Passphrase:")
        person.types(LOCKED.passphrase.encode() + b"\r")
        code, shown = person.leaves()
    assert (code, LOCKED.passphrase in shown) == (0, False)
    (connection,) = server.settled()
    assert b"multipart/signed" in connection.contents[0]


# Keys, and the exit code: the button for it, or Ctrl-C, which is ours to hear.
GIVING_UP = {"curses": (b"\t\t\r", 77), "tty": (b"\x03", 75)}


def test_who_gives_up_sends_nothing(home, server, kind):
    keys, code = GIVING_UP[kind]
    with signing(home, server.port) as person:
        before = termios.tcgetattr(person.terminal)
        person.until(b"Passphrase:")
        person.types(keys)
        began = time.monotonic()
        left, shown = person.leaves()  # as soon as nobody has the terminal any more
        assert time.monotonic() - began < SECONDS / 2
        assert termios.tcgetattr(person.terminal) == before
    assert left == code, shown
    assert server.settled() == []


SCRIPT = """\
#!{python}
import os, sys
print("OK at your service", flush=True)
told = open({log!r}, "a")
for line in sys.stdin:
    told.write(line), told.flush()
    word = line.split()[0].upper()
    if word == "GETPIN":
        answers = open({answers!r}).read().splitlines()
        open({answers!r}, "w").write("\\n".join(answers[1:]))
        if not answers:
            print("ERR 83886179 Operation cancelled <Pinentry>", flush=True)
            continue
        print("D " + answers[0], flush=True)
    print("OK", flush=True)
    if word == "BYE":
        break
"""


class Pinentry:
    """A pinentry of the test: gives answers one after the other, and keeps what it was told."""

    def __init__(self, directory, *answers):
        self.program, self.log = directory / "pinentry", directory / "told"
        self.answers = directory / "answers"
        self.answers.write_text("\n".join(answers))
        self.log.touch()
        text = SCRIPT.format(python=sys.executable, log=str(self.log), answers=str(self.answers))
        self.program.write_text(text)
        self.program.chmod(0o755)

    @property
    def told(self):
        return self.log.read_text()


@pytest.mark.parametrize("answers", [[LOCKED.passphrase], ["wrong", LOCKED.passphrase]])
def test_the_agent_asks_again_by_itself(home, server, tmp_path, answers):
    pinentry = Pinentry(tmp_path, *answers)
    use(home, pinentry.program)
    with signing(home, server.port) as person:
        assert person.leaves() == (0, person.seen.decode())
        name = re.search(r"ttyname=(\S+)", pinentry.told)[1]
        assert name == os.ttyname(person.terminal) or name.startswith("/dev/pts/")
    assert pinentry.told.count("GETPIN") == len(answers)
    assert LOCKED.address in pinentry.told
    assert len(server.settled()) == 1


def test_three_wrong_ones_are_the_end(home, server, tmp_path):
    pinentry = Pinentry(tmp_path, *["wrong"] * 4)
    use(home, pinentry.program)
    with signing(home, server.port) as person:
        code, shown = person.leaves()
    assert code == 77
    assert LOCKED.address in shown
    assert server.settled() == []


def test_a_program_in_the_background_does_not_ask_at_the_terminal(home, server, tmp_path):
    """A job of a shell that somebody works in: a prompt would take his keys."""
    pinentry = Pinentry(tmp_path, LOCKED.passphrase)
    use(home, pinentry.program)
    code = "import os, sys; os.setpgid(0, 0); os.execv(sys.argv[1], sys.argv[1:])"
    ours, theirs = pty.openpty()
    arguments = ["send", "--server", f"smtp://127.0.0.1:{server.port}", "--text", "x", "--sign"]
    arguments += ["--from", LOCKED.address, "--to", LOCKED.address, "--keyring", str(home)]
    done = subprocess.run(
        [sys.executable, "-c", code, *PROGRAM, *arguments],
        env=environment(GPG_TTY=None, DISPLAY=None),
        stdin=theirs,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 77
    assert b"nobody can be asked" in done.stderr
    assert pinentry.told == ""


@pytest.fixture(params=["a passphrase", "a passphrase or a key of others"])
def symmetric(request, tmp_path):
    """A mail that opens with the words "pass wörd"."""
    words = ["--pinentry-mode", "loopback", "--passphrase", "pass wörd", "--s2k-count", "65536"]
    with keyring_copy("modern") as path:
        gpg = Gpg(path)
        if request.param != "a passphrase":
            words += [*ALWAYS, "-r", ALICE.exact, "--encrypt"]
        armor = gpg(*words, "--symmetric", "--armor", stdin=leaf(b"The words.\r\n"))
        made = mail(encrypted(gpg, b"", message=armor))
    path = tmp_path / "mail.eml"
    path.write_bytes(made)
    return path


# What is typed, how often he is asked, and the exit code.
TYPED = {
    "right": (["pass wörd"], 1, 0),
    "wrong once": (["wrong", "pass wörd"], 2, 0),
    "wrong twice": (["wrong", "wrong", "pass wörd"], 3, 0),
    "wrong": (["wrong"] * 4, 3, 77),
    "wrong, then given up": (["wrong"], 2, 77),
    "given up": ([], 1, 77),
}


@pytest.mark.parametrize("engine", EACH)
@pytest.mark.parametrize("name", TYPED)
def test_for_the_passphrase_of_a_mail_too(home, symmetric, tmp_path, engine, name):
    answers, times, code = TYPED[name]
    pinentry = Pinentry(tmp_path, *answers)
    use(home, pinentry.program)
    with Person(home, "read", str(symmetric), "--engine", engine) as person:
        left, shown = person.leaves()
    assert left == code, shown
    assert ("The words." in shown) == (code == 0)
    assert pinentry.told.count("GETPIN") == times
