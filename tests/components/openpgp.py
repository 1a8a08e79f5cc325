"""What the tests of OpenPGP settings share: a mailer with keys, a failure that sends nothing."""

from __future__ import annotations

import base64
import re
import subprocess

import pytest

from gpgmail.gpg import process
from tests.components.support import Ears, failing

OPTIONS = subprocess.run(["gpg", "--dump-options"], capture_output=True, check=True).stdout.decode()
HAS_OCB = "--force-ocb" in OPTIONS or "--force-aead" in OPTIONS  # gpg 2.3 and newer


@pytest.fixture
def started(monkeypatch):
    """Arguments and environment of every gpg that is started, as text."""
    lines = []
    real = subprocess.Popen

    def popen(arguments, **options):
        lines.append(" ".join(arguments) + repr(options.get("env")))
        return real(arguments, **options)

    monkeypatch.setattr(process.subprocess, "Popen", popen)
    return lines


def refused(mailer, sink, number, method="sign_and_encrypt"):
    """The method fails with the code, and nothing can be sent any more."""
    before, ears = mailer.message_text, Ears(mailer, "error")
    with failing(number) as caught:
        getattr(mailer, method)()
    assert [event.error_code for event in ears.error] == [number]
    assert mailer.message_text == before
    with failing(14):
        mailer.send()
    assert not sink.received
    return str(caught.value)


def binary(armored):
    """What is inside of armor."""
    body = armored.partition("\n\n")[2].partition("\n-----END")[0]
    return base64.b64decode(re.sub(r"\n=....$", "", body))


def opaque(mailer):
    """The packets of an opaque signature, which hides nothing."""
    mailer.message_text = "".join(f"{number} {number**2}\n" for number in range(5000))
    mailer.config("ClearSignature=False")
    mailer.sign()
    return binary(mailer.message_text)
