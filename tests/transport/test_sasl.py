"""The mechanisms as bytes, against the RFCs' examples and the libraries' own servers."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import importlib.util
import pkgutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from scramp import ScramMechanism

from gpgmail.core.errors import GpgmailError, UnsupportedError, UsageError
from gpgmail.core.secret import Secret
from gpgmail.transport import sasl
from gpgmail.transport.sasl import bearer, binding, digest_md5
from gpgmail.transport.sasl.base import Credentials, NonsenseError, Takes, UnprovenError

BOTH = Credentials("müller", Secret("pässword"), host="mail.example.org")
TOKEN = Credentials("a=b,c@example.org", Secret(""), Secret("Bearer tok.en~1=="), "mx", 587)
HELPERS = {"base", "bearer", "binding", "options"}


def begun(name, credentials=BOTH, **facts):
    facts = credentials._replace(mechanism=name, **facts)
    return sasl.exchange(sasl.named(name)[0], facts)


def responses(name, challenges, credentials=BOTH):
    exchange = begun(name, credentials)
    said = [exchange.send(None), *(exchange.send(challenge) for challenge in challenges)]
    with pytest.raises(StopIteration):  # and is at its end when the server says welcome
        exchange.send(None)
    return said


# -------------------------------------------------------------------------------------- the table


def test_every_file_is_registered():
    files = {module.name for module in pkgutil.iter_modules(sasl.__path__)} - HELPERS
    assert files == {mechanism.file for mechanism in sasl.RANKED}
    for name in files:
        assert importlib.import_module(f"{sasl.__name__}.{name}").exchange


PASSWORD = Credentials("u", Secret("p"))
BOUND = Credentials("u", Secret("p"), binding=b"x")
FOR_OTHERS = Credentials("u", Secret("p"), Secret("admin"))
EVERY = [mechanism.name for mechanism in sasl.RANKED]


@pytest.mark.parametrize(
    ("offered", "credentials", "allowed", "name"),
    [
        (["LOGIN", "PLAIN"], PASSWORD, "", "PLAIN"),
        (["login"], PASSWORD, "", "LOGIN"),
        (["GSSAPI", "plain", "X"], PASSWORD, "", "PLAIN"),
        (EVERY, PASSWORD, "", "SCRAM-SHA-256"),
        (EVERY, BOUND, "", "SCRAM-SHA-256-PLUS"),
        (EVERY, FOR_OTHERS, "", "DIGEST-MD5"),
        (["PLAIN", "CRAM-MD5", "LOGIN"], PASSWORD, "", "CRAM-MD5"),
        (["NTLM", "LOGIN"], PASSWORD, "", "LOGIN"),
        (EVERY, TOKEN, "", "OAUTHBEARER"),
        (["XOAUTH2", "PLAIN"], TOKEN, "", "XOAUTH2"),
        (["EXTERNAL", "GSSAPI"], PASSWORD, "", None),
        (["EXTERNAL", "GSSAPI", "PLAIN"], PASSWORD, "EXTERNAL,PLAIN", "EXTERNAL"),
        (EVERY, PASSWORD, "SCRAM-SHA-1-PLUS,LOGIN", "LOGIN"),
        (["XOAUTH2"], PASSWORD, "", None),
        ([], PASSWORD, "", None),
        (["PLAINX"], PASSWORD, "", None),
    ],
)
def test_the_best_that_is_offered_and_fits_is_taken(offered, credentials, allowed, name):
    mechanism = sasl.choose(offered, credentials, allowed)
    assert (mechanism and mechanism.name) == name


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


@pytest.mark.usefixtures("nothing_installed")
def test_what_is_not_installed_is_left_out_unless_there_is_no_other():
    assert sasl.choose(["SCRAM-SHA-256", "PLAIN"], PASSWORD).name == "PLAIN"
    mechanism = sasl.choose(["NTLM"], PASSWORD)
    with pytest.raises(UnsupportedError, match=r"NTLM: spnego is not installed .*gpgmail\[auth\]"):
        sasl.exchange(mechanism, PASSWORD)


@pytest.mark.usefixtures("nothing_installed")
def test_what_was_asked_for_and_is_not_installed_is_not_replaced():
    mechanism = sasl.choose(["GSSAPI", "PLAIN"], PASSWORD, "GSSAPI,PLAIN")
    with pytest.raises(UnsupportedError, match=r"gpgmail\[kerberos\]"):
        sasl.exchange(mechanism, PASSWORD)


def test_those_that_reveal_nothing_come_before_those_that_do():
    ranked = [m.reveals for m in sasl.RANKED if m.takes is Takes.PASSWORD]
    assert ranked == sorted(ranked)


def test_the_secrets_are_in_no_repr():
    assert "pässword" not in repr(BOTH)
    assert "tok.en" not in repr(TOKEN)


# ------------------------------------------------------------------------------- each as bytes


def test_plain():
    assert responses("PLAIN", []) == ["\0müller\0pässword".encode()]
    assert responses("PLAIN", [], FOR_OTHERS) == [b"admin\0u\0p"]


def test_login_follows_the_order_and_not_the_words():
    assert responses("LOGIN", [b"Password:", b"whatever"]) == [
        None,
        "müller".encode(),
        "pässword".encode(),
    ]


def test_cram_md5_as_in_rfc_2195():
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    tim = Credentials("tim", Secret("tanstaaftanstaaf"))
    answer = b"tim b913a602c7eda7a495b4e6e7334d3890"
    assert responses("CRAM-MD5", [challenge], tim) == [None, answer]


def test_external():
    assert responses("EXTERNAL", []) == [b""]
    assert responses("EXTERNAL", [], FOR_OTHERS) == [b"admin"]


def test_bearer_tokens():
    assert responses("XOAUTH2", [], TOKEN) == [
        b"user=a=b,c@example.org\1auth=Bearer tok.en~1==\1\1"
    ]
    assert responses("OAUTHBEARER", [], TOKEN) == [
        b"n,a=a=3Db=2Cc@example.org,\1host=mx\1port=587\1auth=Bearer tok.en~1==\1\1"
    ]


def test_the_reason_of_a_refusal_is_answered():
    for name, answer in (("XOAUTH2", b""), ("OAUTHBEARER", b"\1")):
        assert responses(name, [b'{"status":"401"}'], TOKEN)[1] == answer


@pytest.mark.parametrize("given", ["tok.en", "bearer  tok.en", "Bearer tok.en "])
def test_a_token_is_taken_with_and_without_its_word(given):
    assert bearer.token(Secret(given)) == "tok.en"


@pytest.mark.parametrize(
    "given", ["two words", "Basic dXNlcg==", "tok\1en", "", "Bearer ", "tökén"]
)
def test_what_is_no_token_is_refused_and_not_repeated(given):
    with pytest.raises(UsageError) as caught:
        bearer.token(Secret(given))
    secret = given.removeprefix("Bearer ")
    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        (b'{"status":"invalid_token","scope":"mail","x":1}', "status invalid_token, scope mail"),
        (b"not json", ""),
        (b"[1]", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_what_a_server_says_of_a_token(challenge, words):
    assert bearer.words(challenge) == words


def test_what_a_server_says_of_a_token_is_not_endless():
    assert len(bearer.words(b'{"status":"' + b"x" * 10_000 + b'"}')) == 500


# ------------------------------------------------------------------------------------ DIGEST-MD5

RFC = (
    b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",'
    b'qop="auth",algorithm=md5-sess,charset=utf-8'
)
SAID = {
    "username": b"chris",
    "realm": b"elwood.innosoft.com",
    "nonce": b"OA6MG9tEQGm2hh",
    "cnonce": b"OA6MHXh6VqTrRk",
    "digest-uri": b"imap/elwood.innosoft.com",
    "authzid": b"",
}


def test_digest_md5_as_in_rfc_2831_section_4():
    key = digest_md5._key(SAID, b"secret")
    assert digest_md5._proof(key, SAID, b"AUTHENTICATE:") == b"d388dad90d4bbd760a152321f2143af7"
    assert digest_md5._proof(key, SAID, b":") == b"ea40f60335c427b5527b84dbabcdfffd"


def digest(challenge, credentials=BOTH):
    """The directives of the response, and the exchange that waits for the server's proof."""
    exchange = begun("DIGEST-MD5", credentials)
    assert exchange.send(None) is None
    return digest_md5._directives(exchange.send(challenge)), exchange


def test_digest_md5_says_what_rfc_2831_section_2_1_2_asks_for():
    said, _ = digest(RFC, BOTH._replace(user='mü"l\\ler', identity=Secret("admin")))
    again, _ = digest(RFC)
    assert said["username"].decode() == 'mü"l\\ler'
    assert (said["realm"], said["nonce"]) == (b"elwood.innosoft.com", b"OA6MG9tEQGm2hh")
    assert (said["nc"], said["qop"], said["charset"]) == (b"00000001", b"auth", b"utf-8")
    assert said["digest-uri"] == b"smtp/mail.example.org"
    assert said["authzid"] == b"admin"
    assert "authzid" not in again
    assert len(said["cnonce"]) >= 16
    assert said["cnonce"] != again["cnonce"]


def test_digest_md5_without_utf8_takes_latin_1():
    said, _ = digest(b'nonce="x",algorithm=md5-sess')
    assert said["username"] == "müller".encode("iso-8859-1")
    assert "charset" not in said
    with pytest.raises(GpgmailError, match="Latin-1"):
        digest(b'nonce="x",algorithm=md5-sess', BOTH._replace(user="Ωmega"))


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"nonsense",
        b'nonce="x"',
        b"algorithm=md5-sess",
        b'nonce="x",nonce="y",algorithm=md5-sess',
        b'nonce="x",algorithm=md5',
        b'nonce="x",algorithm=md5-sess,qop="auth-int,auth-conf"',
        b'nonce="x,algorithm=md5-sess',
        b'nonce="x",algorithm=md5-sess,realm="' + b"r" * 2048 + b'"',
    ],
)
def test_digest_md5_of_nonsense(challenge):
    with pytest.raises(NonsenseError):
        digest(challenge)


@pytest.mark.parametrize("proof", [None, b"", b"rspauth=", b"rspauth=" + b"0" * 32])
def test_digest_md5_of_a_server_that_does_not_know_the_password(proof):
    _, exchange = digest(RFC)
    with pytest.raises((UnprovenError, NonsenseError)):
        exchange.send(proof)


# ----------------------------------------------------------------------------------------- SCRAM

SCRAM = [mechanism.name for mechanism in sasl.RANKED if mechanism.file == "scram"]
CERTIFICATE = b"the hash of a certificate"


def scram_server(name, password="pässword", bound=CERTIFICATE, **facts):
    mechanism = ScramMechanism(name)
    known = mechanism.make_auth_info(password, **facts)
    channel = ("tls-server-end-point", bound) if bound else None
    return mechanism.make_server(lambda _: known, channel_binding=channel)


def scram_talk(name, server, ours):
    exchange = begun(name, binding=ours)
    server.set_client_first(exchange.send(None).decode())
    server.set_client_final(exchange.send(server.get_server_first().encode()).decode())
    assert exchange.send(server.get_server_final().encode()) == b""
    with pytest.raises(StopIteration):
        exchange.send(None)


@pytest.mark.parametrize("name", SCRAM)
def test_scram_and_scramps_own_server(name):
    bound = CERTIFICATE if name.endswith("-PLUS") else None
    scram_talk(name, scram_server(name, bound=bound), bound)


@pytest.mark.parametrize("name", [name for name in SCRAM if name.endswith("-PLUS")])
def test_bound_scram_over_another_connection_is_refused_by_the_server(name):
    with pytest.raises(Exception, match="channel bindings don't match"):
        scram_talk(name, scram_server(name), b"somebody between")


def test_a_server_sees_that_the_bound_mechanism_was_taken_out_of_its_offer():
    with pytest.raises(Exception, match="doesn't think the server supports channel binding"):
        scram_talk("SCRAM-SHA-256", scram_server("SCRAM-SHA-256"), CERTIFICATE)


def test_scram_with_prepared_names():
    server = scram_server("SCRAM-SHA-256", password="pass word", bound=None)
    exchange = begun("SCRAM-SHA-256", user="a,b=c", password=Secret("pass\u00a0word"))
    first = exchange.send(None)
    assert b"n=a=2Cb=3Dc," in first
    server.set_client_first(first.decode())
    server.set_client_final(exchange.send(server.get_server_first().encode()).decode())


@pytest.mark.parametrize("facts", [{"user": "\u0627a"}, {"password": Secret("\u0007bell")}])
def test_what_cannot_be_prepared_is_refused(facts):
    with pytest.raises(UsageError) as caught:
        begun("SCRAM-SHA-256", **facts).send(None)
    assert "bell" not in str(caught.value)


@pytest.mark.parametrize(
    ("forge", "error"),
    [
        (lambda first: first.replace(b"i=4096", b"i=1000001"), NonsenseError),
        (lambda first: first.replace(b"i=4096", b"i=99999999999999"), NonsenseError),
        (lambda first: first.replace(b"i=4096", b"i=1"), NonsenseError),
        (lambda first: b"r=another" + first[first.index(b",") :], NonsenseError),
        (lambda _: b"", NonsenseError),
        (lambda _: b"\xff", NonsenseError),
        (lambda _: None, UnprovenError),
    ],
)
def test_scram_servers_first_words_that_are_wrong(forge, error):
    server = scram_server("SCRAM-SHA-256", bound=None)
    exchange = begun("SCRAM-SHA-256")
    server.set_client_first(exchange.send(None).decode())
    first = server.get_server_first().encode()
    assert b"i=4096" in first
    with pytest.raises(error):
        exchange.send(forge(first))


@pytest.mark.parametrize("proof", [None, b"", b"v=AAAA", b"x", b"\xff"])
def test_scram_of_a_server_that_does_not_know_the_password(proof):
    server = scram_server("SCRAM-SHA-256", bound=None)
    exchange = begun("SCRAM-SHA-256")
    server.set_client_first(exchange.send(None).decode())
    exchange.send(server.get_server_first().encode())
    with pytest.raises((UnprovenError, NonsenseError)):
        exchange.send(proof)


def test_scram_error_and_then_welcome_is_no_proof():
    server = scram_server("SCRAM-SHA-256", bound=None)
    exchange = begun("SCRAM-SHA-256")
    server.set_client_first(exchange.send(None).decode())
    exchange.send(server.get_server_first().encode())
    assert exchange.send(b"e=invalid-proof") == b""
    with pytest.raises(UnprovenError):
        exchange.send(None)


# -------------------------------------------------------------------------------------- and more


def certificate(key, algorithm):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now)
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("algorithm", "name"), [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384")]
)
def test_a_connection_is_named_by_its_certificate(algorithm, name):
    der = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert binding.end_point(der) == hashlib.new(name, der).digest()


def test_a_weak_hash_is_replaced_as_rfc_5929_has_it(monkeypatch):
    monkeypatch.setattr(binding, "_WEAK", {"sha384"})  # no library signs by SHA-1 any more
    der = certificate(ec.generate_private_key(ec.SECP256R1()), hashes.SHA384())
    assert binding.end_point(der) == hashlib.sha256(der).digest()


def test_some_certificates_give_no_name():
    assert binding.end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) is None
    assert binding.end_point(b"no certificate") is None


@pytest.mark.parametrize("challenge", [b"", b"NTLMSSP\0", b"x" * 200])
def test_ntlm_of_nonsense(challenge):
    exchange = begun("NTLM")
    assert exchange.send(None).startswith(b"NTLMSSP\0\1")
    with pytest.raises(NonsenseError):
        exchange.send(challenge)


@pytest.mark.parametrize("name", ["CRAM-MD5", "DIGEST-MD5", "NTLM"])
def test_welcome_before_the_challenge(name):
    exchange = begun(name)
    exchange.send(None)
    with pytest.raises(UnprovenError):
        exchange.send(None)
