"""The public doubles: throwaway homes and sinks, as a program's own tests would use them."""

from __future__ import annotations

import os
import smtplib
import subprocess
import sys
import threading
import time

import pytest

import gpgmail
from gpgmail.testing import Received, Sink, ThrowawayHome
from tests.servers.readers import Gpg
from tests.support.commands import environment
from tests.support.keyrings import empty_home

ALICE = "Alice <alice@example.org>"


def processes_of(directory):
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if str(directory) in line]


def left_at_last(directory):
    """What still runs there: an agent ends a moment after it was told to."""
    ended_by = time.monotonic() + 10
    while (found := processes_of(directory)) and time.monotonic() < ended_by:
        time.sleep(0.02)
    return found


def test_a_home_is_private_and_short_and_ends_with_its_agent():
    with ThrowawayHome() as home:
        path = home.path
        assert path.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(path)) < 80
        home.make_key(ALICE)
        assert processes_of(path)

    assert not path.exists()
    assert left_at_last(path) == []


def test_a_key_signs_encrypts_and_is_trusted():
    with ThrowawayHome() as home:
        fingerprint = home.make_key(ALICE)
        with home.keyring() as keyring:
            (key,) = keyring.keys()
            draft = gpgmail.Draft(from_=ALICE, to=ALICE, text="x\n")
            with gpgmail.Mailer(None, keyring=keyring) as mailer:
                (copy,) = mailer.write(draft, sign=True, encrypt=True).copies
        verdict = Gpg(home.path).read_encrypted(b"".join(copy.render()))

    assert key.fingerprint == fingerprint
    assert (verdict.decrypted, verdict.signer) == (True, fingerprint)


def test_a_user_id_outside_ascii():
    with ThrowawayHome() as home:
        home.make_key("Zoë Mañy ✓ <zoe@example.org>")
        with home.keyring() as keyring:
            assert keyring.keys("zoe@example.org")[0].user_id == "Zoë Mañy ✓ <zoe@example.org>"


def test_two_homes_at_once_and_each_its_own():
    with ThrowawayHome() as one, ThrowawayHome() as other:
        one.make_key(ALICE)
        with other.keyring() as keyring:
            assert keyring.keys() == ()
        assert one.path != other.path


def test_an_exception_inside_ends_the_home_too():
    paths = []

    def fail(home):
        paths.append(home.path)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), ThrowawayHome() as home:
        fail(home)
    assert not paths[0].exists()


def test_a_home_can_be_used_again_but_not_outside():
    home = ThrowawayHome()
    for _ in range(2):
        with home:
            assert home.path.is_dir()
    with pytest.raises(gpgmail.PolicyError, match="outside its with block"):
        _ = home.path


def test_a_key_that_gpg_does_not_make():
    with ThrowawayHome() as home, pytest.raises(gpgmail.EngineError):
        home.make_key("")


def test_a_killed_program_is_swept_by_the_next(monkeypatch):
    script = "from gpgmail.testing import ThrowawayHome as H; H().__enter__().make_key('x <x@y.z>')"
    with empty_home() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        ended = f"{script}; import os; os._exit(0)"
        subprocess.run([sys.executable, "-c", ended], env=environment(), check=True, timeout=60)
        (left,) = runtime.iterdir()
        assert processes_of(left)
        with ThrowawayHome() as home:
            assert home.path != left
            assert not left.exists()
            assert left_at_last(left) == []


def test_a_sink_keeps_envelope_and_exact_bytes():
    data = b"Subject: x\r\n\r\n.dot\r\n..dots\r\nFrom \xc3\xbc\r\n"
    with Sink() as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org", "C@Example.org"], data)

        assert sink.received == [
            Received("a@example.org", ("b@example.org", "C@Example.org"), data)
        ]
        assert sink.url == f"smtp://127.0.0.1:{sink.port}"


def test_a_sink_takes_several_mails_on_several_connections():
    with Sink() as sink:
        for number in range(3):
            with gpgmail.Mailer(sink.url) as mailer:
                draft = gpgmail.Draft(from_="a@b.c", to=f"{number}@b.c", text="x\n")
                receipt = mailer.send(draft)
        assert [mail.recipients for mail in sink.received] == [(f"{n}@b.c",) for n in range(3)]
        assert receipt.reply.text == "2.0.0 kept as mail 3"


def test_a_sink_takes_utf8_addresses():
    with Sink() as sink, gpgmail.Mailer(sink.url) as mailer:
        mailer.send(gpgmail.Draft(from_="jürgen@example.org", to="zoë@example.org", text="x"))

    assert sink.received[0].sender == "jürgen@example.org"


def test_a_sink_ends_its_thread_and_its_port():
    before = threading.active_count()
    with Sink() as sink:
        client = smtplib.SMTP("127.0.0.1", sink.port, timeout=10)
        client.ehlo()
    assert threading.active_count() == before
    with pytest.raises(OSError, match=r"refused|reset|closed"):
        smtplib.SMTP("127.0.0.1", sink.port, timeout=10)
    client.close()


def test_a_sink_without_the_extra(monkeypatch):
    for name in ("aiosmtpd", "aiosmtpd.smtp"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(gpgmail.UnsupportedError, match=r"pip install 'gpgmail\[demo\]'"):
        Sink()
