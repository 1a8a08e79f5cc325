"""Logins with a server that asks what the test has it ask: bound, cheated, refused, and masked."""

from __future__ import annotations

import base64
import json
import logging

import pytest
from scramp import ScramException, ScramMechanism

from gpgmail.core.config import configure
from gpgmail.core.errors import PolicyError, ServerError, UnsupportedError, UsageError
from gpgmail.core.run import Run
from gpgmail.transport import sasl
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.sasl import digest_md5
from gpgmail.transport.sasl.binding import end_point
from tests.servers.asking import REFUSED, WELCOME, Asking
from tests.transport.support import MAIL, PASSWORD, USER, Ears, failing, login, options_for, send
from tests.transport.test_secrets import told_by

TOKEN = "ya29.AHES6ZRmS-8xPbpGetC1VbABJIBRdKm"


def taking(*, count=1, reply=WELCOME):
    """A login with so many empty challenges, whatever is said; and what was said."""
    said = []

    def ask(mechanism, initial):
        said.append((mechanism, initial))
        for _ in range(count - (initial is not None)):
            answer = yield b""
            said.append((mechanism, answer))
        return reply

    return ask, said


def scram(password=PASSWORD, forge=lambda final: final, binding=None, skip=False):
    """A login by scramp's own server; *forge* changes its last words, *skip* leaves them out."""

    def ask(name, initial):
        mechanism = ScramMechanism(name)
        known = mechanism.make_auth_info(password)
        server = mechanism.make_server(lambda _: known, channel_binding=binding)
        server.set_client_first(initial.decode())
        final = yield server.get_server_first().encode()
        try:
            server.set_client_final(final.decode())
        except ScramException:
            return REFUSED
        if not skip:
            yield forge(server.get_server_final()).encode()
        return WELCOME

    return ask


# ---------------------------------------------------------------------------------- over TLS


def by_tls(server, certificates, tmp_path, **rows):
    authority = certificates.write_authority(tmp_path / "ca.pem")
    return options_for(
        server, "localhost", ssl_start_mode=1, openssl_ca_file=str(authority), **login(**rows)
    )


def presented(certificates):
    """The certificate of the good server as DER."""
    pem = certificates.chains["good"].cert_chain_pems[0].bytes().decode()
    return base64.b64decode("".join(pem.splitlines()[1:-1]))


@pytest.mark.parametrize("name", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"])
def test_a_login_is_bound_to_the_connections_certificate(certificates, tmp_path, name):
    bound = ("tls-server-end-point", end_point(presented(certificates)))
    ask = scram(binding=bound)
    with Asking(f"{name} PLAIN", ask, certificates.contexts["good"]) as server:
        send(by_tls(server, certificates, tmp_path))
    assert server.contents == [MAIL]
    assert server.commands[1].startswith(f"AUTH {name} ")


def test_a_login_that_somebody_passes_on_is_refused(certificates, tmp_path):
    """The password's own server sits behind another certificate than the one that we saw."""
    ask = scram(binding=("tls-server-end-point", b"another certificate"))
    context = certificates.contexts["good"]
    with Asking("SCRAM-SHA-256-PLUS", ask, context) as server, failing(ServerError, 161):
        send(by_tls(server, certificates, tmp_path))
    assert server.contents == []


def flag_of(server, options):
    send(options)
    return base64.b64decode(server.commands[1].split()[2])[:1]


@pytest.mark.parametrize(
    ("offer", "rows", "flag"),
    [
        ("SCRAM-SHA-256", {}, b"y"),
        ("SCRAM-SHA-256 SCRAM-SHA-256-PLUS", {"auth_mechanisms": "SCRAM-SHA-256"}, b"n"),
    ],
)
def test_whether_we_could_have_been_bound_is_said(certificates, tmp_path, offer, rows, flag):
    with Asking(offer, scram(), certificates.contexts["good"]) as server:
        assert flag_of(server, by_tls(server, certificates, tmp_path, **rows)) == flag


def test_nothing_is_bound_without_tls():
    with Asking("SCRAM-SHA-256-PLUS SCRAM-SHA-256", scram()) as server:
        assert flag_of(server, options_for(server, **login())) == b"n"
    assert server.commands[1].startswith("AUTH SCRAM-SHA-256 ")


# ---------------------------------------------------------------------------- servers that cheat


def digest(proof):
    def ask(mechanism, initial):
        assert (mechanism, initial) == ("DIGEST-MD5", None)
        said = digest_md5._directives((yield b'nonce="x",qop="auth",algorithm=md5-sess'))
        if proof is not None:
            yield proof(said)
        return WELCOME

    return ask


def welcoming(mechanism, initial):
    """A server that lets everybody in at once."""
    return WELCOME
    yield


CHEATS = {
    "a wrong signature": ("SCRAM-SHA-256", scram(forge=lambda _: "v=AAAA")),
    "another's signature": ("SCRAM-SHA-256", scram(forge=lambda final: final[:-5] + "AAAA=")),
    "no signature": ("SCRAM-SHA-256", scram(skip=True)),
    "an error and a welcome": ("SCRAM-SHA-256", scram(forge=lambda _: "e=other-error")),
    "welcome at once": ("SCRAM-SHA-256", welcoming),
    "a wrong rspauth": ("DIGEST-MD5", digest(lambda _: b"rspauth=" + b"0" * 32)),
    "our own proof as its own": ("DIGEST-MD5", digest(lambda s: b"rspauth=" + s["response"])),
    "no rspauth": ("DIGEST-MD5", digest(None)),
    "no challenge": ("CRAM-MD5", welcoming),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_server_that_does_not_prove_itself_is_left_at_once(name):
    offer, ask = CHEATS[name]
    with Asking(f"{offer} PLAIN LOGIN", ask) as server, failing(PolicyError, 22) as caught:
        send(options_for(server, **login()))
    assert offer in str(caught.value)
    assert [line.split()[0] for line in server.commands] == ["EHLO", "AUTH"]
    assert server.contents == []


@pytest.mark.parametrize("iterations", [1, 4095, 1_000_001, 10**12])
def test_a_server_cannot_have_us_compute_too_little_or_for_ever(iterations):
    def ask(mechanism, initial):
        nonce = initial.decode().rpartition("r=")[2]
        yield f"r={nonce}x,s={'A' * 24},i={iterations}".encode()
        return WELCOME

    with Asking("SCRAM-SHA-256 PLAIN", ask) as server, failing(ServerError, 162, within=2):
        send(options_for(server, **login()))
    assert server.commands[2:] == ["*"]


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "offer",
    ["SCRAM-SHA-256 PLAIN", "CRAM-MD5 PLAIN", "PLAIN LOGIN"],
)
def test_who_is_refused_does_not_try_a_weaker_one(offer):
    ask, said = taking(reply=REFUSED)
    with Asking(offer, ask) as server, failing(ServerError, 161) as caught:
        send(options_for(server, **login()))
    assert "535 5.7.8 Go away" in str(caught.value)
    assert len({mechanism for mechanism, _ in said}) == 1
    assert [line.split()[0] for line in server.commands] == ["EHLO", "AUTH"]


# --------------------------------------------------------------------------------------- tokens


def token_rows(name, given=f"Bearer {TOKEN}", **rows):
    options = TransportOptions()
    configure(options, f"AuthorizationIdentity={given}")
    identity = options.authorization_identity
    return {"user": USER, "auth_mechanisms": name, "authorization_identity": identity, **rows}


@pytest.mark.proves("AuthorizationIdentity", "auth_mechanism")
@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", TOKEN])
def test_xoauth2_takes_the_authorization_string(given):
    ask, said = taking()
    rows = {**token_rows("", given), "auth_mechanism": 7}
    with Asking("XOAUTH2 PLAIN", ask) as server:
        send(options_for(server, **rows))
    assert said == [("XOAUTH2", f"user={USER}\1auth=Bearer {TOKEN}\1\1".encode())]


def test_a_token_alone_takes_the_mechanism_with_a_standard():
    ask, said = taking()
    with Asking("PLAIN XOAUTH2 OAUTHBEARER", ask) as server:
        send(options_for(server, **token_rows("")))
    where = f"host=127.0.0.1\1port={server.port}\1auth=Bearer {TOKEN}"
    assert said == [("OAUTHBEARER", f"n,a={USER},\1{where}\1\1".encode())]


def test_a_long_token_goes_in_a_line_of_its_own():
    ask, said = taking(count=1)
    with Asking("XOAUTH2", ask) as server:
        send(options_for(server, **token_rows("XOAUTH2", "t" * 2000)))
    assert server.commands[1] == "AUTH XOAUTH2"
    assert f"Bearer {'t' * 2000}".encode() in said[-1][1]


@pytest.mark.parametrize("name", ["XOAUTH2", "OAUTHBEARER"])
def test_what_the_server_says_of_a_token_is_told_without_the_token(name, caplog):
    words = {"status": "invalid_token", "scope": "mail.send", "was": TOKEN}

    def ask(mechanism, initial):
        yield json.dumps(words).encode()
        return REFUSED

    caplog.set_level(logging.DEBUG)
    ears = Ears()
    with Asking(name, ask) as server:
        options = options_for(server, **token_rows(name))
        with failing(ServerError, 161) as caught:
            send(options, run=Run(timeout=5, emit=ears))
    assert "535 5.7.8 Go away (status invalid_token, scope mail.send" in str(caught.value)
    seen = [*told_by(caught.value), *map(repr, ears.events), *ears.lines(), caplog.text]
    text = "\n".join([*seen, repr(options)])
    assert TOKEN not in text
    assert base64.b64encode(TOKEN.encode()).decode() not in text
    assert TOKEN.encode() in base64.b64decode(server.commands[1].split()[2])


def test_a_token_and_no_user():
    with Asking("XOAUTH2", taking()[0]) as server:
        send(options_for(server, **token_rows("XOAUTH2", user="")))
    assert "AUTH" not in " ".join(server.commands[1:])  # no user, no login


# --------------------------------------------------------------------------- whom to act for


@pytest.mark.proves("AuthorizationIdentity")
def test_whom_to_act_for():
    ask, said = taking()
    with Asking("PLAIN CRAM-MD5 LOGIN", ask) as server:
        send(options_for(server, **login(authorization_identity="admin@example.org")))
    assert said == [("PLAIN", f"admin@example.org\0{USER}\0{PASSWORD}".encode())]


def test_a_mechanism_that_cannot_say_it_is_not_used():
    rows = login(authorization_identity="admin", auth_mechanisms="CRAM-MD5,PLAIN")
    with Asking("PLAIN CRAM-MD5", taking()[0]) as server, failing(UsageError, 2) as caught:
        send(options_for(server, **rows))
    assert "AuthorizationIdentity: cannot be said by CRAM-MD5" in str(caught.value)


@pytest.mark.parametrize(("identity", "initial"), [("", b""), ("admin", b"admin")])
def test_external_needs_neither_user_nor_password(identity, initial):
    ask, said = taking()
    rows = {"auth_mechanisms": "EXTERNAL", "authorization_identity": identity}
    with Asking("EXTERNAL PLAIN", ask) as server:
        send(options_for(server, **rows))
    assert said == [("EXTERNAL", initial)]
    assert initial or server.commands[1] == "AUTH EXTERNAL ="


# -------------------------------------------------------------------- what cannot be, before AUTH


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"user": USER}, "password: is needed to log in"),
        ({"user": USER, "auth_mechanisms": "CRAM-MD5"}, "password: is needed for CRAM-MD5"),
        ({"user": USER, "auth_mechanisms": "XOAUTH2"}, "AuthorizationIdentity: is needed for"),
        (token_rows("XOAUTH2", "no token"), "AuthorizationIdentity: is no bearer token"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(rows, words):
    offer = "PLAIN CRAM-MD5 XOAUTH2"
    with Asking(offer, taking()[0]) as server, failing(UsageError, 2) as caught:
        send(options_for(server, **rows))
    assert words in str(caught.value)
    assert [line.split()[0] for line in server.commands] == ["EHLO"]


@pytest.fixture
def far_away(monkeypatch):
    """Makes 127.0.0.1 look like another machine."""
    monkeypatch.setattr("gpgmail.transport.address.is_loopback", lambda _: False)


REVEALING = [mechanism.name for mechanism in sasl.RANKED if mechanism.reveals]


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("name", REVEALING)
def test_what_reveals_does_not_go_out_in_clear(name):
    takes_token = name in {"XOAUTH2", "OAUTHBEARER"}
    rows = token_rows(name) if takes_token else login(auth_mechanisms=name)
    ask, said = taking(count=2)
    with Asking(name, ask) as server:
        with failing(PolicyError, 4) as caught:
            send(options_for(server, ssl_start_mode=3, **rows))
        assert f"{name} without TLS" in str(caught.value)
        assert said == []


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("name", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_what_reveals_nothing_may(name):
    with Asking(name, scram()) as server:
        send(options_for(server, ssl_start_mode=3, **login()))
    assert server.contents == [MAIL]


@pytest.mark.usefixtures("far_away")
def test_a_token_may_where_the_caller_says_so():
    ask, said = taking()
    rows = token_rows("XOAUTH2", allow_cleartext_auth=True)
    with Asking("XOAUTH2", ask) as server:
        send(options_for(server, ssl_start_mode=3, **rows))
    assert len(said) == 1


# ----------------------------------------------------------------------------------------- rows


@pytest.mark.proves("auth_mechanism")
def test_the_number_and_the_list_are_one():
    options = TransportOptions()
    named = {
        0: "",
        1: "CRAM-MD5",
        2: "NTLM",
        4: "PLAIN",
        5: "DIGEST-MD5",
        6: "GSSAPI",
        7: "XOAUTH2",
    }
    assert options.auth_mechanism == 0
    for number, name in named.items():
        options.auth_mechanism = number
        assert options.auth_mechanisms == name
        options.auth_mechanisms = "LOGIN"
        assert options.auth_mechanism == 0
        options.auth_mechanisms = name
        assert options.auth_mechanism == number


@pytest.mark.proves("auth_mechanism")
@pytest.mark.parametrize(
    ("number", "kind"), [(3, UnsupportedError), (8, UsageError), (-1, UsageError)]
)
def test_numbers_that_are_none(number, kind):
    options = TransportOptions(auth_mechanism=5)
    with failing(kind):
        options.auth_mechanism = number
    assert options.auth_mechanism == 5


# ------------------------------------------------------------------------------------- masking


def test_nothing_of_an_exchange_is_in_the_transcript(caplog):
    caplog.set_level(logging.DEBUG)
    ears = Ears()
    said = []

    def ask(name, initial):
        talk = scram()(name, initial)
        said.append(initial)
        challenge = next(talk)
        try:
            while True:
                said.extend([challenge, (answer := (yield challenge))])
                challenge = talk.send(answer)
        except StopIteration as end:
            return end.value

    with Asking("SCRAM-SHA-256", ask) as server:
        send(options_for(server, **login()), run=Run(timeout=5, emit=ears))
    text = "\n".join([*map(repr, ears.events), *ears.lines(), caplog.text])
    assert len(said) == 5
    for word in filter(None, said):
        assert base64.b64encode(word).decode() not in text
        assert word.decode() not in text
    assert ears.lines().count("********") == 2
