"""What only the gnupg engine can be held to: gpg.conf, the number of processes, memory."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError, UnsupportedError, UsageError
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.crypto.engine import Algorithms, SignatureMode, SignatureStatus
from gpgmail.crypto.engines import ENGINES, engine
from gpgmail.gpg import process
from tests.crypto.helpers import ALICE, BOB, SENDER, TEXT, Gpg, job
from tests.support.keyrings import keyring_copy

DETACHED = SignatureMode.DETACHED


@pytest.fixture
def configured(request):
    """The sender's home with a gpg.conf."""
    with keyring_copy("modern") as path:
        (path / "gpg.conf").write_text(request.param)
        yield Gpg(path)


def encrypt(engine, work, data=TEXT):
    pieces = []
    made = engine.encrypt(work, [data], pieces.append, Run(timeout=30))
    return made, b"".join(pieces)


def sign(engine, work, mode=DETACHED, data=TEXT):
    pieces = []
    made = engine.sign(work, [data], pieces.append, mode, Run(timeout=30))
    return made, b"".join(pieces)


HARMLESS = f"""
encrypt-to {BOB.fingerprint}
hidden-encrypt-to {BOB.fingerprint}
default-recipient {BOB.fingerprint}
default-key {BOB.fingerprint}
group alice@example.org={BOB.fingerprint}
throw-keyids
textmode
comment from the configuration
emit-version
set-filename secret-name.txt
for-your-eyes-only
trust-model pgp
output /nonexistent/file
"""


@pytest.mark.parametrize("configured", [HARMLESS], indirect=True)
def test_gpg_conf_adds_nothing_to_the_plan(gnupg, configured, recipients, tmp_path):
    work = job(configured, signers=(SENDER,), recipients=(ALICE,))
    made, message = encrypt(gnupg, work)
    assert made.recipients == recipients.recipients(message) == (ALICE.subkey[-16:],)
    assert message.startswith(b"-----BEGIN PGP MESSAGE-----\n\n")
    listed = recipients("--list-packets", stdin=message).decode()
    assert 'name=""' in listed
    assert "mode b" in listed
    _, signature = sign(gnupg, work)
    assert signature.startswith(b"-----BEGIN PGP SIGNATURE-----\n\n")
    assert "GOODSIG" in recipients.verify(TEXT, signature, tmp_path)
    assert "sigclass 0x00" in recipients.packets(signature)


@pytest.mark.parametrize(
    "configured",
    [f"recipient {BOB.fingerprint}\n", f"hidden-recipient {BOB.fingerprint}\n"],
    indirect=True,
    ids=["recipient", "hidden-recipient"],
)
def test_a_recipient_that_gpg_conf_adds_breaks_the_plan(gnupg, configured):
    with pytest.raises(CryptoError) as caught:
        encrypt(gnupg, job(configured, recipients=(ALICE,)))
    assert caught.value.code is ErrorCode.PLAN_BROKEN
    assert ALICE.subkey[-16:] in str(caught.value)


def test_a_signer_that_gpg_conf_adds_breaks_the_plan(gnupg):
    with keyring_copy("two-protected") as path:
        gpg = Gpg(path)
        first, second = (gpg.new_key("ed25519", name) for name in ("one", "two"))
        (path / "gpg.conf").write_text(f"local-user {second}\n")
        key = type(SENDER)(first, first)
        for mode in SignatureMode:
            with pytest.raises(CryptoError) as caught:
                sign(gnupg, job(gpg, signers=(key,)), mode)
            assert caught.value.code is ErrorCode.PLAN_BROKEN


@pytest.mark.parametrize(
    "configured",
    ["digest-algo SHA1\n", "personal-digest-preferences SHA224\n"],
    indirect=True,
    ids=["digest", "preferences"],
)
def test_what_was_asked_for_comes_before_gpg_conf(gnupg, configured):
    wanted = Algorithms(digest="SHA384", cipher="AES192", comment="mine")
    work = job(configured, signers=(SENDER,), recipients=(ALICE,), algorithms=wanted)
    made, message = encrypt(gnupg, work)
    assert made.cipher == "AES192"
    assert made.micalg == "pgp-sha384"
    assert b"\nComment: mine\n\n" in message


def test_a_missing_key_is_not_looked_for_in_a_network(gnupg, modern):
    with keyring_copy("exports") as path:
        (path / "gpg.conf").write_text("auto-key-retrieve\nkeyserver hkp://127.0.0.1:1\n")
        _, signature = sign(gnupg, job(modern, signers=(SENDER,)))
        opened = gnupg.verify(job(Gpg(path)), [TEXT], signature, Run())
        assert [one.status for one in opened.signatures] == [SignatureStatus.MISSING_KEY]
        sockets = subprocess.run(
            ["gpgconf", "--homedir", path, "--list-dirs", "dirmngr-socket"],
            check=True,
            capture_output=True,
        )
        assert not Path(sockets.stdout.decode().strip()).exists()


@pytest.fixture
def started(monkeypatch):
    """Every command line that is started."""
    lines = []
    real = subprocess.Popen

    def popen(arguments, **options):
        lines.append(list(arguments))
        return real(arguments, **options)

    monkeypatch.setattr(process.subprocess, "Popen", popen)
    return lines


def test_every_operation_is_one_process(gnupg, modern, recipients, empty, started):
    work = job(modern, signers=(SENDER,), recipients=(ALICE, BOB))
    reading, run = job(recipients), Run(timeout=30)
    message = encrypt(gnupg, work)[1]
    signature = sign(gnupg, work)[1]
    clear = sign(gnupg, work, SignatureMode.CLEARTEXT)[1]
    gnupg.encrypt(job(empty, symmetric=Secret("abcd")), [TEXT], bytes, run)
    assert len(started) == 4
    gnupg.decrypt(reading, [message], bytes, run)
    gnupg.verify(reading, [TEXT], signature, run)
    gnupg.verify_inline(reading, [clear], bytes, run)
    assert len(started) == 7
    assert all(Path(line[0]).name == "gpg" for line in started)


def test_what_is_passed_to_gpg(gnupg, modern, started):
    hidden = type(BOB)(BOB.fingerprint, BOB.subkey, hidden=True)
    encrypt(gnupg, job(modern, signers=(SENDER,), recipients=(ALICE, hidden)))
    (line,) = started
    for option, value in (
        ("-u", f"{SENDER.subkey}!"),
        ("--recipient", f"{ALICE.subkey}!"),
        ("--hidden-recipient", f"{BOB.subkey}!"),
    ):
        assert line[line.index(option) + 1] == value
    assert not [word for word in line if "default-key" in word or "@" in word]


SIZE = 64 << 20
BLOCK = bytes(range(256)) * 1024

# VmHWM and not ru_maxrss: a child's ru_maxrss begins with what its parent had.
STREAM = """
    import sys
    from pathlib import Path
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey, Job
    from gpgmail.crypto.engines import engine
    from gpgmail.gpg.home import Home

    what, home, signer, recipient, source, target = sys.argv[1:]
    work = Job(
        home=Home(directory=Path(home)),
        signers=(ChosenKey(signer, signer),),
        recipients=(ChosenKey(recipient, recipient),),
    )
    with open(source, "rb") as data, open(target, "wb") as file:
        blocks = iter(lambda: data.read(1 << 18), b"")
        getattr(engine(), what)(work, blocks, file.write, Run())
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read memory from")
def test_much_data_in_little_memory(modern, recipients, tmp_path):
    def peak(what, gpg, source, target):
        command = [sys.executable, "-c", textwrap.dedent(STREAM), what, gpg.home]
        command += [SENDER.subkey, ALICE.subkey, source, target]
        ran = subprocess.run(command, check=True, capture_output=True, timeout=100)
        return int(ran.stdout) / 1024

    data, message, text = (tmp_path / name for name in ("data", "message", "text"))
    with data.open("wb") as file:
        for _ in range(SIZE // len(BLOCK)):
            file.write(BLOCK)
    assert peak("encrypt", modern, data, message) < 35  # MiB, Python itself included
    assert peak("decrypt", recipients, message, text) < 35
    assert filecmp.cmp(data, text, shallow=False)


def test_engines_by_name():
    assert {engine(name).name for name in ENGINES} == set(ENGINES)
    assert engine().name == "gnupg"
    with pytest.raises(UsageError, match="gnupg"):
        engine("pgp")


def test_an_engine_is_loaded_when_it_is_asked_for():
    program = "import sys, gpgmail.crypto.engines as e; print(*sorted(sys.modules)); e.engine()"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert b"gpgmail.crypto.engines" in ran.stdout
    assert b"gnupg_engine" not in ran.stdout


def test_the_engine_needs_no_slow_module():
    slow = ("asyncio", "click", "cryptography", "email_validator", "gnupg", "rich", "ssl", "email")
    program = "import sys, gpgmail.crypto.gnupg_engine; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert not set(ran.stdout.decode().split()) & set(slow)


LONGEST = b"y" * 19_993


@pytest.mark.proves("OpenPGP 112")
@pytest.mark.parametrize("end", [b"", b"\n", b"\nz\n"])
def test_lines_of_signed_text_are_whole_or_refused(gnupg, modern, end):
    """gpg 2.2 cuts longer lines and reports success."""
    for line in (LONGEST + end, LONGEST[:-1] + b"\r" + (end or b"\n")):
        _, signed = sign(gnupg, job(modern, signers=(SENDER,)), SignatureMode.CLEARTEXT, line)
        assert line.rstrip(b"\nz\r") in signed
    for pieces in ([LONGEST + b"y" + end], [b"a\n" + LONGEST, b"y" + end], [b"y", LONGEST + end]):
        output = []
        work = job(modern, signers=(SENDER,))
        with pytest.raises(UnsupportedError) as caught:
            gnupg.sign(work, pieces, output.append, SignatureMode.CLEARTEXT, Run(timeout=30))
        assert caught.value.code is ErrorCode.PGP_UNSUPPORTED
        assert "19993" in str(caught.value)
        assert b"-----END" not in b"".join(output)
