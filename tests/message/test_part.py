from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import tracemalloc
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.errors import MessageError, TimeLimitError, UsageError
from gpgmail.core.run import Run
from gpgmail.message.part import (
    Part,
    file_part,
    guess_type,
    leaf,
    multipart,
    text_part,
    verbatim,
)

MEGABYTE = 1024 * 1024


def rendered(part):
    data = b"".join(part.render())
    assert part.size in (None, len(data))
    return data


def parsed(part):
    message = message_from_bytes(rendered(part), policy=policy.default)
    assert [(p, p.defects) for p in message.walk() if p.defects] == []
    return message


def payload(part):
    return parsed(part).get_payload(decode=True)


# ---------------------------------------------------------------------------------------- text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_is_exact_after_decoding_by_the_standard_library(text):
    data = text.encode()
    assert payload(text_part(text)) == (data if b"\r" in data else data.replace(b"\n", b"\r\n"))


def test_text_says_its_charset_and_subtype():
    message = parsed(text_part("<b>ä</b>\n", "html"))
    assert message.get_content_type() == "text/html"
    assert message.get_content() == "<b>ä</b>\r\n"


def test_text_that_is_none_is_refused():
    with pytest.raises(UsageError, match="lone surrogate"):
        text_part("a\ud800")


# ----------------------------------------------------------------------------------- what is read


@pytest.mark.parametrize("size", [0, 1, 57, 100_000])
def test_a_file_is_attached_exactly(tmp_path, size):
    path = tmp_path / "report.pdf"
    path.write_bytes(os.urandom(size))
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        assert payload(file_part(source)) == path.read_bytes()
    message = parsed(file_part(path))
    assert message.get_filename() == "report.pdf"
    assert message.get_content_type() == "application/pdf"
    assert message.get_content_disposition() == "attachment"


def test_a_part_can_be_rendered_again(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 1000)
    with path.open("rb") as stream:
        stream.seek(10)
        for part in (file_part(path), file_part(stream), file_part(b"x")):
            assert rendered(part) == rendered(part)
        stream.seek(10)
        assert payload(file_part(stream)) == b"x" * 990


def test_a_pipe_is_read_once_and_in_the_sizes_in_which_it_comes(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    part = file_part(path)
    data = os.urandom(200_000)

    def write():
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(data), 1001):
                file.write(data[start : start + 1001])

    writer = threading.Thread(target=write)
    writer.start()
    assert payload(part) == data
    writer.join()
    with pytest.raises(MessageError, match="only once"):
        rendered(part)


def test_a_pipe_that_nobody_writes_to_has_an_end(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TimeLimitError, match=r"fifo: nothing moved for 0\.1 s") as caught:
        rendered(file_part(tmp_path / "fifo", run=Run(timeout=0.1)))
    assert caught.value.code.number == 201


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused_before_it_is_read(device):
    with pytest.raises(MessageError, match=f"{device}: is a device"):
        file_part(device)


def test_files_that_say_no_size_are_read_to_their_end():
    assert payload(file_part("/proc/self/status")).startswith(b"Name:")


def test_a_log_that_grows_is_attached_as_it_was(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    part = file_part(path)
    with path.open("ab") as log:
        log.write(b"after\n")
    assert payload(part) == b"before\n"


# -------------------------------------------------------------------------------- what is refused


def unreadable(path):
    path.write_bytes(b"x")
    path.chmod(0)
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path, "No such file"),
        (lambda path: path.mkdir() or path, "is a directory"),
        (lambda path: path.symlink_to(path) or path, "symbolic link"),
        (lambda path: path / "below", "No such file"),
        pytest.param(
            unreadable,
            "Permission denied",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything"),
        ),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_sent(tmp_path, make, reason):
    path = make(tmp_path / "missing.pdf")
    with pytest.raises(MessageError, match=reason) as caught:
        file_part(path)
    assert caught.value.code.number == 302
    assert caught.value.subject == str(path)


def test_nobody_may_read_it_as_another_user(tmp_path):
    """The case above when the tests run as root."""
    if os.geteuid() != 0:
        pytest.skip("the parametrised case covers it")
    path = unreadable(tmp_path / "secret.txt")
    tmp_path.chmod(0o755)
    code = (
        "import os, sys\n"
        "from gpgmail.core.errors import MessageError\n"
        "from gpgmail.message.part import file_part\n"
        "file_part(b'')\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: file_part(sys.argv[1])\n"
        "except MessageError as error: print(error.code.number, error.subject)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"302 {path}\n"


@pytest.mark.parametrize("source", [io.StringIO("text"), 7, None, object()])
def test_what_is_no_binary_source_is_refused(source):
    with pytest.raises(MessageError) as caught:
        file_part(source)
    assert caught.value.code.number == 302


def test_a_file_that_gets_shorter_fails_the_mail(tmp_path):
    path = tmp_path / "shrinking"
    path.write_bytes(b"x" * 500_000)
    part = file_part(path)
    chunks = part.render()
    next(chunks)
    os.truncate(path, 100)
    with pytest.raises(MessageError, match="it was changed") as caught:
        list(chunks)
    assert caught.value.code.number == 302
    assert str(path) in str(caught.value)


def test_a_file_that_is_gone_fails_the_mail(tmp_path):
    path = tmp_path / "gone"
    path.write_bytes(b"x")
    part = file_part(path)
    path.unlink()
    with pytest.raises(MessageError, match="No such file"):
        rendered(part)


class Failing(io.RawIOBase):
    def __init__(self, error):
        self.error = error
        self.reads = 0

    def readable(self):
        return True

    def read(self, size=-1):
        self.reads += 1
        if self.reads > 2:
            raise self.error
        return b"x" * size


def test_a_stream_that_fails_midway_fails_the_mail():
    with pytest.raises(MessageError, match="Input/output error") as caught:
        rendered(file_part(Failing(OSError(5, "Input/output error"))))
    assert caught.value.code.number == 302


def test_what_else_a_source_raises_arrives_as_it_is():
    with pytest.raises(KeyboardInterrupt):
        rendered(file_part(Failing(KeyboardInterrupt())))


def test_a_closed_stream_is_refused():
    stream = io.BytesIO(b"x")
    part = file_part(stream)
    stream.close()
    with pytest.raises(MessageError):
        rendered(part)
    with pytest.raises(MessageError):
        file_part(stream)


@pytest.mark.parametrize("control", ["\r", "\n", "\0"])
@pytest.mark.parametrize("argument", ["name", "content_type", "content_id"])
def test_controls_are_refused(argument, control):
    with pytest.raises(UsageError) as caught:
        file_part(b"x", **{argument: f"text/x{control}Bcc: eve@example.org"})
    assert caught.value.code.name == "INJECTION"


def test_a_line_end_in_the_name_on_disk_is_refused(tmp_path):
    path = tmp_path / "a\nBcc: eve@example.org"
    path.write_bytes(b"x")
    with pytest.raises(UsageError) as caught:
        file_part(path)
    assert caught.value.code.name == "INJECTION"


@pytest.mark.parametrize(
    "arguments",
    [
        {"content_type": "nonsense"},
        {"content_type": "text/ä"},
        {"content_type": "message/rfc822"},
        {"content_type": "Multipart/mixed; boundary=x"},
        {"content_id": "a b"},
        {"content_id": "<a>b"},
        {"name": "x" * 256},
    ],
)
def test_types_names_and_ids_that_cannot_be_are_refused(arguments):
    with pytest.raises(UsageError):
        file_part(b"x", **arguments)


# --------------------------------------------------------------------------------- names and types


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.png", "image/png"),
        ("a.tar.gz", "application/gzip"),
        ("png", "application/octet-stream"),
        (".png", "image/png"),
        ("", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("mail.eml", "application/octet-stream"),
        ("data:text/html,x.txt", "text/plain"),
    ],
)
def test_types_are_guessed_from_the_ending(name, content_type):
    assert guess_type(name) == content_type


def test_a_name_on_disk_that_is_not_utf8_is_shown_with_replacements(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.txt")
    path.touch()
    assert parsed(file_part(path)).get_filename() == "\ufffd.txt"


def test_an_inline_part_has_its_content_id():
    message = parsed(file_part(b"x", name="a.png", content_id="logo@here", inline=True))
    assert message["Content-ID"] == "<logo@here>"
    assert message.get_content_disposition() == "inline"
    again = parsed(file_part(b"x", content_id="<logo@here>"))
    assert again["Content-ID"] == "<logo@here>"


# --------------------------------------------------------------------------------------- multiparts


def test_a_multipart_is_what_its_parts_are():
    whole = multipart(
        "mixed", [text_part("one\n"), multipart("alternative", [text_part("two")]), file_part(b"3")]
    )
    one, two, three = parsed(whole).iter_parts()
    assert one.get_content() == "one\r\n"
    assert next(two.iter_parts()).get_content() == "two"
    assert three.get_content() == b"3"


def test_parameters_stand_in_the_type():
    whole = multipart("signed", [text_part("x")], {"micalg": "pgp-sha512", "protocol": "a/b"})
    params = parsed(whole)["Content-Type"].params
    assert params["micalg"] == "pgp-sha512"
    assert params["protocol"] == "a/b"


def test_boundaries_differ():
    one, two = (dict(multipart("mixed", []).headers)["Content-Type"] for _ in range(2))
    assert one != two


def test_ready_text_gets_crlf_and_keeps_its_size():
    part = leaf("application/pgp-signature; name=signature.asc", b"one\ntwo\r\n")
    assert rendered(part).endswith(b"\r\n\r\none\r\ntwo\r\n")
    streamed = leaf("text/plain", lambda: [b"one\r", b"\ntwo\n"], size=10)
    assert rendered(streamed).endswith(b"\r\n\r\none\r\ntwo\r\n")


def test_a_verbatim_part_is_its_bytes():
    data = b"Content-Type: text/plain\r\n\r\nas it  is\r\n"
    part = verbatim(lambda: iter([data]), size=len(data), eight_bit=True)
    assert rendered(part) == data
    whole = multipart("mixed", [part])
    assert data in rendered(whole)
    assert ("Content-Transfer-Encoding", "8bit") in whole.headers


def test_a_size_that_is_not_known_makes_none():
    unknown = Part((), lambda: iter([b"x\r\n"]))
    assert unknown.size is None
    assert multipart("mixed", [text_part("x"), unknown]).size is None


# ---------------------------------------------------------------------------------------- memory


def test_a_large_attachment_is_never_in_memory(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(MEGABYTE))
    tracemalloc.start()
    whole = multipart("mixed", [text_part("see below\n"), file_part(path)])
    size = sum(map(len, whole.render()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == whole.size
    assert size > 64 * MEGABYTE * 4 / 3
    assert peak < MEGABYTE


def test_a_stream_can_be_attached_to_one_mail_after_another():
    stream = io.BytesIO(b"head" + b"x" * 200_000)
    stream.seek(4)
    assert payload(file_part(stream)) == b"x" * 200_000
    broken_off = file_part(stream).render()
    for _ in range(3):
        next(broken_off)
    broken_off.close()
    assert payload(file_part(stream)) == b"x" * 200_000
