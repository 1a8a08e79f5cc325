"""What gpg 2.4 does for ever: its agent asks for a card, it says that it ignores that, and again.

So it goes where a passphrase is given, which could be the card's PIN, and the card is absent. Both
ways of starting gpg look out for it, and make of it what gpg would say if it came to an end.
"""

from __future__ import annotations

FAILED = 2  # gpg's own exit code
NOBODY_TO_ASK = b"[GNUPG:] FAILURE card 85\n"
_IGNORED = b"ignoring gpg-agent inquiry 'CONFIRM"
_OFTEN = 20  # a key that wants each use to be confirmed has gpg say it once


class AskedForeverError(Exception):
    """gpg is asked the same again without end."""


def asked_forever(words: bytes | bytearray) -> bool:
    """Whether what gpg wrote for people shows that it will not end."""
    return words.count(_IGNORED) >= _OFTEN
