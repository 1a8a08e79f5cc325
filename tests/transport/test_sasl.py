"""The mechanisms as bytes, and which one is taken."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from gpgmail.core.secret import Secret
from gpgmail.transport import sasl
from gpgmail.transport.sasl.base import Credentials

BOTH = Credentials("müller", Secret("pässword"))


def responses(mechanism, challenges):
    exchange = mechanism.exchange(BOTH)
    return [next(exchange), *(exchange.send(challenge) for challenge in challenges)]


def by_name(name):
    (mechanism,) = [mechanism for mechanism in sasl.RANKED if mechanism.name == name]
    return mechanism


def test_plain():
    assert responses(by_name("PLAIN"), []) == ["\0müller\0pässword".encode()]


def test_login_follows_the_order_and_not_the_words():
    assert responses(by_name("LOGIN"), [b"Password:", b"whatever"]) == [
        None,
        "müller".encode(),
        "pässword".encode(),
    ]


@pytest.mark.parametrize(
    ("offered", "name"),
    [
        (["LOGIN", "PLAIN"], "PLAIN"),
        (["login"], "LOGIN"),
        (["GSSAPI", "plain", "X"], "PLAIN"),
    ],
)
def test_the_best_that_is_offered_is_taken(offered, name):
    mechanism = sasl.choose(offered)
    assert mechanism is not None
    assert mechanism.name == name


@pytest.mark.parametrize("offered", [[], ["GSSAPI", "PLAINX"]])
def test_nothing_in_common(offered):
    assert sasl.choose(offered) is None


def test_every_file_is_registered():
    files = {module.name for module in pkgutil.iter_modules(sasl.__path__)} - {"base"}
    found = {importlib.import_module(f"{sasl.__name__}.{name}").MECHANISM for name in files}
    assert found == set(sasl.RANKED)


def test_the_password_is_in_no_repr():
    assert "pässword" not in repr(BOTH)
