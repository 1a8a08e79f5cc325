"""`gpgmail keys`: what each key can do, why one is taken, and that the commands shown help."""

from __future__ import annotations

import json
import subprocess

import pytest

from gpgmail.core.codes import Exit
from gpgmail.testing import ThrowawayHome
from tests.support.commands import bare, call, run
from tests.support.keyrings import fixture_key, keyring_copy


def keys(verb, *arguments, home=None):
    return call("keys", verb, *arguments, *(("--keyring", home) if home else ()))


def told(outcome):
    return json.loads(outcome.text)


def shell(command):
    """Run what people are told to run; the keys of tests have no passphrase to be asked for."""
    quiet = command.replace("gpg --homedir", "gpg --batch --passphrase '' --homedir")
    subprocess.run(quiet, shell=True, check=True, capture_output=True)  # noqa: S602 - a shown line


# ---- list, show ----


def test_list_says_what_each_key_can_do(place):
    outcome = keys("list", home=place("modern"))
    alice = fixture_key("modern", "alice").fingerprint
    assert outcome.code == 0
    assert f"{alice}  encryption\n      Alice (test) <alice@example.org> [full]" in outcome.text
    assert "no signing: its secret key is not here" in outcome.text
    assert f"{fixture_key('modern', 'sender').fingerprint}  signing, encryption\n" in outcome.text


def test_list_of_secret_keys_and_of_a_query(place):
    home = place("modern")
    (own,) = told(keys("list", "--secret", "--json", home=home))["keys"]
    assert own["fingerprint"] == fixture_key("modern", "sender").fingerprint
    assert own["signing"] == {"usable": True, "reason": "", "until": None}
    (alice,) = told(keys("list", "alice", "--json", home=home))["keys"]
    assert alice["user_ids"][0]["validity"] == "full"
    assert not alice["signing"]["usable"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody",), "no key for nobody in "),
        (("alice", "--secret"), "no secret key for alice in "),
    ],
)
def test_list_of_a_query_that_finds_nothing(place, words, said):
    home = place("modern")
    outcome = keys("list", *words, home=home)
    assert (outcome.code, outcome.text) == (Exit.NO_USER, f"{said}{home}\n")
    outcome = keys("list", *words, "--json", home=home)
    assert (outcome.code, told(outcome)) == (Exit.NO_USER, {"keys": []})


def test_list_of_a_home_without_keys(tmp_path, monkeypatch):
    home = tmp_path / "h"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    outcome = keys("list")
    assert (outcome.code, outcome.text) == (0, f"no key in {home}\n")


def test_list_says_until_when_and_why_not(place):
    (key,) = told(keys("list", "--json", home=place("several-uids")))["keys"]
    assert key["encryption"]["until"].startswith("2099-")
    assert "  signing until 2099-" in keys("list", home=place("several-uids")).text
    outcome = keys("list", home=place("expired"))
    assert "not usable" in outcome.text
    assert "no encryption: the key is expired on 20" in outcome.text


def test_show_has_every_part(place):
    key = fixture_key("signing-subkey", "subsigner")
    outcome = keys("show", key.address, home=place("signing-subkey"))
    for part in key.parts:
        assert part.fingerprint in outcome.text
        assert part.keygrip in outcome.text
    assert "to sign\n" in outcome.text


def test_show_of_a_key_that_is_not_there(place):
    outcome = keys("show", "nobody@example.org", home=place("modern"))
    assert outcome.code == Exit.NO_USER
    assert str(place("modern")) in outcome.errors


def test_a_user_id_cannot_write_lines_of_its_own(place):
    outcome = keys("list", home=place("odd-user-ids"))
    assert outcome.code == 0
    assert "\x1b" not in outcome.text
    assert "Line Break" in outcome.text


# ---- why ----


def test_why_names_the_key_that_is_taken(place):
    outcome = keys("why", "alice@example.org", home=place("modern"))
    assert outcome.code == 0
    assert outcome.text.startswith(f"taken: {fixture_key('modern', 'alice').fingerprint} ")
    assert "to change that" not in outcome.text


def test_why_of_all_keyrings(place, tmp_path):
    outcome = call(
        *("keys", "why", "alice@example.org", "--json"),
        *("--keyring", place("modern"), "--keyring", place("recipients") / "public.gpg"),
    )
    one, other = told(outcome)["candidates"]
    assert one["taken"]
    assert (other["taken"], other["obstacle"]) == (False, "choice")
    assert other["keyring"] == str(place("recipients") / "public.gpg")


def test_why_nobody_is_taken(place):
    outcome = keys("why", "nobody@example.org", home=place("modern"))
    assert outcome.code == Exit.NO_USER
    assert f"no key for nobody@example.org in {place('modern')}" in outcome.text
    assert f"gpg --homedir {place('modern')} --locate-external-keys nobody@" in outcome.text


@pytest.mark.parametrize("purpose", ["encrypt", "sign"])
def test_why_of_an_empty_name_is_an_error(place, purpose):
    outcome = keys("why", "", "--for", purpose, home=place("modern"))
    assert outcome.code == Exit.USAGE
    assert outcome.text == ""
    assert "name of a key: is empty" in outcome.errors


@pytest.mark.parametrize(
    ("situation", "who", "purpose", "because"),
    [
        ("modern", "carol@example.org", "encrypt", "validity"),
        ("expired", "expired@example.org", "encrypt", "expired"),
        ("expired", "expired@example.org", "sign", "expired"),
        ("expired-subkey", "stale@example.org", "encrypt", "subkey is expired"),
        ("disabled", "disabled@example.org", "encrypt", "disabled"),
        ("no-encryption", "signonly@example.org", "encrypt", "no encryption subkey"),
        ("decrypt-only", "reader@example.org", "sign", "secret key is not here"),
    ],
)
def test_the_command_that_is_shown_makes_the_key_usable(situation, who, purpose, because):
    with keyring_copy(situation) as home:
        before = keys("why", who, "--for", purpose, "--json", home=home)
        (one,) = told(before)["candidates"]
        assert before.code == Exit.NO_USER
        assert because in one["reason"]
        if situation == "decrypt-only":  # only its owner has the file
            assert one["command"] in {
                f"gpg --homedir {home} --card-status",
                f"gpg --homedir {home} --import FILE",
            }
            return
        shell(one["command"])
        after = keys("why", who, "--for", purpose, "--json", home=home)
        assert after.code == 0, after.text


def test_a_revoked_key_needs_another(place):
    home = place("revoked")
    (one,) = told(keys("why", "revoked@example.org", "--json", home=home))["candidates"]
    assert "--quick-generate-key 'Revoked (test) <revoked@example.org>'" in one["command"]


def test_keys_of_files_cannot_be_changed(place):
    file = place("exports") / "public.gpg"
    (one,) = told(keys("why", "sender@example.org", "--for", "sign", "--json", home=file))[
        "candidates"
    ]
    assert (one["taken"], one["command"]) == (False, "")


def test_two_keys_for_an_address(place):
    outcome = keys("why", "twin@example.org", home=place("two-keys-one-address"))
    assert outcome.code == Exit.NO_USER
    assert outcome.text.count("not taken (choice)") == 2


def test_the_account_says_which_keyring_and_whom_to_trust(place, tmp_path):
    pins = tmp_path / "pins"
    pins.write_text(f"carol@example.org {fixture_key('modern', 'carol').fingerprint}\n")
    config = tmp_path / "config.toml"
    config.write_text(f'[account.x]\nkeyring = "{place("modern")}"\ntrust = "pinned:pins"\n')
    outcome = call("keys", "why", "carol@example.org", "--config", config)
    assert outcome.code == 0, outcome.errors
    refused = call("keys", "why", "alice@example.org", "--json", "--config", config)
    (one,) = told(refused)["candidates"]
    assert one["command"].endswith(f">> {pins}")
    shell(one["command"])
    assert call("keys", "why", "alice@example.org", "--config", config).code == 0


# ---- everywhere ----


def test_it_works_as_cron_starts_it_and_leaves_nothing(no_leftovers):
    with ThrowawayHome() as home:
        home.make_key("Own <own@example.org>")
        before = {path: path.read_bytes() for path in home.path.glob("pubring*")}
        outcome = run("keys", "list", env=bare(GNUPGHOME=str(home.path)))
        assert outcome.code == 0, outcome.errors
        assert "Own <own@example.org> [ultimate]" in outcome.text
        assert {path: path.read_bytes() for path in home.path.glob("pubring*")} == before
