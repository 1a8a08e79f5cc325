"""The one table: each foreign failure has a row, and whatever the libraries can raise is in it."""

from __future__ import annotations

import errno
import inspect
import os
import smtplib
import socket
import ssl

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import (
    Cancelled,
    ConnectError,
    GpgmailError,
    ServerError,
    TimeLimitError,
    TlsError,
    UnsupportedError,
)
from gpgmail.core.replies import Reply
from gpgmail.core.situations import Situation
from gpgmail.transport import failures
from gpgmail.transport.failures import (
    CLASSES,
    ERRNO,
    RESOLVER,
    Meaning,
    Step,
    after_the_end,
    all_refused,
    crossing,
    judge,
    refusal,
)

ERRNOS = [
    ("EINTR", ConnectError, 10004),
    ("EBADF", ConnectError, 10009),
    ("EACCES", ConnectError, 10013),
    ("EPERM", ConnectError, 10013),
    ("EFAULT", ConnectError, 10014),
    ("EINVAL", ConnectError, 10022),
    ("EMFILE", ConnectError, 10024),
    ("ENFILE", ConnectError, 10024),
    ("EAGAIN", ConnectError, 10035),
    ("EINPROGRESS", ConnectError, 10036),
    ("EALREADY", ConnectError, 10037),
    ("ENOTSOCK", ConnectError, 10038),
    ("EDESTADDRREQ", ConnectError, 10039),
    ("EMSGSIZE", ConnectError, 10040),
    ("EPROTOTYPE", ConnectError, 10041),
    ("ENOPROTOOPT", ConnectError, 10042),
    ("EPROTONOSUPPORT", ConnectError, 10043),
    ("ESOCKTNOSUPPORT", ConnectError, 10044),
    ("EOPNOTSUPP", ConnectError, 10045),
    ("EPFNOSUPPORT", ConnectError, 10046),
    ("EAFNOSUPPORT", ConnectError, 10047),
    ("EADDRINUSE", ConnectError, 10048),
    ("EADDRNOTAVAIL", ConnectError, 10049),
    ("ENETDOWN", ConnectError, 10050),
    ("ENETUNREACH", ConnectError, 10051),
    ("ENETRESET", ConnectError, 10052),
    ("ECONNABORTED", ConnectError, 1120),
    ("ECONNRESET", ConnectError, 1120),
    ("EPIPE", ConnectError, 1120),
    ("ENOBUFS", ConnectError, 10055),
    ("EISCONN", ConnectError, 10056),
    ("ENOTCONN", ConnectError, 1120),
    ("ESHUTDOWN", ConnectError, 1120),
    ("ETOOMANYREFS", ConnectError, 10059),
    ("ETIMEDOUT", TimeLimitError, 201),
    ("ECONNREFUSED", ConnectError, 10061),
    ("ELOOP", ConnectError, 10062),
    ("ENAMETOOLONG", ConnectError, 10063),
    ("EHOSTDOWN", ConnectError, 10064),
    ("EHOSTUNREACH", ConnectError, 10065),
    ("EUSERS", ConnectError, 10068),
    ("EDQUOT", ConnectError, 10069),
    ("ESTALE", ConnectError, 10070),
    ("EREMOTE", ConnectError, 10071),
]

RESOLVED = [
    ("EAI_NONAME", 11001),
    ("EAI_AGAIN", 11002),
    ("EAI_FAIL", 11003),
    ("EAI_NODATA", 11004),
    ("EAI_ADDRFAMILY", 11004),
    ("EAI_MEMORY", 11003),
    ("EAI_SYSTEM", 11003),
]


def unverified():
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] it failed")
    error.verify_message = "self-signed certificate"
    return error


INSTANCES = [
    (OSError("no number"), ConnectError, 162),
    (OSError(9999, "unknown number"), ConnectError, 162),
    (EOFError(), ConnectError, 1120),
    (ConnectionError("no number"), ConnectError, 1120),
    (ConnectionRefusedError("no number"), ConnectError, 10061),
    (TimeoutError("no number"), TimeLimitError, 201),
    (socket.gaierror(-9999, "unknown"), ConnectError, 11003),
    (socket.herror(1, "old"), ConnectError, 11003),
    (UnicodeError("label too long"), ConnectError, 102),
    (ssl.SSLError(1, "[SSL: X] x"), TlsError, 276),
    (unverified(), TlsError, 280),
    (ssl.SSLEOFError(8, "eof"), ConnectError, 1120),
    (ssl.SSLZeroReturnError(6, "closed"), ConnectError, 1120),
    (ssl.SSLSyscallError(5, "gone"), ConnectError, 1120),
    (smtplib.SMTPException("odd"), ConnectError, 162),
    (smtplib.SMTPNotSupportedError("no SMTPUTF8"), UnsupportedError, 20),
    (smtplib.SMTPServerDisconnected("gone"), ConnectError, 1120),
    (smtplib.SMTPResponseException(550, b"5.1.1 no"), ServerError, 161),
    (smtplib.SMTPRecipientsRefused({"b@x": (550, b"no")}), ServerError, 161),
]


@pytest.mark.parametrize(("name", "kind", "number"), ERRNOS)
def test_a_number_of_the_system(name, kind, number):
    code = getattr(errno, name)
    error = judge(OSError(code, os.strerror(code)), Step.CONNECT, "mx")
    assert type(error) is kind
    assert error.code.number == number
    assert str(error).endswith(f"mx: {os.strerror(code)}") or error.hint


def test_every_number_of_the_table_is_tested():
    assert {getattr(errno, name) for name, _, _ in ERRNOS} == set(ERRNO)


@pytest.mark.parametrize(("name", "number"), RESOLVED)
def test_a_number_of_the_resolver(name, number):
    error = judge(socket.gaierror(getattr(socket, name), "words"), Step.CONNECT, "mx")
    assert type(error) is ConnectError
    assert (error.code.family, error.code.number) == ("TCP/IP", number)


def test_every_number_of_the_resolver_table_is_tested():
    assert set(RESOLVER) <= {getattr(socket, name) for name, _ in RESOLVED}


@pytest.mark.parametrize(
    ("instance", "kind", "number"), INSTANCES, ids=lambda value: type(value).__name__
)
def test_a_class(instance, kind, number):
    error = judge(instance, Step.CONNECT, "mx")
    assert type(error) is kind
    assert error.code.number == number
    assert error.subject == "mx"


def test_every_class_of_the_table_is_tested():
    assert {type(instance) for instance, _, _ in INSTANCES} == set(CLASSES)


def exceptions_of(module):
    members = inspect.getmembers(module, inspect.isclass)
    public = [member for name, member in members if not name.startswith("_")]
    return [member for member in public if issubclass(member, Exception)]


@pytest.mark.parametrize("module", [smtplib, ssl, socket])
def test_whatever_a_library_can_raise_has_a_row_nearer_than_oserror(module):
    found = exceptions_of(module)
    assert found
    for kind in found:
        rows = [ancestor for ancestor in kind.__mro__ if ancestor in CLASSES]
        assert rows, kind
        assert rows[0] is not OSError or kind is OSError, kind


@pytest.mark.parametrize(
    ("step", "lost", "broken"),
    [
        (Step.CONNECT, 1120, 276),
        (Step.HANDSHAKE, 276, 276),
        (Step.READ, 1120, 284),
        (Step.WRITE, 1120, 283),
    ],
)
def test_what_was_going_on_decides_the_number(step, lost, broken):
    assert judge(ConnectionResetError(104, "reset"), step, "mx").code.number == lost
    assert judge(EOFError(), step, "mx").code.number == lost
    assert judge(ssl.SSLError(1, "bad record mac"), step, "mx").code.number == broken
    assert judge(unverified(), step, "mx").code.number == 280
    assert judge(TimeoutError(), step, "mx").code.number == 201


def test_a_tls_error_says_what_to_do():
    error = ssl.SSLError(1, "x")
    error.reason = "WRONG_VERSION_NUMBER"
    assert "STARTTLS" in str(judge(error, Step.HANDSHAKE, "mx"))
    assert "OpenSSLCAFile" in str(judge(unverified(), Step.HANDSHAKE, "mx"))


def test_ours_and_handlers_errors_cross_unchanged():
    ours = Situation.INTERRUPTED.error("x")
    for error in (ours, ValueError("a handler's"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, crossing(Step.READ, "mx"):
            raise error
        assert caught.value is error
    with pytest.raises(ConnectError), crossing(Step.READ, "mx"):
        raise EOFError


@pytest.mark.parametrize(
    ("code", "retry"), [(450, Retry.LATER), (421, Retry.LATER), (550, Retry.NO)]
)
def test_a_refusal_carries_the_servers_words(code, retry):
    reply = Reply(code, ("5.1.1 first", "second"))
    error = refusal(reply, "RCPT at mx", {"b@x": reply})
    assert type(error) is ServerError
    assert error.reply is reply
    assert error.refused == {"b@x": reply}
    assert error.retry is retry
    assert f"RCPT at mx: {code} 5.1.1 first second" in str(error)


def test_refused_recipients_are_all_listed():
    no, later = Reply(550, ("no",)), Reply(450, ("later",))
    error = all_refused({"b@x": no, "c@x": later}, "RCPT at mx")
    assert "b@x: 550 no; c@x: 450 later" in str(error)
    assert error.retry is Retry.LATER
    assert all_refused({"b@x": no}, "mx").retry is Retry.NO


@pytest.mark.parametrize(
    ("before", "kind", "number"),
    [
        (Situation.DROPPED, ConnectError, 13),
        (Situation.NETWORK, ConnectError, 13),
        (Situation.TLS_HANDSHAKE, ConnectError, 13),
        (Situation.TIME_LIMIT, TimeLimitError, 201),
        (Situation.INTERRUPTED, Cancelled, 301),
    ],
)
def test_after_the_final_dot_nobody_knows(before, kind, number):
    error = after_the_end(before.error("what happened", subject="final dot at mx"))
    assert type(error) is kind
    assert error.code.number == number
    assert error.retry is Retry.UNKNOWN
    assert "the server may have taken the mail" in str(error)
    assert "final dot at mx: what happened" in str(error)
    assert isinstance(error, GpgmailError)


@pytest.mark.parametrize(
    ("code", "done", "content"),
    [
        (250, Meaning.AGREES, Meaning.UNFIT),
        (252, Meaning.AGREES, Meaning.UNFIT),
        (334, Meaning.UNFIT, Meaning.UNFIT),
        (354, Meaning.UNFIT, Meaning.AGREES),
        (421, Meaning.ENDS, Meaning.ENDS),
        (450, Meaning.REFUSES, Meaning.REFUSES),
        (554, Meaning.REFUSES, Meaning.REFUSES),
    ],
)
def test_what_an_answer_means_depends_on_what_was_asked_for(code, done, content):
    assert failures.meaning(code) is done
    assert failures.meaning(code, failures.CONTENT) is content
