"""What a play says when it fails: data, nothing sent, and no secret at any verbosity."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gpgmail.testing import Library
from gpgmail.testing.script import Drop, Offer, Phase, Reset
from tests.ansible.playbooks import Ansible
from tests.servers.hostile import Hostile
from tests.support.keyrings import fixture_key, keyring_copy

pytestmark = pytest.mark.interop

PASSWORD, PASSPHRASE = "a password 8271", "a passphrase 5530"
TEXT = "the words of the mail 4417"
MAIL = {
    "sender": "sender@example.org",
    "to": "alice@example.org",
    "subject": "x",
    "body": TEXT,
    "host": "localhost",
    "username": "mailer",
    "password": PASSWORD,
}


@pytest.fixture
def hostile():
    """Starts servers with a script: `hostile(script)`."""
    started = []

    def start(script=(), **more):
        started.append(Hostile(script, **more))
        return started[-1]

    yield start
    for server in started:
        server.close()


def failed(played):
    """The result of a task that failed; nothing secret is in what was printed."""
    assert played.code == 2, played.output
    for secret in (PASSWORD, PASSPHRASE, TEXT):
        assert secret not in played.output
    assert played.last["changed"] is False
    return played.last


def words(server):
    """What a server was told, over all connections."""
    return [verb for connection in server.settled() for verb in connection.verbs]


def test_a_recipient_without_a_key(ansible, hostile):
    server = hostile()
    options = {**MAIL, "port": server.port, "to": ["carol@example.org"], "encrypt": "require"}
    said = failed(ansible.send("-vvv", **options))
    assert (said["family"], said["number"], said["name"]) == ("gpgmail", 9, "KEY_UNTRUSTED")
    assert said["retry"] == "no"
    (candidate,) = said["candidates"]
    assert candidate["fingerprint"] == fixture_key("modern", "carol").fingerprint
    assert candidate["obstacle"] == "trust"
    assert "gpg" in candidate["command"]
    assert server.settled() == []


def test_no_account_chosen_of_several_is_not_this_machines_server(ansible, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("[account.a]\nencrypt = 'require'\n[account.b]\n")
    options = {name: value for name, value in MAIL.items() if name != "host"}
    said = failed(ansible.send("-vvv", **options, config=str(config)))

    assert said["name"] == "CONFIG"
    assert "accounts a, b: none of them is chosen" in said["msg"]


BROKEN = [
    ("always", {Phase.TLS_HELLO: Reset()}),  # the peer module sends the password in clear here
    ("starttls", {Phase.TLS_HELLO: Drop()}),
    ("starttls", {Phase.EHLO: Offer((b"AUTH PLAIN",))}),
    ("always", None),
]


@pytest.mark.parametrize(("secure", "script"), BROKEN, ids=["reset", "drop", "strip", "clear"])
def test_no_tls_means_no_mail_and_no_password(ansible, hostile, certificates, secure, script):
    context = None if script is None else certificates.contexts["good"]
    implicit = secure == "always" and context is not None
    server = hostile(script or {}, tls=context, implicit_tls=implicit)
    said = failed(ansible.send("-vvv", **MAIL, port=server.port, secure=secure, timeout=5))

    assert said["family"] in {"SSL", "TCPClient", "TCP/IP", "SMTP", "gpgmail"}
    assert {"AUTH", "MAIL"}.isdisjoint(words(server))
    assert len(server.connections) == 1
    clear = server.connections[0].clear
    assert PASSWORD.encode() not in clear
    assert TEXT.encode() not in clear


def test_a_certificate_that_does_not_verify(ansible, hostile, certificates):
    server = hostile(tls=certificates.contexts["good"], implicit_tls=True)
    said = failed(ansible.send("-vvv", **MAIL, port=server.port, secure="always"))

    assert (said["family"], said["retry"]) == ("SSL", "no")
    assert words(server) == []


def test_a_login_that_is_refused(ansible, hostile, certificates, tmp_path):
    server = hostile(tls=certificates.contexts["good"], users={"mailer": "another"})
    ca_file = certificates.write_authority(tmp_path / "ca.pem")
    options = {**MAIL, "port": server.port, "ca_file": str(ca_file), "secure": "starttls"}
    said = failed(ansible.send("-vvv", "--check", **options))

    assert said["family"] == "SMTP"
    assert "AUTH" in words(server)
    assert "MAIL" not in words(server)


def test_a_wrong_passphrase(hostile, tmp_path):
    server = hostile()
    with keyring_copy("protected") as home:
        options = {**MAIL, "sender": "locked@example.org", "port": server.port, "sign": True}
        said = failed(Ansible(tmp_path, home).send("-vvv", **options, passphrase=PASSPHRASE))

    assert said["name"] == "PGP_PASSPHRASE"
    assert server.settled() == []


@pytest.mark.parametrize("given", ["passphrase", "passphrase_file", "passphrase_command"])
def test_the_right_passphrase(hostile, tmp_path, given):
    secret = fixture_key("protected", "locked").passphrase
    file = tmp_path / "passphrase"
    file.write_text(f"{secret}\n")
    file.chmod(0o600)
    values = {
        "passphrase": secret,
        "passphrase_file": [str(file)],
        "passphrase_command": [f"cat {file}"],
    }
    server = hostile()
    with keyring_copy("protected") as home:
        options = {
            "sender": "locked@example.org",
            "to": "alice@example.org",
            "subject": "x",
            "port": server.port,
            "sign": True,
            given: values[given],
        }
        sent = Ansible(tmp_path, home).send("-vvv", **options)

    assert sent.code == 0, sent.output
    assert sent.last["signers"] == [fixture_key("protected", "locked").fingerprint]
    assert secret not in sent.output
    assert b"multipart/signed" in server.mails[0].data


def test_a_key_that_ends_soon_is_a_warning(hostile, tmp_path):
    server = hostile()
    with Library().copy("expiring-soon") as home:
        options = {
            "sender": "sender@example.org",
            "to": home.key.address,
            "subject": "x",
            "port": server.port,
            "encrypt": "require",
        }
        sent = Ansible(tmp_path, home.path).send(**options, trust="always")

    assert sent.code == 0, sent.output
    (warning,) = sent.last["warnings"]
    assert home.key.fingerprint in warning
    assert "expires on" in warning


LOGGED = """
import json, sys, syslog
logged = []
syslog.syslog = lambda *words: logged.append(str(words))
from ansible.module_utils import basic
basic.has_journal = False
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[2])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from importlib import import_module
module = import_module(f"ansible_collections.gpgmail.mail.plugins.modules.{sys.argv[1]}")
try:
    module.main()
except SystemExit:
    pass
print(json.dumps(logged))
"""


def test_the_log_of_a_host_has_no_mail(ansible, hostile):
    def logged(module, **options):
        words = [sys.executable, "-c", LOGGED, module, json.dumps(options)]
        done = subprocess.run(
            words, env=ansible.environment(), check=True, capture_output=True, text=True, timeout=60
        )
        result, lines = filter(None, done.stdout.splitlines())
        assert not json.loads(result).get("failed"), result
        return lines

    server = hostile()
    options = {key: MAIL[key] for key in ("sender", "to", "subject", "body", "host")}
    assert logged("send", **options, port=server.port) == "[]"
    assert TEXT.encode() in server.mails[0].data
    assert "alice@example.org" in logged("key_info", name=["alice@example.org"])


def test_what_may_have_arrived_is_not_sent_again(ansible, hostile):
    server = hostile([{Phase.DOT: Drop()}, {}])
    options = {
        "sender": "sender@example.org",
        "to": "alice@example.org",
        "subject": "x",
        "port": server.port,
        "idempotency_key": "report",
    }
    for said in (failed(ansible.send(**options)), failed(ansible.send(**options))):
        assert (said["name"], said["retry"]) == ("MAYBE_DELIVERED", "unknown")
    assert len(server.settled()) == 1
    again = ansible.send(**options, if_uncertain="send")
    assert (again.code, again.last["changed"]) == (0, True)
    assert len(server.mails) == 1


def test_passwords_in_urls_and_in_the_environment_are_not_shown(ansible, hostile):
    server = hostile()
    secret = "p%40ss word"
    options = {"sender": "sender@example.org", "to": "alice@example.org", "subject": "x"}
    played = ansible.send(
        "-vvv",
        **options,
        server=f"smtp://127.0.0.1:{server.port}?tls=required",
        proxy="http://user:p%40ss%20word@127.0.0.1:1",
        env={"GPGMAIL_PASSWORD": secret},
    )
    failed(played)
    for shown in (secret, "p%40ss%20word", "p@ss word"):
        assert shown not in played.output


def test_options_that_exclude_each_other(ansible):
    played = ansible.send(subject="x", server="smtp://localhost", secure="always")
    assert "server|secure" in failed(played)["msg"]
