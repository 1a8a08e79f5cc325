"""`gpgmail send --dry-run`: everything but MAIL, the plan, and the exit code of the real thing."""

from __future__ import annotations

import base64
import json
import re
import time

import pytest

from gpgmail.testing.script import Phase, Reply
from tests.servers.hostile import Hostile
from tests.servers.postfix_config import PASSWORD, USER
from tests.support.commands import call
from tests.support.keyrings import fixture_key

SENDER, ALICE, BOB = (fixture_key("modern", name) for name in ("sender", "alice", "bob"))
MAIL = ("MAIL", "RCPT", "DATA", "BDAT")


def until(holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def unsent(server):
    """The one connection of a server, which heard of no mail."""
    (connection,) = server.settled()
    assert not {*connection.verbs} & {*MAIL}
    assert connection.contents == []
    return connection


def test_the_plan_as_text(send, server):
    outcome = send(
        *("--dry-run", "--sign", "--encrypt", "--bcc", "bob@example.org", "--text", "x"),
        *("--subject", "Grüße"),
    )

    assert (outcome.code, outcome.errors) == (0, "")
    assert unsent(server).verbs == ["EHLO", "QUIT"]
    told = outcome.text.splitlines()
    assert told[:5] == [
        "dry run: nothing was sent",
        f"server: 127.0.0.1:{server.port}",
        "TLS: none",
        "login: none",
        "sender: sender@example.org",
    ]
    assert (
        told[5] == f"signed by: {SENDER.fingerprint} Sender (test) <{SENDER.address}>, without end"
    )
    who = [line for line in told if line.startswith(("copy", "  encrypted"))]
    assert [line.partition("): ")[2] for line in who[::2]] == [ALICE.address, BOB.address]
    assert [line.split()[2] for line in who[1::2]] == [ALICE.fingerprint, BOB.fingerprint]
    assert "  Subject: =?utf-8?b?R3LDvMOfZQ==?=" in told
    assert any(line.startswith("  Content-Type: multipart/encrypted;") for line in told)


def test_the_plan_as_json_over_tls_with_a_login(send, certificates, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    ca_file = certificates.write_authority(tmp_path / "ca.pem")
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        outcome = send(
            *("--dry-run", "--json", "--encrypt", "--text", "x", "--ca-file", ca_file),
            *("--user", "me", "--password-file", secret),
            server=f"smtps://localhost:{server.port}",
        )
        assert unsent(server).verbs == ["EHLO", "AUTH", "QUIT"]

    assert (outcome.code, outcome.errors) == (0, "")
    told = json.loads(outcome.text)
    assert told["dry_run"] is True
    assert told["tls"].startswith("TLSv1.")
    assert told["cipher"]
    assert len(told["certificate"]["fingerprint"]) == 64
    assert "trustme" in told["certificate"]["issuer"]
    assert (told["user"], told["mechanism"]) == ("me", "PLAIN")
    (copy,) = told["copies"]
    assert copy["recipients"] == [ALICE.address]
    assert copy["keys"][0]["fingerprint"] == ALICE.fingerprint
    assert copy["size"] > 500
    assert "correct horse" not in outcome.text
    assert base64.b64encode(b"correct horse").decode() not in outcome.text


WRONG = {
    "no key": (("--encrypt", "--to", "nobody@example.org"), {}),
    "no login": ((), {Phase.BANNER: Reply(b"421 4.3.2 Busy\r\n")}),
    "a refused greeting": ((), {Phase.EHLO: Reply(b"550 5.7.1 Not you\r\n")}),
    "too large": ((), {Phase.EHLO: Reply(b"250-me\r\n250 SIZE 100\r\n")}),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_exit_code_is_that_of_the_real_thing(send, what):
    arguments, script = WRONG[what]
    codes = []
    for more in ((), ("--dry-run",)):
        with Hostile(script) as server:
            outcome = send(
                *arguments, *more, "--text", "x" * 200, server=f"smtp://127.0.0.1:{server.port}"
            )
            codes.append((outcome.code, outcome.errors.replace(str(server.port), "PORT")))
            assert server.settled() == [] or unsent(server)
    assert codes[0][0] not in {0, 70}
    assert codes[0] == codes[1]


def test_nothing_is_written_beside_it(send, server, tmp_path):
    outcome = send("--dry-run", "--text", "x", "--output", tmp_path / "mail.eml", server=None)

    assert outcome.code == 64
    assert "not both" in outcome.errors
    assert list(tmp_path.iterdir()) == []
    assert server.settled() == []


def test_a_fallback_is_rehearsed_too(tmp_path):
    with Hostile({Phase.BANNER: Reply(b"421 4.3.2 Busy\r\n")}) as first, Hostile() as second:
        config = tmp_path / "config.toml"
        config.write_text(
            f'default = "a"\n[account.a]\nserver = "smtp://127.0.0.1:{first.port}"\n'
            f'fallback = ["b"]\n[account.b]\nserver = "smtp://127.0.0.1:{second.port}"\n'
        )
        config.chmod(0o600)
        outcome = call(
            *("send", "--config", config, "--dry-run", "--from", "a@example.org"),
            *("--to", "b@example.org", "--text", "x"),
        )
        unsent(second)

    assert outcome.code == 0
    assert "account: b\n" in outcome.text
    assert outcome.errors.startswith("gpgmail: account a: the server refused: ")


@pytest.mark.servers
def test_a_real_postfix_sees_a_login_and_no_mail(postfix, send, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    arguments = ("--sign", "--encrypt", "--text", "x", "--ca-file", postfix.ca_file)
    arguments += ("--user", USER, "--password-file", secret)
    server = f"smtp://localhost:{postfix.port('auth')}?tls=required"
    before = len(postfix.log())
    outcome = send(*arguments, "--dry-run", server=server)

    assert (outcome.code, outcome.errors) == (0, "")
    assert "login: " in outcome.text
    assert "TLS: TLSv1.3" in outcome.text
    until(lambda: "disconnect from" in postfix.log()[before:])
    (line,) = re.findall(r"disconnect from .*", postfix.log()[before:])
    assert "auth=1 " in line
    assert not re.search(r"\b(mail|rcpt|data|bdat)=", line)
