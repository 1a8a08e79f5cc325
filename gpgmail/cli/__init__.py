"""The command line: a verb a file, each loaded only when it is asked for.

Nothing is loaded here but the table of verbs: `gpgmail-sendmail` is a command of its own, which is
started for every mail and loads neither click nor any other verb.
"""

from __future__ import annotations

VERBS = {
    "send": ("gpgmail.cli.send", "Sign, encrypt and send one mail, or write it to a file."),
    "read": ("gpgmail.cli.read", "Decrypt and verify a mail, and show what holds for it."),
    "verify": ("gpgmail.cli.verify", "Check strictly whether a mail is as RFC 3156 wants it."),
    "sendmail": ("gpgmail.cli.sendmail_verb", "Take a mail as sendmail does, for programs."),
    "keys": ("gpgmail.cli.keys", "Show keys, why one is taken, and which end soon."),
    "doctor": ("gpgmail.cli.doctor", "Say what is in the way here, and what mends it."),
    "config": ("gpgmail.cli.config", "Show and check the accounts of the configuration files."),
    "demo": ("gpgmail.cli.demo", "Send a protected mail to a server of its own, and read it."),
}


def main() -> None:
    """Run the command line of this process and exit."""
    from gpgmail.cli.program import main as go

    go()


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code, one of sysexits.h."""
    from gpgmail.cli.program import run as go

    return go(arguments)
