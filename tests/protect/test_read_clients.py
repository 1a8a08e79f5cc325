"""Mails as real programs and gateways leave them, each with the verdict that is kept beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gpgmail.protect.read import read
from tests.support.keyrings import keyring_copy
from tests.vectors import clients, files, gateways  # noqa: F401 - entering their builders
from tests.vectors.writing import PASSPHRASE, SUBJECT, VECTORS

HERE = Path(clients.__file__).parent
MAILS = HERE / "mails"
VERDICTS = tomllib.loads((HERE / "verdicts.toml").read_text("utf8"))
WORDS = "die Zahlen für März: 4 % mehr."


@pytest.fixture(scope="module")
def got():
    """The vectors as alice reads them, with the public keys of others where they are needed."""
    with keyring_copy("recipients-home") as home, keyring_copy("expired") as expired:
        more = {"expired-key": [expired], "revoked-key": [HERE / "gone.asc"]}

        def read_vector(name):
            return read(
                MAILS / f"{name}.eml",
                keyring=home,
                more_keyrings=more.get(name, ()),
                passphrase=PASSPHRASE if name == "symmetric" else None,
            )

        yield read_vector


def words(part):
    holds = {"signed": part.signed, "encrypted": part.encrypted, "outside": part.outside}
    said = [part.content_type, part.name, *(word for word, yes in holds.items() if yes)]
    return " ".join(filter(None, said))


def test_every_builder_has_a_mail_and_a_verdict():
    assert set(VECTORS) == set(VERDICTS) == {path.stem for path in MAILS.glob("*.eml")}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_mail_is_read_as_the_table_says(name, got):
    wanted, mail = VERDICTS[name], got(name)
    verdict = mail.verdict
    found = [str(verdict.outcome), str(verdict.signed), str(verdict.encrypted)]
    assert found == wanted["verdict"]
    assert [words(part) for part in mail.parts] == wanted["parts"]
    assert wanted.get("says", WORDS) in " ".join(part.text for part in mail.parts)
    assert mail.message["Subject"] == wanted.get("subject", SUBJECT)
    assert (verdict.protected.scheme if verdict.protected else None) == wanted.get("protected")
    unsaid = [
        problem
        for problem in verdict.problems
        if not any(piece in problem for piece in wanted.get("problems", ()))
    ]
    assert unsaid == []
    assert len(verdict.problems) == len(wanted.get("problems", ()))
    whole = "whole" in wanted["verdict"][1:]
    assert not whole or b"BEGIN PGP MESSAGE" not in mail.message.as_bytes()


@pytest.mark.parametrize("name", ["mailman-footer", "list-footer-inline", "partly-signed"])
def test_a_footer_leaves_the_verdict_of_what_is_signed(name, got):
    signed, outside = got(name).parts
    assert (signed.by_author, signed.outside) == (True, False)
    assert (outside.by_author, outside.outside, outside.signatures) == (False, True, ())


@pytest.mark.parametrize("name", ["exchange-mixed", "gpgol-structure", "proton-bridge-mixed"])
def test_a_mended_mail_is_shown_as_if_nothing_had_happened(name, got):
    message = got(name).message
    assert message.get_content_type() == "text/plain"
    assert WORDS in message.get_content()
