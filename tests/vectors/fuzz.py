"""Read damaged mails for a while: `python -m tests.vectors.fuzz SECONDS [SEED]`.

What raises anything but an error of ours, or takes long, is written to `found/`, which
`tests/protect/test_read_fuzz.py` reads from then on.
"""

from __future__ import annotations

import hashlib
import random
import signal
import sys
import time
import traceback
from pathlib import Path

from gpgmail.core.errors import GpgmailError
from gpgmail.protect.read import read
from tests.support.keyrings import keyring_copy
from tests.vectors.mutating import KINDS, Change

HERE = Path(__file__).parent
FOUND = HERE / "found"
SLOW = 20.0  # seconds; a mail with many signatures takes some


class Slow(BaseException):
    """What takes too long is left; no handler of errors on its way takes it for one."""


def _ring(*_: object) -> None:
    raise Slow


def main(seconds: float, seed: int) -> int:
    """Return how many were found."""
    signal.signal(signal.SIGALRM, _ring)
    chance = random.Random(seed)  # noqa: S311 - to be drawn again, not to be secret
    mails = [path.read_bytes() for path in sorted((HERE / "mails").glob("*.eml"))]
    end, count, found, opened = time.monotonic() + seconds, 0, 0, 0
    with keyring_copy("recipients-home") as home:
        while time.monotonic() < end:
            data = chance.choice(mails)
            for _ in range(chance.choice((1, 1, 2, 3, 5))):
                data = _change(chance)(data)
            count += 1
            wrong = ""
            signal.setitimer(signal.ITIMER_REAL, SLOW)
            try:
                got = read(data, keyring=home, passphrase=lambda _: None)
                opened += any(part.signed or part.encrypted for part in got.parts)
                got.message.as_bytes()
            except GpgmailError:
                pass
            except Exception:  # noqa: BLE001 - it is what is looked for
                wrong = traceback.format_exc()
            except Slow:
                wrong = f"took more than {SLOW} s, here:\n{traceback.format_exc()}"
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if wrong:
                found += 1
                name = hashlib.sha256(data).hexdigest()[:12]
                FOUND.mkdir(exist_ok=True)
                (FOUND / f"{name}.eml").write_bytes(data)
                sys.stdout.write(f"{name}: {wrong}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{count} mails, {opened} with something opened, {found} found\n")
    return found


def _change(chance: random.Random) -> Change:
    return Change(
        chance.choice(list(KINDS)),
        chance.randrange(1_000_000),
        chance.randbytes(chance.randint(1, 6)),
        chance.randint(1, 60),
    )


if __name__ == "__main__":
    sys.exit(bool(main(float(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0)))
