"""A mail to queue, and what a directory holds."""

from __future__ import annotations

import hashlib

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.run import Run
from gpgmail.spool import store
from gpgmail.spool.queuefile import Queued, parse

SENDER = "sender@example.org"
ALICE = Recipient("alice@example.org", "Alice, of A", RecipientType.TO, "NOTIFY=SUCCESS,DELAY")
BOB = Recipient("bob@example.org", "Bøb", RecipientType.CC)
CAROL = Recipient("carol@example.org", "", RecipientType.BCC, "NOTIFY=NEVER")
CONTENT = b"Subject: x\r\n\r\nThe words.\r\n.dot\r\n\r\nend 0 0 unsent\r\n"


def mail(content=CONTENT, *, sender=SENDER, recipients=(ALICE, BOB, CAROL), **values):
    """A mail that waits; *content* is bytes or a list of them."""
    pieces = [content] if isinstance(content, bytes) else content
    return Queued(
        envelope=Envelope(sender, tuple(recipients)), content=lambda: iter(pieces), **values
    )


def queued(directory, *args, **values):
    """The file of such a mail in *directory*."""
    return store.add(directory, mail(*args, **values), Run())


def parsed(data, name="a.queued"):
    """The mail in the bytes of a queue file."""
    return parse(lambda start, size: data[start : start + size], len(data), name)


def loads(text):
    """The mail in the text of a queue file, written as its maker says."""
    return parsed(text.encode("utf-8", "surrogateescape"))


def content_of(one):
    return b"".join(one.content())


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def endings(directory):
    """The extensions of all files, sorted."""
    return sorted(path.suffix for path in directory.iterdir())


def resealed(data, old, new):
    """The bytes of a queue file with something in them replaced, and the sum made right again."""
    before = data[:-100]
    changed = before.replace(old, new, 1)
    assert changed != before
    end = data[-100:].replace(
        hashlib.sha256(before).hexdigest().encode(), hashlib.sha256(changed).hexdigest().encode()
    )
    return changed + end
