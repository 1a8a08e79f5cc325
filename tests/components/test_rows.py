"""Rows of the component's own and of protection have an effect; the rooms test theirs."""

from __future__ import annotations

import subprocess
import time

import pytest

from gpgmail.components import PSMTP, Key
from gpgmail.core.declare import rows
from gpgmail.core.errors import TimeLimitError, UsageError
from gpgmail.core.events import Status
from tests.components.support import CAROL, Ears, failing, psmtp, smtp


def packets(recipients, text):
    command = ["gpg", "--homedir", recipients, "--batch", "--list-packets"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return done.stdout.decode()


def cipher_of(reader, recipients, text):
    status = " ".join(reader.read(text.encode()).status)
    return status.partition("DECRYPTION_INFO ")[2].split()[1]


def digest_of(reader, recipients, text):
    (valid,) = [line for line in reader.read(text.encode()).status if line.startswith("VALIDSIG")]
    return valid.split()[8]


def compression_of(reader, recipients, text):
    found = packets(recipients, text).partition(":compressed packet: algo=")[2]
    return found[:1]


def comment_of(reader, recipients, text):
    return text.splitlines()[1]


# row, value, what gpg then says; numbers are those of RFC 9580 section 9
EFFECTS = [
    ("encrypting_algorithm", None, cipher_of, "7"),  # AES128 is the documented default
    ("encrypting_algorithm", "AES192", cipher_of, "8"),
    ("encrypting_algorithm", "twofish", cipher_of, "10"),
    ("signing_algorithm", None, digest_of, "8"),  # SHA256
    ("signing_algorithm", "SHA512", digest_of, "10"),
    ("compression_method", None, compression_of, "1"),  # zip
    ("compression_method", "zlib", compression_of, "2"),
    ("compression_method", "bzip2", compression_of, "3"),
    ("compression_method", "none", compression_of, ""),
    ("comment", "one of ours", comment_of, "Comment: one of ours"),
]


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: f"{effect[0]}={effect[1]}")
def test_a_row_of_protection_shows_in_the_result(mailer, reader, recipients, effect):
    name, value, look, expected = effect
    if value is not None:
        setattr(mailer, name, value)
    mailer.sign_and_encrypt()
    assert look(reader, recipients, mailer.message_text) == expected


def test_the_compression_level_shows_in_the_size(mailer):
    sizes = []
    for level in (1, 6):
        mailer.message_text = "".join(f"{number * number} " for number in range(40_000))
        mailer.config(f"CompressionLevel={level}")
        mailer.encrypt()
        sizes.append(len(mailer.message_text))
    assert sizes[1] < sizes[0]


def test_a_level_beyond_the_method_is_refused(mailer):
    mailer.config("CompressionLevel=9")
    before = mailer.message_text
    with failing(2, UsageError):
        mailer.encrypt()
    assert mailer.message_text == before


# ------------------------------------------------------------------------ the component's own rows


@pytest.mark.parametrize("level", range(4))
def test_the_log_level_is_what_status_tells(sink, own, level):
    with psmtp(sink, log_level=level) as mailer:
        ears = Ears(mailer, "status")
        mailer.keys.append(Key(own))
        mailer.sign()
    heard = [event.level for event in ears.status]
    assert max(heard, default=0) <= level
    assert (1 in heard) == (level >= 1)
    assert (3 in heard) == (level >= 3)
    assert all(isinstance(event, Status) for event in ears.status)


@pytest.mark.parametrize(
    ("trust", "number"), [("", 9), ("gnupg", 9), ("always", None), ("pinned", None), ("other", 9)]
)
@pytest.mark.proves("Trust")
def test_trust_decides_about_an_address(sink, own, tmp_path, trust, number):
    pins = tmp_path / "pins"
    pinned = CAROL.fingerprint if trust == "pinned" else CAROL.fingerprint[::-1]
    pins.write_text(f"{CAROL.address} {pinned}\n")
    with psmtp(sink) as mailer:
        mailer.config(f"Trust={f'pinned:{pins}' if trust in {'pinned', 'other'} else trust}")
        mailer.recipient_keys.append(Key(own, CAROL.address))
        if number is None:
            mailer.encrypt()
            assert mailer.message_text.startswith("-----BEGIN PGP MESSAGE-----")
            return
        with failing(number):
            mailer.encrypt()


def test_a_fingerprint_or_a_file_needs_no_trust(sink, own, home):
    for key in (Key(own, fingerprint=CAROL.fingerprint), Key(home("recipients") / "public.kbx")):
        with psmtp(sink) as mailer:
            mailer.recipient_keys.append(key)
            mailer.encrypt()
            assert "BEGIN PGP MESSAGE" in mailer.message_text


def test_an_unknown_policy_is_refused_when_it_is_set():
    with failing(2):
        PSMTP().config("Trust=blind")


@pytest.mark.parametrize("absolute", [False, True])
def test_an_absolute_timeout_counts_while_data_moves(sink, absolute):
    mailer = smtp(sink, timeout=2)
    mailer.config(f"AbsoluteTimeout={absolute}")
    mailer.on_pi_trail = lambda _: time.sleep(0.3)
    if not absolute:
        started = time.monotonic()
        mailer.send()
        assert time.monotonic() - started > 2
        return
    with failing(201, TimeLimitError):
        mailer.send()
    assert not sink.received


# -------------------------------------------------------------------------------- the whole surface


@pytest.mark.parametrize("row", [row for row in rows(PSMTP) if row.prop], ids=lambda row: row.name)
def test_every_property_has_its_accessors(row):
    mailer = PSMTP()
    word = row.name.removesuffix("_")
    value = getattr(mailer, f"get_{word}")()
    assert value == row.default
    getattr(mailer, f"set_{word}")(value)
    assert getattr(mailer, row.name) == row.default


@pytest.mark.parametrize("row", [row for row in rows(PSMTP) if row.key], ids=lambda row: row.key)
def test_every_setting_is_read_and_set_by_config(row):
    mailer = PSMTP()
    text = mailer.config(row.key)
    assert text == str(row.default)
    assert mailer.config(f" {row.key.upper()} = {text}".replace(" = ", "=")) == text
