"""The options of sendmail, as a table: what each takes, what it does here, and why some do nothing.

They are read as getopt reads them: letters may stand together, a value joined or apart, and the
first word that is no option begins the recipients. What would let somebody who can add an argument
(a web form, badly written) write files, name another server or another configuration is refused:
account and configuration come from the environment alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpgmail.core.errors import GpgmailError

_MOMENTS = ("never", "success", "failure", "delay")


class Mode(Enum):
    """What is to be done."""

    SUBMIT = "submit"
    RUN_QUEUE = "run the queue"
    LIST_QUEUE = "list the queue"
    NEW_ALIASES = "make the alias database"
    HELP = "help"
    VERSION = "version"


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """What the arguments ask for."""

    mode: Mode = Mode.SUBMIT
    recipients: list[str] = field(default_factory=list)
    read_recipients: bool = False
    ends_at_dot: bool = True
    sender: str | None = None  # empty is the null sender
    full_name: str = ""
    resolve: bool = True
    notify: str = ""  # NOTIFY of RFC 3461
    returned: str = ""  # RET
    envelope_id: str = ""  # ENVID, before it is encoded
    only_queue: bool = False
    quiet: bool = False
    verbose: bool = False
    tag: str = ""
    dry_run: bool = False
    as_json: bool = False


class Takes(Enum):
    """Whether an option has a value, and where it may stand."""

    NOTHING = ""
    VALUE = "VALUE"
    JOINED = "[VALUE]"  # only behind the letter, and not always


class Option(NamedTuple):
    """One letter, or one of the long words."""

    takes: Takes
    act: Callable[[Request, str], None]
    doc: str


def parse(arguments: Sequence[str]) -> Request:
    """Return what *arguments* ask for.

    Raises:
        UsageError: If one is not known, lacks its value, or is refused.
    """
    request = Request()
    words = deque(arguments)
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.popleft()
        if word == "--":
            break
        if word in LONG:
            LONG[word].act(request, "")
            if request.mode in _ENDING:
                return request
            continue
        _letters(request, word, words)
    if request.as_json and not request.dry_run:
        raise _bad("--json", "shows what --dry-run finds", "give --dry-run too")
    request.recipients = list(words)
    return request


def _letters(request: Request, word: str, words: deque[str]) -> None:
    """Take the letters of one word, and the next word where the last of them wants a value."""
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        option = OPTIONS.get(letter)
        if option is None:
            raise _bad(word if word.startswith("--") else f"-{letter}", "there is no such option")
        if option.takes is not Takes.NOTHING:
            if not rest and option.takes is Takes.VALUE:
                if not words:
                    raise _bad(f"-{letter}", "needs a value")
                rest = words.popleft()
            option.act(request, rest)
            return
        option.act(request, "")


def usage() -> str:
    """Return the help text."""
    lines = ["Usage: gpgmail-sendmail [OPTIONS] [--] [RECIPIENT]...", "", "Options:"]
    for letter, option in OPTIONS.items():
        lines.append(f"  {f'-{letter} {option.takes.value}':12}{option.doc}")
    lines += [f"  {word:12}{option.doc}" for word, option in LONG.items()]
    lines += ["", "It reads a mail from standard input, protects it as the account says, and sends"]
    lines += ["it. GPGMAIL_ACCOUNT and GPGMAIL_CONFIG name account and configuration file."]
    return "\n".join(lines)


def _bad(option: str, detail: str, hint: str = "see gpgmail-sendmail --help") -> GpgmailError:
    return Situation.BAD_VALUE.error(detail, subject=option, hint=hint)


# ------------------------------------------------------------------------------------- what they do


def _sets(**values: object) -> Callable[[Request, str], None]:
    def act(request: Request, _: str) -> None:
        for name, value in values.items():
            setattr(request, name, value)

    return act


def _keeps(name: str) -> Callable[[Request, str], None]:
    return lambda request, value: setattr(request, name, value)


def _ignored(_: Request, value: str) -> None:
    """Take an option that means nothing here."""


def _refused(letter: str, detail: str, hint: str) -> Callable[[Request, str], None]:
    def act(_: Request, value: str) -> None:
        raise _bad(f"-{letter}{value}", detail, hint)

    return act


def _sender(request: Request, value: str) -> None:
    request.sender = "" if value.strip() == "<>" else value.strip()


def _mode(request: Request, value: str) -> None:
    if value in _MODES:
        request.mode = _MODES[value]
        return
    reason, hint = _NOT_MODES.get(value, ("there is no such mode", "see gpgmail-sendmail --help"))
    raise _bad(f"-b{value}", reason, hint)


def _setting(request: Request, value: str) -> None:
    """Take `-o`: the settings of one letter that sendmail has, of which a few mean something."""
    _SETTINGS.get(value, _ignored)(request, value)


def _errors(request: Request, value: str) -> None:
    _setting(request, f"e{value}")


def _queue(request: Request, value: str) -> None:
    if value not in {"", "f"}:
        hint = "run gpgmail-sendmail -q from cron or a systemd timer"
        raise _bad(f"-q{value}", "nothing runs in the background, and the queue runs as one", hint)
    request.mode = Mode.RUN_QUEUE


def _notify(request: Request, value: str) -> None:
    words = value.lower().split(",")
    if not set(words) <= set(_MOMENTS) or ("never" in words and len(words) > 1):
        raise _bad("-N", f"takes never, or some of {', '.join(_MOMENTS[1:])}, not {value!a}")
    request.notify = ",".join(words).upper()


def _returned(request: Request, value: str) -> None:
    if value.lower() not in {"hdrs", "full"}:
        raise _bad("-R", f"takes hdrs or full, not {value!a}")
    request.returned = value.upper()


def _body_type(_: Request, value: str) -> None:
    if value.upper() not in {"7BIT", "8BITMIME"}:
        raise _bad("-B", f"takes 7BIT or 8BITMIME, not {value!a}")


_ENDING = {Mode.HELP, Mode.VERSION}  # what stands behind them does not matter
_MODES = {"m": Mode.SUBMIT, "p": Mode.LIST_QUEUE, "i": Mode.NEW_ALIASES}
_NO_SERVER = "this is no mail server: it takes one mail from standard input"
_SMTP_HINT = "have the program speak SMTP to the server itself, or call this one for each mail"
_NOT_MODES: Mapping[str, tuple[str, str]] = {
    "s": (_NO_SERVER, _SMTP_HINT),
    "d": (_NO_SERVER, _SMTP_HINT),
    "D": (_NO_SERVER, _SMTP_HINT),
    "a": (_NO_SERVER, _SMTP_HINT),
    "l": (_NO_SERVER, _SMTP_HINT),
    "v": ("recipients are not verified by themselves", "see gpgmail keys why ADDRESS"),
    "t": ("there are no rewriting rules to test", "see gpgmail config show"),
    "h": ("there is no host status", "see gpgmail config check"),
    "H": ("there is no host status", "see gpgmail config check"),
}
_SETTINGS: Mapping[str, Callable[[Request, str], None]] = {
    "i": _sets(ends_at_dot=False),
    "eq": _sets(quiet=True),
    "em": _sets(quiet=False),
    "ep": _sets(quiet=False),
    "dq": _sets(only_queue=True),
    "dd": _sets(only_queue=True),
    "di": _sets(only_queue=False),
    "db": _sets(only_queue=False),
    "v": _sets(verbose=True),
}
_BY_ENVIRONMENT = "set GPGMAIL_CONFIG or GPGMAIL_ACCOUNT in the environment"

OPTIONS: Mapping[str, Option] = {
    "A": Option(Takes.VALUE, _ignored, "Ignored: there is one configuration."),
    "B": Option(Takes.VALUE, _body_type, "7BIT or 8BITMIME; what the mail is shows itself."),
    "C": Option(
        Takes.VALUE,
        _refused("C", "who adds an argument must not choose the configuration", _BY_ENVIRONMENT),
        "Refused: GPGMAIL_CONFIG names the configuration file.",
    ),
    "F": Option(Takes.VALUE, _keeps("full_name"), "Full name of a sender whom the mail lacks."),
    "G": Option(Takes.NOTHING, _ignored, "Ignored: no mail is relayed."),
    "I": Option(Takes.NOTHING, _sets(mode=Mode.NEW_ALIASES), "As -bi."),
    "L": Option(Takes.VALUE, _keeps("tag"), "Name in the system log."),
    "N": Option(Takes.VALUE, _notify, "When to be notified: never, or success,failure,delay."),
    "O": Option(Takes.VALUE, _ignored, "Ignored: settings of sendmail's configuration."),
    "R": Option(Takes.VALUE, _returned, "What a bounce returns: hdrs or full."),
    "U": Option(Takes.NOTHING, _ignored, "Ignored: every mail is a first submission."),
    "V": Option(Takes.VALUE, _keeps("envelope_id"), "Envelope id, which notifications repeat."),
    "X": Option(
        Takes.VALUE,
        _refused("X", "a log of the traffic is not written", "see the system log, or use -v"),
        "Refused: it would write where the caller says.",
    ),
    "b": Option(Takes.VALUE, _mode, "m sends, p lists the queue, i does nothing; no other."),
    "d": Option(Takes.JOINED, _ignored, "Ignored: debugging of sendmail."),
    "c": Option(Takes.NOTHING, _ignored, "Ignored."),
    "e": Option(Takes.VALUE, _errors, "As -oe."),
    "f": Option(Takes.VALUE, _sender, "Sender of the envelope; <> for none."),
    "h": Option(Takes.VALUE, _ignored, "Ignored: hops are not counted."),
    "i": Option(Takes.NOTHING, _sets(ends_at_dot=False), "A line with a dot alone ends nothing."),
    "m": Option(Takes.NOTHING, _ignored, "Ignored: a sender among the recipients gets it."),
    "n": Option(Takes.NOTHING, _sets(resolve=False), "Look no alias up."),
    "o": Option(Takes.VALUE, _setting, "i as -i, dq only queues, eq is silent; others ignored."),
    "p": Option(Takes.VALUE, _ignored, "Ignored: how the mail came."),
    "q": Option(Takes.JOINED, _queue, "Send what waits in the queue; with no time behind it."),
    "r": Option(Takes.VALUE, _sender, "As -f."),
    "s": Option(Takes.NOTHING, _ignored, "Ignored."),
    "t": Option(Takes.NOTHING, _sets(read_recipients=True), "Send to To, Cc and Bcc of the mail."),
    "v": Option(Takes.NOTHING, _sets(verbose=True), "Say what is done."),
    "x": Option(Takes.VALUE, _ignored, "Ignored."),
}
# Longer than a letter is what is no sendmail's.
LONG: Mapping[str, Option] = {
    "--dry-run": Option(
        Takes.NOTHING, _sets(dry_run=True), "Send nothing and write nothing; tell what would be."
    ),
    "--json": Option(Takes.NOTHING, _sets(as_json=True), "Tell it as JSON."),
    "--help": Option(Takes.NOTHING, _sets(mode=Mode.HELP), "Show this."),
    "--version": Option(Takes.NOTHING, _sets(mode=Mode.VERSION), "Show the version."),
}
