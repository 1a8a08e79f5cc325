"""Server URLs: which rows they set, and that no error repeats a password."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.declare import rows
from gpgmail.core.errors import UsageError
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.url import parse

IMPLICIT = {"ssl_start_mode": 1, "ssl_enabled": True}
STARTTLS = {"ssl_start_mode": 2, "ssl_enabled": True}
UNLESS_LOCAL = {**STARTTLS, "plain_on_loopback": True}
PLAIN = {"ssl_start_mode": 3, "ssl_enabled": False, "allow_cleartext_auth": True}


def values(options):
    """The rows that were set, but for those that every URL has the same."""
    skipped = {"use_ipv6", "tcp_no_delay", "mail_server"}
    return {
        row.name: getattr(options, row.name)
        for row in rows(TransportOptions)
        if row.name in options._values and row.name not in skipped
    }


@pytest.mark.parametrize(
    ("url", "host", "port", "expected"),
    [
        ("smtps://mx.example.org", "mx.example.org", 465, IMPLICIT),
        ("smtps://mx.example.org:8465/", "mx.example.org", 8465, IMPLICIT),
        ("smtps://localhost", "localhost", 465, IMPLICIT),
        ("smtps://mx.example.org?tls=required", "mx.example.org", 465, IMPLICIT),
        ("smtp://mx.example.org", "mx.example.org", 587, UNLESS_LOCAL),
        ("SMTP://MX.example.org:25", "mx.example.org", 25, UNLESS_LOCAL),
        ("smtp://localhost", "localhost", 25, UNLESS_LOCAL),
        ("smtp://127.0.0.1", "127.0.0.1", 25, UNLESS_LOCAL),
        ("smtp://127.3.2.1", "127.3.2.1", 25, UNLESS_LOCAL),
        ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, UNLESS_LOCAL),
        ("smtp://128.0.0.1", "128.0.0.1", 587, UNLESS_LOCAL),
        ("smtp://[::1]", "::1", 25, UNLESS_LOCAL),
        ("smtp://[2001:db8::1]:26", "2001:db8::1", 26, UNLESS_LOCAL),
        ("smtp://[7f00::1]", "7f00::1", 587, UNLESS_LOCAL),
        ("smtp://mx.example.org?tls=required", "mx.example.org", 587, STARTTLS),
        ("smtp://localhost?tls=required", "localhost", 25, STARTTLS),
        ("smtp+insecure://mx.example.org", "mx.example.org", 25, PLAIN),
        ("smtp://bücher.example", "bücher.example", 587, UNLESS_LOCAL),
    ],
)
def test_a_url_sets_the_rows_of_its_scheme(url, host, port, expected):
    options = parse(url)
    assert options.mail_server == host
    assert values(options) == {"mail_port": port, **expected}
    assert options.use_ipv6 == 2
    assert options.tcp_no_delay


@pytest.mark.parametrize(
    ("login", "user", "password"),
    [
        ("me:pa55", "me", "pa55"),
        ("me", "me", ""),
        ("me%40example.org:p%2Fa%3Fs%23s%40%3A%25", "me@example.org", "p/a?s#s@:%"),
        ("m%C3%BCller:p%C3%A4ss", "müller", "päss"),
    ],
)
def test_user_and_password_are_percent_decoded(login, user, password):
    options = parse(f"smtps://{login}@mx.example.org")
    assert (options.user, options.password) == (user, password)
    assert options.mail_server == "mx.example.org"
    assert not password or password not in repr(options)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mx.example.org",
        "mx.example.org:25",
        "smtp:mx.example.org",
        "smtp://",
        "smtp://:25",
        "http://mx.example.org",
        "lmtps://u:s3cretpart@mx.example.org",
        "smtp://u:s3cretpart@mx.example.org?tls=never",
        "smtp://u:s3cretpart@mx.example.org?tls=required&tls=required",
        "smtp+insecure://u:s3cretpart@mx.example.org?tls=required",
        "smtp://u:s3cretpart@mx.example.org/inbox",
        "smtp://u:s3cretpart@mx.example.org#x",
        "smtp://u:s3cretpart@mx.example.org:0",
        "smtp://u:s3cretpart@mx.example.org:70000",
        "smtp://u:s3cretpart@mx.example.org:port",
        "smtp://u:s3cretpart@mx example.org",
        "smtp://u:s3cretpart@mx.example.org\r\nX: y",
        "smtp://u:s3cretpart@[::1",
        "smtp://u:s3cretpart@",
        "smtp://u:s3cretpart@a%00b",
        "smtp://u:s3cretpart@a%0Ab",
        "smtp://u%0D:s3cretpart@mx.example.org",
        "smtp://:s3cretpart@mx.example.org",
        "smtp://u:s3cretpart%FF@mx.example.org",
        # not percent-encoded: parts of the password stand where host, port and query are
        "smtp://u:s3cretpart/x@mx.example.org",
        "smtp://u:25/s3cretpart@mx.example.org",
        "smtp://u:s3cretpart?x@mx.example.org",
        "smtp://u:25?s3cretpart@mx.example.org",
        "smtp://u:25#s3cretpart@mx.example.org",
        "smtp://u:p@s3cretpart@x@mx.example.org/",
    ],
)
def test_what_is_no_server_url_is_refused_without_repeating_it(url):
    if url.count("@") == 3:  # the last one counts: that is a password with two of them
        assert parse(url).password == "p@s3cretpart@x"
        return
    with pytest.raises(UsageError) as caught:
        parse(url)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "s3cretpart" not in told
    assert "server URL" in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_gives_options_or_a_typed_error(text):
    for url in (text, f"smtp://{text}", f"smtps://u:p@{text}"):
        try:
            options = parse(url)
        except UsageError:
            continue
        assert options.mail_server
        assert options.mail_port
