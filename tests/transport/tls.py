"""What the tests of TLS share: servers' contexts that tell what they agreed on, and hellos read."""

from __future__ import annotations

import ssl
import warnings
from contextlib import contextmanager

import trustme

from gpgmail.core.config import configure
from gpgmail.testing.script import Drop, Phase
from tests.servers.hostile import Hostile
from tests.transport.support import MAIL, options_for, send

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
RSA = trustme.KeyType.RSA
GROUPS = 10  # supported_groups (RFC 8446 section 4.2.7)
KEY_SHARE = 51
NUMBERS = {"X25519": 0x1D, "X448": 0x1E, "prime256v1": 0x17, "secp384r1": 0x18, "ffdhe2048": 0x100}


class ServerContext(ssl.SSLContext):
    """A server's context; `agreed` is what each of its handshakes came out with, as it sees it."""

    def __new__(cls, *_args, **_kwargs):
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, leaf, versions=(TLS_1_2, TLS_1_3), ciphers=None, group=None):
        self.agreed = []
        leaf.configure_cert(self)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.minimum_version, self.maximum_version = min(versions), max(versions)
        if ciphers:
            self.set_ciphers(ciphers)
        if group:
            self.set_ecdh_curve(group)

    def wrap_socket(self, *args, **kwargs):
        sock = super().wrap_socket(*args, **kwargs)
        self.agreed.append((sock.version(), sock.cipher()[0]))
        return sock


@contextmanager
def serving(context, *, implicit=True, script=()):
    with Hostile(script, tls=context, implicit_tls=implicit) as server:
        yield server


def configured(server, ca_file, *settings, implicit=True, **rows):
    """Options for *server* with settings as config() takes them."""
    rows = {"openssl_ca_file": ca_file, **rows}
    options = options_for(server, "localhost", ssl_start_mode=1 if implicit else 2, **rows)
    for setting in settings:
        configure(options, setting)
    return options


def agreed(context, ca_file, *settings, **rows):
    """Send one mail under *settings*; return what the server agreed on."""
    with serving(context) as server:
        send(configured(server, ca_file, *settings, **rows))
        assert server.settled()[0].contents == [MAIL]
    return context.agreed[-1]


def hello_of(certificates, ca_file, *settings):
    """The extensions of the TLS hello that is sent under *settings*, by their numbers."""
    script = {Phase.TLS_HELLO: Drop()}
    with serving(certificates.contexts["good"], script=script) as server:
        try:
            send(configured(server, ca_file, *settings))
        except OSError:
            return _extensions(server.settled()[0].hello)
    raise AssertionError("a server that dropped the connection took the mail")


def numbers(extension):
    """The numbers in an extension that is a list of 16-bit ones."""
    return [int.from_bytes(extension[at : at + 2], "big") for at in range(2, len(extension), 2)]


def _extensions(record):
    """RFC 8446 section 4.1.2, behind the headers of record and message."""
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]
    at += 2 + int.from_bytes(record[at : at + 2], "big")
    at += 1 + record[at]
    found, at = {}, at + 2
    while at < len(record):
        kind, length = (int.from_bytes(record[at + i : at + i + 2], "big") for i in (0, 2))
        found[kind] = record[at + 4 : at + 4 + length]
        at += 4 + length
    return found
