"""Logins by Kerberos tickets, of a real KDC, with a real Postfix."""

from __future__ import annotations

import sys

import pytest

from gpgmail.core.errors import Cancelled, DeliveryError, PolicyError, ServerError
from gpgmail.core.run import Run
from tests.servers.asking import WELCOME, Asking
from tests.servers.kerberos import Kerberos
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail, tree
from tests.transport.support import ENVELOPE, failing, options_for, postfix_options, send

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module", autouse=True)
def gssapi():
    """The library: the environment's own, or the distribution's, which is for one Python only."""
    if not list((tree() / "usr/lib/python3/dist-packages/gssapi").rglob("*.so")):
        skip_or_fail(ServerUnavailableError("python3-gssapi: run scripts/fetch-servers.sh"))
    sys.path.append(str(tree() / "usr/lib/python3/dist-packages"))
    try:
        import gssapi
    except ImportError as error:
        pytest.skip(f"gssapi has no wheels, and the distribution's is for another Python: {error}")
    yield gssapi
    sys.path.remove(str(tree() / "usr/lib/python3/dist-packages"))


@pytest.fixture(scope="module")
def realm(postfix_server):
    try:
        server = Kerberos.start()
    except ServerUnavailableError as error:
        skip_or_fail(error)
    with server:
        server.serve(postfix_server)
        yield server


@pytest.fixture
def kerberos(realm, monkeypatch, tmp_path):
    """The realm, as this process's own, and no ticket yet."""
    monkeypatch.setenv("KRB5_CONFIG", str(realm.state / "krb5.conf"))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    return realm


def options_of(postfix, **rows):
    return postfix_options(postfix, "auth_all", **{"auth_mechanism": 6, **rows})


def taken(postfix, kerberos):
    assert len(postfix.mail_for("b@example.org")) == 1
    user = kerberos.user.partition("@")[0]
    return f"sasl_method=GSSAPI, sasl_username={user}" in postfix.log()


@pytest.mark.proves("auth_mechanism")
@pytest.mark.parametrize("named", [True, False])
def test_a_ticket_logs_in(postfix, kerberos, tmp_path, named):
    kerberos.ticket(tmp_path / "tickets")
    send(options_of(postfix, user=kerberos.user if named else ""))
    assert taken(postfix, kerberos)


def test_a_ticket_is_asked_for_by_the_password(postfix, kerberos, tmp_path):
    send(options_of(postfix, user=kerberos.user, password=kerberos.password))
    assert taken(postfix, kerberos)
    assert not (tmp_path / "tickets").exists()


@pytest.mark.parametrize(
    "rows",
    [
        {},
        {"user": "mailer@GPGMAIL.TEST"},
        {"user": "mailer@GPGMAIL.TEST", "password": "wrong horse"},
        {"user": "nobody@GPGMAIL.TEST", "password": "correct horse"},
    ],
    ids=["nothing", "no ticket", "wrong password", "strange user"],
)
def test_without_a_ticket_nothing_is_sent(postfix, kerberos, rows):
    before = len(postfix.log())
    with failing(DeliveryError, 23) as caught:
        send(options_of(postfix, **rows))
    assert "smtp@localhost" in str(caught.value)
    assert "wrong horse" not in str(caught.value)
    assert "GSSAPI" not in postfix.log()[before:]
    assert postfix.all_mail() == []


def test_whom_to_act_for_is_for_the_server_to_allow(postfix, kerberos, tmp_path):
    kerberos.ticket(tmp_path / "tickets")
    with failing(ServerError, 161) as caught:
        send(options_of(postfix, authorization_identity="root"))
    assert "535 5.7.8" in str(caught.value)
    send(options_of(postfix, authorization_identity="mailer"))
    assert taken(postfix, kerberos)


def test_a_server_that_cannot_read_the_ticket_is_not_believed(kerberos, tmp_path):
    kerberos.ticket(tmp_path / "tickets")

    def asking(times):
        def ask(mechanism, initial):
            for _ in range(times):
                yield b"\x60\x03\x06\x01\x2a"
            return WELCOME

        return ask

    for login in map(asking, range(3)):
        with Asking("GSSAPI PLAIN", login) as server, failing(PolicyError, 22):
            send(options_for(server, "localhost", auth_mechanism=6))
        assert [line.split()[0] for line in server.commands] == ["EHLO", "AUTH"]


@pytest.mark.parametrize("offer", [b"\4\0\xff\xff", b"\1", b""])
def test_a_security_layer_besides_tls_is_declined(kerberos, monkeypatch, tmp_path, gssapi, offer):
    """Asked for by a server that has the service's own key."""
    kerberos.ticket(tmp_path / "tickets")
    monkeypatch.setenv("KRB5RCACHENAME", "none:")
    store = {"keytab": str(kerberos.state / "keytab")}

    def ask(mechanism, initial):
        own = gssapi.Credentials(usage="accept", store=store)
        context = gssapi.SecurityContext(creds=own, usage="accept")
        yield context.step(initial or (yield b""))  # a ticket is too long for the line of AUTH
        yield context.wrap(offer, encrypt=False).message
        return WELCOME

    with Asking("GSSAPI", ask) as server, failing(ServerError, 162) as caught:
        send(options_for(server, "localhost", auth_mechanism=6))
    assert "security layer" in str(caught.value)
    assert server.commands[2:] == ["*"]


def test_waiting_for_the_kdc_can_be_interrupted(postfix, kerberos, monkeypatch, tmp_path):
    """The library itself would wait for a KDC that does not answer, longer than anybody wants."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        text = (kerberos.state / "krb5.conf").read_text()
        conf = tmp_path / "krb5.conf"
        conf.write_text(text.replace(f":{kerberos.port}", f":{port}"))
        monkeypatch.setenv("KRB5_CONFIG", str(conf))
        run = Run(timeout=30)
        threading.Timer(0.5, run.cancel).start()
        with failing(Cancelled, 301, within=3):
            rows = {"user": kerberos.user, "password": kerberos.password}
            send(options_of(postfix, **rows), run=run, envelope=ENVELOPE)
