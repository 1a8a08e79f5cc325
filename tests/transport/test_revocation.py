"""Revoked server certificates: by a real `openssl ocsp` and by lists, both on loopback."""

from __future__ import annotations

import sys
import threading
import time

import pytest
from cryptography.x509.ocsp import OCSPResponseStatus

from gpgmail.core.codes import Retry
from gpgmail.core.config import configure
from gpgmail.core.errors import Cancelled, GpgmailError, TlsError, UnsupportedError
from gpgmail.core.events import SSLStatus
from gpgmail.core.run import Run
from gpgmail.transport.session import Session
from gpgmail.transport.tls import revocation_fetch
from gpgmail.transport.tls.resume import Resumption
from tests.servers.hostile import Hostile
from tests.servers.ocsp import Places, Responder, answer, refusal
from tests.servers.pki import Issued
from tests.transport.support import MAIL, Ears, failing, login, options_for, send

OCSP, CRL = "SSLCheckOCSP", "SSLCheckCRL"
LIST, ANSWER = "/list.crl", "/ocsp"


@pytest.fixture(scope="module")
def root():
    return Issued.root()


@pytest.fixture(scope="module")
def middle(root):
    return root.authority("Middle")


@pytest.fixture
def places():
    with Places() as places:
        yield places


@pytest.fixture
def ca_file(root, tmp_path):
    return str(root.write(tmp_path / "root.pem", root.pem))


@pytest.fixture
def serving(tmp_path, ca_file):
    """Makes a server with this certificate, and the options for it."""
    opened = []

    def make(issued, *, implicit=True, **settings):
        server = Hostile(tls=issued.server_context(tmp_path), implicit_tls=implicit)
        opened.append(server)
        options = options_for(
            server, "localhost", openssl_ca_file=ca_file, ssl_start_mode=1 if implicit else 2
        )
        for name, value in settings.items():
            configure(options, f"{name}={value}")
        return server, options

    yield make
    for server in opened:
        server.close()


@pytest.fixture
def responder(tmp_path, middle, places):
    (tmp_path / "ocsp").mkdir()
    made = Responder(tmp_path / "ocsp", middle, middle)
    places.pages[ANSWER] = made
    return made


def untouched(server):
    """Nothing of a mail or a login came, and nothing at all after the handshake."""
    return all(one.through_tls == b"" for one in server.settled())


# ---- answers ----


@pytest.mark.proves("SSLCheckOCSP")
@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("implicit", [True, False])
def test_a_good_answer_lets_the_mail_go(serving, middle, places, responder, *, mode, implicit):
    issued = middle.server(ocsp=[places.url(ANSWER)])
    responder.known.append(issued)
    server, options = serving(issued, implicit=implicit, SSLCheckOCSP=mode)
    ears = Ears()
    send(options, run=Run(timeout=5, emit=ears))
    assert [one.contents for one in server.settled()] == [[MAIL]]
    assert [(method, path) for method, path, _ in places.requests] == [("POST", ANSWER)]
    assert any("not revoked" in event.message for event in ears.of(SSLStatus))


@pytest.mark.proves("SSLCheckOCSP", "SSL 280")
@pytest.mark.parametrize("implicit", [True, False])
def test_a_revoked_certificate_gets_nothing(serving, middle, places, responder, implicit):
    issued = middle.server(ocsp=[places.url(ANSWER)])
    responder.revoked.append(issued)
    server, options = serving(issued, implicit=implicit, SSLCheckOCSP=1)
    options.user, options.password = login().values()
    with failing(TlsError, 280) as caught:
        send(options)
    assert "was revoked on" in caught.value.detail
    assert "compromised" in caught.value.detail
    assert caught.value.retry is Retry.NO
    assert untouched(server)


@pytest.mark.proves("SSLCheckOCSP", "SSLCheckCRL")
def test_nothing_is_asked_by_default(serving, middle, places, responder):
    issued = middle.server(ocsp=[places.url(ANSWER)], crl=[places.url(LIST)])
    responder.revoked.append(issued)
    server, options = serving(issued)
    send(options)
    assert places.requests == []
    assert [one.contents for one in server.settled()] == [[MAIL]]


def test_an_issuer_s_deputy_may_answer(serving, middle, places, responder):
    issued = middle.server(ocsp=[places.url(ANSWER)])
    responder.signer = middle.responder()
    responder.known.append(issued)
    _, options = serving(issued, SSLCheckOCSP=2)
    send(options)
    responder.known.clear()
    responder.revoked.append(issued)
    with failing(TlsError, 280) as caught:
        send(options)
    assert "was revoked on" in caught.value.detail


def test_a_certificate_of_the_root_itself(serving, root, places, responder):
    """The server sends no issuer then: it is among the trusted."""
    issued = root.server(ocsp=[places.url(ANSWER)])
    responder.authority = responder.signer = root
    responder.known.append(issued)
    _, options = serving(issued, SSLCheckOCSP=2)
    send(options)
    assert len(places.requests) == 1


def unknown(issued, middle, root, responder):
    return responder  # which knows of no certificate at all


def stale(issued, middle, root, responder):
    return answer(issued, middle, since=-48, until=-24)


def early(issued, middle, root, responder):
    return answer(issued, middle, since=24, until=48)


def old_and_without_end(issued, middle, root, responder):
    return answer(issued, middle, since=-48, until=None)


def of_a_stranger(issued, middle, root, responder):
    stranger = Issued.root("Stranger")
    return answer(issued, stranger, certificates=[stranger])


def of_a_server(issued, middle, root, responder):
    """Whom the issuer knows, and who may not answer."""
    other = middle.server()
    return answer(issued, other, certificates=[other])


def of_a_deputy_of_another(issued, middle, root, responder):
    deputy = root.authority("Other").responder()
    return answer(issued, deputy, certificates=[deputy])


def about_another(issued, middle, root, responder):
    return answer(middle.server(), middle)


def forged(issued, middle, root, responder):
    good = answer(issued, middle)
    return good[:-1] + bytes([good[-1] ^ 1])


def later(issued, middle, root, responder):
    return refusal(OCSPResponseStatus.TRY_LATER)


def garbage(issued, middle, root, responder):
    return b"no answer"


def empty(issued, middle, root, responder):
    return b""


def too_long(issued, middle, root, responder):
    return bytes(70_000)


def elsewhere(issued, middle, root, responder):
    return lambda handler, _: handler.reply(302, b"", Location="file:///etc/passwd")


def not_http(issued, middle, root, responder):
    return lambda handler, _: handler.wfile.write(b"220 mail.example ESMTP\r\n")


def cut_off(issued, middle, root, responder):
    def answer(handler, _):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 500\r\n\r\nx")

    return answer


BAD = [
    unknown,
    stale,
    early,
    old_and_without_end,
    of_a_stranger,
    of_a_server,
    of_a_deputy_of_another,
    about_another,
    forged,
    later,
    garbage,
    empty,
    too_long,
    elsewhere,
    not_http,
    cut_off,
]


@pytest.mark.proves("SSLCheckOCSP")
@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("page", BAD)
def test_without_a_word_of_today_nothing_goes(
    serving, middle, root, places, responder, *, page, mode
):
    issued = middle.server(ocsp=[places.url(ANSWER)])
    places.pages[ANSWER] = page(issued, middle, root, responder)
    server, options = serving(issued, SSLCheckOCSP=mode)
    with failing(TlsError, 280) as caught:
        send(options)
    assert "is not known: " in caught.value.detail
    assert OCSP in caught.value.hint
    assert caught.value.retry is Retry.LATER
    assert untouched(server)
    assert len(places.requests) == 1


@pytest.mark.proves("SSLCheckOCSP")
def test_whom_nobody_can_ask(serving, middle, places, responder):
    """One that is not there, and then one that is."""
    gone = "http://127.0.0.1:1/ocsp"
    server, options = serving(middle.server(ocsp=[gone]), SSLCheckOCSP=1)
    with failing(TlsError, 280) as caught:
        send(options)
    assert gone in caught.value.detail
    assert untouched(server)
    issued = middle.server(ocsp=[gone, places.url("/nothing"), places.url(ANSWER)])
    responder.known.append(issued)
    server, options = serving(issued, SSLCheckOCSP=1)
    send(options)
    assert [path for _, path, _ in places.requests] == ["/nothing", ANSWER]


@pytest.mark.proves("SSLCheckOCSP", "SSLCheckCRL")
@pytest.mark.parametrize("key", [OCSP, CRL])
def test_a_certificate_that_names_nobody(serving, middle, places, key):
    server, options = serving(middle.server(), **{key: 1})
    send(options)
    assert [one.contents for one in server.settled()] == [[MAIL]]
    server, options = serving(middle.server(), **{key: 2})
    with failing(TlsError, 280) as caught:
        send(options)
    assert "names nobody" in caught.value.detail
    assert caught.value.hint == f"see {key}"
    assert caught.value.retry is Retry.NO
    assert untouched(server)


@pytest.mark.parametrize("url", ["ldap://127.0.0.1/cn=x", "file:///etc/passwd", "http:///x", "x"])
def test_only_http_is_spoken(serving, middle, url):
    server, options = serving(middle.server(ocsp=[url]), SSLCheckOCSP=1)
    with failing(TlsError, 280) as caught:
        send(options)
    assert "no address for HTTP" in caught.value.detail
    assert untouched(server)


def test_a_place_may_have_a_certificate_of_its_own(serving, root, middle, tmp_path):
    """It is verified as the mail server's is."""
    issued = []
    for authority in (root, Issued.root("Stranger")):
        with Places(authority.server().server_context(tmp_path)) as secured:
            issued.append(middle.server(ocsp=[secured.url(ANSWER)]))
            secured.pages[ANSWER] = answer(issued[-1], middle)
            server, options = serving(issued[-1], SSLCheckOCSP=2)
            if authority is root:
                send(options)
                assert [method for method, _, _ in secured.requests] == ["POST"]
                continue
            with failing(TlsError, 280) as caught:
                send(options)
            assert "unable to get local issuer" in caught.value.detail
            assert secured.requests == []
            assert untouched(server)


@pytest.mark.proves("SSLCheckOCSP")
def test_a_certificate_that_was_accepted_by_hand_can_be_revoked(serving, places, responder):
    """Its issuer is whom the server sends, and who signed it."""
    stranger = Issued.root("Stranger").authority("Lower")
    issued = stranger.server(ocsp=[places.url(ANSWER)])
    responder.authority = responder.signer = stranger
    responder.known.append(issued)
    _, options = serving(issued, SSLCheckOCSP=2)
    options.ssl_accept_server_cert_encoded = issued.pem
    send(options)
    responder.known.clear()
    responder.revoked.append(issued)
    with failing(TlsError, 280) as caught:
        send(options)
    assert "was revoked on" in caught.value.detail


def test_an_issuer_that_nobody_shows(serving, places, responder):
    stranger = Issued.root("Stranger")
    issued = stranger.server(ocsp=[places.url(ANSWER)])
    server, options = serving(issued, SSLCheckOCSP=1)
    options.ssl_accept_server_cert_encoded = issued.pem
    with failing(TlsError, 280) as caught:
        send(options)
    assert "issuer is not known" in caught.value.detail
    assert places.requests == []
    assert untouched(server)


# ---- lists ----


@pytest.mark.proves("SSLCheckCRL")
@pytest.mark.parametrize("mode", [1, 2])
def test_who_is_not_on_the_list_is_good(serving, middle, places, mode):
    issued = middle.server(crl=[places.url(LIST)])
    places.pages[LIST] = middle.revoking(middle.server())
    server, options = serving(issued, SSLCheckCRL=mode)
    send(options)
    assert [one.contents for one in server.settled()] == [[MAIL]]
    assert places.requests == [("GET", LIST, b"")]


@pytest.mark.proves("SSLCheckCRL", "SSL 280")
def test_who_is_on_the_list_gets_nothing(serving, middle, places):
    issued = middle.server(crl=[places.url("/none"), places.url(LIST)])
    places.pages[LIST] = middle.revoking(middle.server(), issued)
    server, options = serving(issued, SSLCheckCRL=1)
    with failing(TlsError, 280) as caught:
        send(options)
    assert "was revoked on" in caught.value.detail
    assert untouched(server)


@pytest.mark.proves("SSLCheckCRL")
@pytest.mark.parametrize(
    "page",
    [
        lambda middle: middle.revoking(since=48, until=-24),
        lambda middle: middle.revoking(since=-24, until=48),
        lambda _: Issued.root("Stranger").revoking(),
        lambda _: Issued.root().authority("Middle").revoking(),  # of the same name
        lambda middle: middle.revoking()[:-1] + b"\0",
        lambda _: b"",
        lambda _: b"no list",
        lambda _: None,
    ],
    ids=["stale", "early", "stranger", "namesake", "forged", "empty", "garbage", "silent"],
)
def test_a_list_that_is_not_the_issuer_s_of_today(serving, middle, places, page):
    places.pages[LIST] = page(middle)
    server, options = serving(middle.server(crl=[places.url(LIST)]), SSLCheckCRL=1)
    with failing(TlsError, 280) as caught:
        send(options)
    assert "is not known: " in caught.value.detail
    assert CRL in caught.value.hint
    assert untouched(server)


@pytest.mark.proves("SSLCheckOCSP", "SSLCheckCRL")
@pytest.mark.parametrize("by", [OCSP, CRL])
def test_both_are_asked_and_each_can_say_no(serving, middle, places, responder, by):
    issued = middle.server(ocsp=[places.url(ANSWER)], crl=[places.url(LIST)])
    _, options = serving(issued, SSLCheckOCSP=1, SSLCheckCRL=1)
    responder.known.append(issued)
    places.pages[LIST] = middle.revoking()
    send(options)
    assert sorted(path for _, path, _ in places.requests) == [LIST, ANSWER]
    if by == OCSP:
        responder.known.clear()
        responder.revoked.append(issued)
    else:
        places.pages[LIST] = middle.revoking(issued)
    with failing(TlsError, 280) as caught:
        send(options)
    assert "was revoked on" in caught.value.detail


# ---- limits ----


def hang(places):
    return lambda *_: places.over.wait(20) and None


def drip(places):
    def answer(handler, _):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 50000\r\n\r\n")
        while not places.over.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    return answer


@pytest.mark.parametrize("page", [hang, drip])
def test_a_place_has_its_time_and_no_more(serving, middle, places, page, monkeypatch):
    monkeypatch.setattr(revocation_fetch, "SECONDS", 0.5)
    places.pages[LIST] = page(places)
    server, options = serving(middle.server(crl=[places.url(LIST)]), SSLCheckCRL=1)
    with failing(TlsError, 280, within=4):
        send(options, run=Run(timeout=30))
    assert untouched(server)


def test_a_list_has_its_size_and_no_more(serving, middle, places):
    sent = []

    def endless(handler, _):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while not places.over.is_set():
            handler.wfile.write(bytes(1 << 20))
            sent.append(1 << 20)

    places.pages[LIST] = endless
    _, options = serving(middle.server(crl=[places.url(LIST)]), SSLCheckCRL=1)
    with failing(TlsError, 280, within=20) as caught:
        send(options, run=Run(timeout=30))
    assert "more than" in caught.value.detail
    assert sum(sent) < 24 << 20


def test_an_interrupt_ends_the_asking(serving, middle, places):
    places.pages[LIST] = hang(places)
    server, options = serving(middle.server(crl=[places.url(LIST)]), SSLCheckCRL=1)
    run = Run(timeout=30)
    threading.Timer(0.5, run.cancel).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        send(options, run=run)
    assert time.monotonic() - started < 3
    assert untouched(server)


def test_the_way_there_is_that_to_the_server(serving, middle, places, responder):
    """With a firewall that is not there nobody is asked around it."""
    issued = middle.server(ocsp=[places.url(ANSWER)])
    _, options = serving(issued)
    options.firewall_type, options.firewall_host, options.firewall_port = 3, "127.0.0.1", 1
    options.local_port = 0
    with pytest.raises(GpgmailError):
        revocation_fetch.fetch(places.url(ANSWER), options, Run(timeout=5), limit=1000)
    assert places.requests == []


# ---- what else it means ----


def test_the_extra_is_named_where_it_is_missing(serving, middle, places, monkeypatch):
    places.pages[LIST] = middle.revoking()
    server, options = serving(middle.server(crl=[places.url(LIST)]), SSLCheckCRL=1)
    for name in list(sys.modules):
        if name.partition(".")[0] == "pyhanko_certvalidator":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyhanko_certvalidator", None)
    with failing(UnsupportedError) as caught:
        send(options)
    assert "gpgmail[revocation]" in caught.value.hint
    assert untouched(server)


@pytest.mark.proves("ReuseSSLSession")
def test_no_session_outlives_an_answer(serving, middle, places, responder):
    issued = middle.server(ocsp=[places.url(ANSWER)])
    responder.known.append(issued)
    server, options = serving(issued, SSLCheckOCSP=1, ReuseSSLSession=True)
    resumption = Resumption()
    for _ in range(2):
        with Session.open(options, Run(timeout=5), resumption):
            pass
    assert server.tls.session_stats()["hits"] == 0
    responder.known.clear()
    responder.revoked.append(issued)
    with failing(TlsError, 280), Session.open(options, Run(timeout=5), resumption):
        pass
    assert len(places.requests) == 3
