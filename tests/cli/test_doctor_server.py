"""`gpgmail doctor` and the account's server: name, TLS, certificate, login, and never a mail."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from gpgmail.core.codes import Exit
from gpgmail.testing import SmtpSink, Stall
from tests.cli.doctoring import findings, levels, only
from tests.servers.fixtures import postfix, postfix_server
from tests.servers.hostile import Hostile
from tests.servers.proxies import ScriptedProxy, hang_up
from tests.support.commands import call

__all__ = ["postfix", "postfix_server"]

USER, PASSWORD = "mailer", "correct horse battery"


@pytest.fixture
def password(tmp_path):
    def write(text=PASSWORD):
        path = tmp_path / "password"
        path.write_text(text)
        path.chmod(0o600)
        return ("--user", USER, "--password-file", path)

    return write


def said(server):
    """The verbs that a server heard."""
    return [line.split()[0] for one in server.settled() for line in one.commands]


def test_a_server_in_order(password):
    with SmtpSink(tls="starttls", users={USER: PASSWORD}) as server:
        arguments = ("--server", server.url, "--ca-file", server.ca_file, *password())
        found = findings("--only", "server", *arguments)
        assert "error" not in {one["level"] for one in found}
        told = " ".join(one["what"] for one in found)
        assert "TLSv1.3" in told
        assert "certificate verifies and ends in" in told
        assert f"{USER} is logged in by" in told
        assert PASSWORD not in json.dumps(found)
        verbs = [bytes(verb) for verb in said(server)]
        assert b"AUTH" in verbs
        assert not {b"MAIL", b"RCPT", b"DATA"} & set(verbs)


def test_without_network_nobody_is_connected_to(password):
    with SmtpSink() as server:
        assert "server" not in {
            one["check"] for one in findings("--no-network", "--server", server.url)
        }
        assert server.settled() == []


def test_an_authority_that_is_not_known():
    with SmtpSink(tls="implicit") as server:
        (found,) = only("server", "--server", server.url)
        assert found["level"] == "error"
        assert f"openssl s_client -connect 127.0.0.1:{server.port} -showcerts" in found["hint"]
        assert "ca_file" in found["hint"]
        arguments = ("--only", "server", "--server", server.url, "--ca-file", server.ca_file)
        assert "error" not in levels(*arguments)


@pytest.mark.parametrize(
    ("scheme", "query", "hint"),
    [("smtps", "", "try STARTTLS; see what"), ("smtp", "?tls=required", "(smtps://); see what")],
)
def test_a_server_without_that_tls_says_what_to_try(scheme, query, hint):
    with SmtpSink() as server:
        url = f"{scheme}://{server.host}:{server.port}{query}"
        (found,) = only("server", "--server", url)
        assert found["level"] == "error"
        assert hint in found["hint"]


@pytest.mark.parametrize(
    ("host", "hint"),
    [("127.0.0.1:1", "check host and port"), ("no.invalid", "check the name")],
)
def test_a_server_that_is_not_there_is_two_lines(host, hint):
    mail = ("--from", "a@example.org", "--to", "b@example.org", "--text", "x")
    outcome = call("send", "--server", f"smtp://{host}", *mail)
    assert outcome.code in {Exit.TRY_AGAIN, Exit.NO_HOST}
    _, second = outcome.errors.splitlines()
    assert second.startswith(f"gpgmail: hint: {hint}")


def test_a_certificate_that_ends_soon(tmp_path):
    authority = trustme.CA()
    end = datetime.now(UTC) + timedelta(days=5)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=end).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Hostile(tls=context, implicit_tls=True) as server:
        url = f"smtps://127.0.0.1:{server.port}"
        (found,) = only("server", "--server", url, "--ca-file", tmp_path / "ca.pem")
        assert found["level"] == "warning"
        assert "ends in 4 days" in found["what"]


def test_a_wrong_password_does_not_hide_what_tls_came_to(password):
    with SmtpSink(tls="starttls", users={USER: PASSWORD}) as server:
        arguments = ("--server", server.url, "--ca-file", server.ca_file, *password("wrong one 77"))
        found = findings("--only", "server", *arguments)
        assert [one["level"] for one in found][-1] == "error"
        assert "TLSv1.3" in " ".join(one["what"] for one in found)
        assert "wrong one 77" not in json.dumps(found)


def test_a_server_without_logins(password):
    with SmtpSink(script={"EHLO": "250 sink.example"}) as server:
        (found,) = only("server", "--server", server.url, *password())
        assert "offers no login" in found["what"]


def test_a_secret_that_gives_nothing(tmp_path):
    with SmtpSink(users={USER: PASSWORD}) as server:
        (tmp_path / "empty").touch(mode=0o600)
        config = tmp_path / "config.toml"
        config.write_text(
            f'[account.work]\nserver = "{server.url}"\nuser = "{USER}"\npassword_file = "empty"\n'
        )
        (found,) = only("server", "--config", config)
        assert "it is empty" in found["what"]


def test_nothing_listens():
    with Hostile() as server:
        port = server.port
    (found,) = only("server", "--server", f"smtp://127.0.0.1:{port}")
    assert found["level"] == "error"


def test_a_name_that_is_not_known():
    arguments = ("--only", "server", "--server", "smtp://nowhere.invalid")
    (found,) = findings(*arguments)
    assert found["fix"] == "getent hosts nowhere.invalid"
    assert call("doctor", *arguments).code in {Exit.NO_HOST, Exit.TRY_AGAIN}


def test_a_server_that_says_nothing_is_left_in_time():
    with SmtpSink(script={"BANNER": Stall()}) as server:
        (found,) = only("server", "--server", server.url, "--seconds", "1")
        assert found["level"] == "error"


def test_a_proxy_that_hangs_up():
    with SmtpSink() as server, ScriptedProxy(hang_up) as proxy:
        arguments = ("--server", server.url, "--proxy", f"socks5://127.0.0.1:{proxy.port}")
        (found,) = only("server", *arguments)
        assert "proxy" in found["what"]


def test_each_fallback_is_looked_at(tmp_path):
    with SmtpSink() as first, SmtpSink() as second:
        config = tmp_path / "config.toml"
        config.write_text(
            f'default = "one"\n[account.one]\nserver = "{first.url}"\nfallback = ["two"]\n'
            f'[account.two]\nserver = "{second.url}"\n'
        )
        found = findings("--only", "server", "--config", config)
        told = " ".join(one["what"] for one in found)
        assert "account one: " in told
        assert "account two: " in told
        assert len(first.settled()) == len(second.settled()) == 1


@pytest.mark.servers
def test_a_real_postfix(postfix, password, tmp_path):
    (tmp_path / "secret").write_text(postfix.password)
    (tmp_path / "secret").chmod(0o600)
    url = f"smtp://localhost:{postfix.port('auth')}?tls=required"
    login = ("--user", postfix.user, "--password-file", tmp_path / "secret")
    arguments = ("--only", "server", "--server", url, "--ca-file", postfix.ca_file, *login)
    assert set(levels(*arguments)) == {"ok"}
    assert postfix.all_mail() == []
    (found,) = only(
        "server", "--server", f"smtps://localhost:{postfix.port('implicit_wrong_host')}"
    )
    assert found["level"] == "error"
