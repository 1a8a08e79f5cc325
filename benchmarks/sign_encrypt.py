"""One 1 kB message signed and encrypted: both engines beside bare gpg, pygpgme and python-gnupg.

    TMPDIR=/dev/shm python benchmarks/sign_encrypt.py [rounds]

All contenders use one home, key and agent, an ed25519 key without passphrase, and take turns within
a round, so that a busy machine is busy for all of them. What is printed are medians and ratios to
bare gpg, the process alone with the least options that do the job. `all flags` has the options of
our runner, to tell what Python costs from what they save. `pygpgme` has its context and its keys
kept; `--always-trust` is all that it can be told.
"""

from __future__ import annotations

import io
import logging
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.run import Run
from gpgmail.crypto.engine import ChosenKey, Job
from gpgmail.crypto.engines import ENGINES, engine
from gpgmail.gpg.home import Home
from gpgmail.gpg.operation import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gpgmail.crypto.engine import Engine

DATA = b"0123456789abcde\n" * 64
ROUNDS = 200
WARM_UP = 5
FINGERPRINT_FIELD = 9


def main() -> None:
    """Make a home, let the contenders take turns, print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    home = Path(tempfile.mkdtemp(prefix="gb-"))
    engines = [engine(name) for name in ENGINES]
    try:
        _report(_times(_contenders(engines, home, *_keys(home)), rounds))
    finally:
        for one in engines:
            one.close()
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)


def _keys(home: Path) -> tuple[str, str]:
    """Make a key and return the fingerprints of its signing and encryption part."""
    quiet = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--with-colons"]
    alone = ["--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run(
        [*quiet, *alone, "--quick-generate-key", "Bench <bench@example.org>", "ed25519", "sign"],
        check=True,
        capture_output=True,
    )
    primary, *_ = _fingerprints([*quiet, "--list-keys"])
    subprocess.run(
        [*quiet, *alone, "--quick-add-key", primary, "cv25519", "encr"],
        check=True,
        capture_output=True,
    )
    primary, subkey = _fingerprints([*quiet, "--list-keys"])
    return primary, subkey


def _fingerprints(command: list[str]) -> list[str]:
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = (line.split(":") for line in listed.splitlines())
    return [row[FINGERPRINT_FIELD] for row in rows if row[0] == "fpr"]


def _contenders(
    engines: Iterable[Engine], home: Path, signer: str, recipient: str
) -> dict[str, Callable[[], object]]:
    keys = ["-u", f"{signer}!", "-r", f"{recipient}!", "--armor", "--sign", "--encrypt"]
    bare = ["gpg", "--homedir", str(home), "--batch", "--trust-model", "always"]
    flags = [*ALWAYS, "--no-auto-check-trustdb"]
    job = Job(
        home=Home(directory=home),
        signers=(ChosenKey(signer, signer),),
        recipients=(ChosenKey(signer, recipient),),
    )
    return {
        "bare gpg": lambda: _bare([*bare, *keys]),
        "bare gpg, all flags": lambda: _bare([*bare, *flags, *keys]),
        **{f"{one.name} engine": partial(_ours, one, job) for one in engines},
        **_pygpgme(home, signer),
        **_python_gnupg(home, signer),
    }


def _bare(command: list[str]) -> bytes:
    return subprocess.run(command, input=DATA, capture_output=True, check=True).stdout


def _ours(one: Engine, job: Job) -> None:
    one.encrypt(job, (DATA,), bytes, Run())


def _pygpgme(home: Path, signer: str) -> dict[str, Callable[[], object]]:
    import gpgme

    context = gpgme.Context()
    context.set_engine_info(gpgme.Protocol(gpgme.PROTOCOL_OpenPGP), None, str(home))
    context.armor = True
    key = context.get_key(signer)
    context.signers = [key]
    trusted = gpgme.EncryptFlags(gpgme.ENCRYPT_ALWAYS_TRUST)
    return {"pygpgme": lambda: context.encrypt_sign([key], trusted, io.BytesIO(DATA), io.BytesIO())}


def _python_gnupg(home: Path, signer: str) -> dict[str, Callable[[], object]]:
    try:
        import gnupg
    except ImportError:
        return {}
    logging.getLogger("gnupg").setLevel(logging.ERROR)
    gpg = gnupg.GPG(gnupghome=str(home))

    def encrypt() -> None:
        result = gpg.encrypt(DATA, [signer], sign=signer, always_trust=True)
        if not result.ok:
            raise RuntimeError(result.status)

    return {"python-gnupg": encrypt}


def _times(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(WARM_UP + rounds):
        for name, call in contenders.items():
            started = time.perf_counter()
            call()
            if number >= WARM_UP:
                times[name].append(time.perf_counter() - started)
    return times


def _report(times: dict[str, list[float]]) -> None:
    """Print medians; the ratio is the median of the ratios within a round.

    Behind it stand the best times, which say more where others use the machine too.
    """
    base = next(iter(times.values()))
    print(f"{'1 kB, signed and encrypted':<28}{'ms':>8}{'ratio':>8}{'best':>8}{'ratio':>8}")
    for name, own in times.items():
        ratio = statistics.median(one / reference for one, reference in zip(own, base, strict=True))
        best = f"{min(own) * 1000:>8.2f}{min(own) / min(base):>8.2f}"
        print(f"{name:<28}{statistics.median(own) * 1000:>8.2f}{ratio:>8.2f}{best}")


if __name__ == "__main__":
    main()
