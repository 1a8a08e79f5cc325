"""gpgmail.mail.key_info says what a mail would do, and why."""

from __future__ import annotations

import pytest

from tests.ansible.playbooks import Ansible
from tests.support.keyrings import fixture_key, keyring_copy

pytestmark = pytest.mark.interop

ALICE, CAROL, SENDER = (fixture_key("modern", name) for name in ("alice", "carol", "sender"))


def test_all_keys_are_told_with_the_reasons(ansible):
    names = ["alice@example.org", "carol@example.org", SENDER.fingerprint, "nobody@example.org"]
    played = ansible.task("gpgmail.mail.key_info", {"name": names}, "--check")

    assert played.code == 0, played.output
    assert played.last["changed"] is False
    alice, carol, sender, nobody = played.last["names"]
    assert [one["name"] for one in played.last["names"]] == names
    assert alice["encryption"]["usable"]
    assert alice["encryption"]["fingerprint"] == ALICE.fingerprint
    assert alice["encryption"]["subkey"] == ALICE.subkeys[0].fingerprint
    assert (alice["signing"]["usable"], alice["signing"]["reason"]) == (
        False,
        "its secret key is not here",
    )
    assert not carol["encryption"]["usable"]
    (candidate,) = carol["encryption"]["candidates"]
    assert (candidate["fingerprint"], candidate["obstacle"]) == (CAROL.fingerprint, "trust")
    assert sender["signing"]["fingerprint"] == SENDER.fingerprint
    assert nobody["encryption"]["candidates"] == []
    details = played.last["details"]
    assert set(details) == {ALICE.fingerprint, CAROL.fingerprint, SENDER.fingerprint}
    assert details[ALICE.fingerprint]["validity"] == "full"
    parts = {part["fingerprint"]: part for part in details[SENDER.fingerprint]["subkeys"]}
    assert parts[SENDER.fingerprint]["secret"] == "present"
    assert set(parts) == {part.fingerprint for part in SENDER.parts}


def test_an_expired_key_says_since_when(tmp_path):
    key = fixture_key("expired", "expired")
    with keyring_copy("expired") as home:
        options = {"name": [key.address], "keyring": [str(home)], "trust": "always"}
        played = Ansible(tmp_path, tmp_path).task("gpgmail.mail.key_info", options)

    assert played.code == 0, played.output
    (found,) = played.last["names"]
    assert not found["encryption"]["usable"]
    assert "expired on 20" in found["encryption"]["reason"]
    assert played.last["details"][key.fingerprint]["expires"].startswith("20")


def test_a_keyring_that_is_not_there_fails(ansible, tmp_path):
    options = {"name": ["a@example.org"], "keyring": [str(tmp_path / "absent")]}
    played = ansible.task("gpgmail.mail.key_info", options)

    assert played.code == 2
    assert played.last["family"] == "OpenPGP"


@pytest.mark.parametrize(("reader", "code"), [("alice", 0), ("carol", 2)])
def test_a_play_fails_before_a_mail_does(ansible, reader, code):
    played = ansible.shown("docs/ansible.md", "keys", readers=[f"{reader}@example.org"])

    assert played.code == code, played.output
    said = "carol@example.org: " in played.output and "validity" in played.output
    assert said is bool(code)
