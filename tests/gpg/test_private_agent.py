"""A private agent: the user's keys, none of the user's cache, and his home as it was."""

from __future__ import annotations

import os

import pytest

from gpgmail.core.errors import PassphraseError
from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.gpg.home import Home
from gpgmail.gpg.judge import judge
from gpgmail.gpg.prepared import Sources, prepare, private_agent
from gpgmail.gpg.proof import end_agent
from gpgmail.gpg.runner import execute
from tests.support.keyrings import KEYRINGS, fixture_key

LOCKED = fixture_key("protected", "locked")
VAULT = fixture_key("upgraded", "vault")
RIGHT, WRONG = (Passphrases({ANY_KEY: Secret(word)}) for word in (LOCKED.passphrase, "wrong"))


def sign(home, run, passphrases, key=LOCKED, *options):
    arguments = [*options, "--armor", "--detach-sign", "-u", key.fingerprint]
    return execute(home, arguments, run=run, source=[b"text"], passphrases=passphrases)


def kept(home):
    """What may not change in a user's home."""
    directory = home.directory
    paths = [*directory.glob("*.gpg"), *directory.glob("*.kbx")]
    paths += directory.glob("private-keys-v1.d/*")
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def names(home):
    return {path.name for path in home.directory.iterdir() if not path.name.startswith("S.")}


def test_a_wrong_passphrase_is_seen_though_the_users_agent_has_the_right_one(copy, run):
    home = copy("protected")
    assert sign(home, run, RIGHT).ok
    assert sign(home, run, None).ok  # the user's own agent has it now
    with private_agent(home, run) as own:
        result = sign(own.home, run, WRONG)
        assert not result.ok
        assert isinstance(judge(result, Situation.SIGN_FAILED), PassphraseError)
        assert sign(own.home, run, RIGHT).ok
        assert not sign(own.home, run, WRONG).ok  # nor does our agent remember it
        assert not sign(own.home, run, None).ok


def test_the_users_agent_is_neither_started_nor_told(copy, run, live):
    home = copy("protected")
    with private_agent(home, run) as own:
        assert sign(own.home, run, RIGHT).ok
        assert not live(f"gpg-agent --homedir {home.directory} ")
    assert not sign(home, run, None).ok


@pytest.mark.parametrize(
    ("name", "key"), [("protected", LOCKED), ("upgraded", VAULT)], ids=["protected", "upgraded"]
)
def test_the_users_home_stays_as_it_is(copy, run, name, key):
    """In `upgraded` the agent rewrites a key at its first use and gpg the keyring: only ours."""
    home = copy(name)
    before, had = kept(home), names(home)
    with private_agent(home, run) as own:
        answer = Passphrases({ANY_KEY: Secret(key.passphrase)})
        assert sign(own.home, run, answer, key).ok
        assert execute(own.home, ["--check-trustdb"], run=run).ok
    assert kept(home) == before
    assert names(home) == had


def test_the_users_options_go_along(copy, run):
    home = copy("protected")
    (home.directory / "gpg.conf").write_text("digest-algo SHA224\ncomment from the user\n")
    with private_agent(home, run) as own:
        result = sign(own.home, run, RIGHT)
    created = next(line for line in result.status if line.keyword == "SIG_CREATED")
    assert created.get("digest") == "11"  # SHA224
    assert b"Comment: from the user" in result.output


def test_the_most_exact_options_file_is_taken(copy, run):
    home = copy("protected")
    (home.directory / "gpg.conf").write_text("comment general\n")
    (home.directory / "gpg.conf-2").write_text("comment exact\n")
    with private_agent(home, run) as own:
        assert b"Comment: exact" in sign(own.home, run, RIGHT).output


def test_other_keyrings_and_trust_go_along(copy, run, tmp_path):
    bob = fixture_key("recipients", "bob")
    other = tmp_path / "public.gpg"  # a copy: bare gpg with a trust check rewrites a keyring
    other.write_bytes((KEYRINGS / "recipients" / "public.gpg").read_bytes())
    home = Home(directory=copy("modern").directory, keyrings=(other,))
    alice = fixture_key("modern", "alice")
    with private_agent(home, run) as own:
        assert own.home.keyrings == home.keyrings
        for options in (["-r", alice.fingerprint], ["--trust-model=always", "-r", bob.fingerprint]):
            assert execute(own.home, [*options, "-e"], run=run, source=[b"x"]).ok


def test_one_is_shared_until_the_keys_change(copy, run):
    home = copy("protected")
    with private_agent(home, run) as first, private_agent(home, run) as second:
        assert first.home is second.home
        key = next((home.directory / "private-keys-v1.d").iterdir())
        os.utime(key, ns=(1, 1))
        with private_agent(home, run) as third:
            assert third.home.directory != first.home.directory


def test_a_prepared_home_is_its_own(run):
    sources = Sources(secret=(KEYRINGS / "exports-protected" / "secret.gpg",))
    with prepare(sources, run) as own:
        again = private_agent(own.home, run)
        assert again.home is own.home
        again.close()
        assert not sign(own.home, run, WRONG).ok
        assert sign(own.home, run, RIGHT).ok


def test_no_private_agent_for_a_card(copy, run):
    home = copy("protected")
    stub = home.directory / "private-keys-v1.d" / f"{'A' * 40}.key"
    stub.write_bytes(b"(20:shadowed-private-key(3:rsa(1:n1:x)(1:e1:y)(8:shadowed5:t1-v1())))")
    assert private_agent(home, run) is None


@pytest.mark.parametrize("how", ["option", "directory"])
def test_no_private_agent_beside_keyboxd(copy, run, how):
    home = copy("protected")
    if how == "option":
        (home.directory / "common.conf").write_text("# one a line\n use-keyboxd\n")
    else:
        (home.directory / "public-keys.d").mkdir()
    assert private_agent(home, run) is None


def test_a_commented_keyboxd_is_none(copy, run):
    home = copy("protected")
    (home.directory / "common.conf").write_text("# use-keyboxd\n")
    private_agent(home, run).close()


def test_an_agent_that_is_gone_is_started_again(copy, run, all_end):
    home = copy("protected")
    with private_agent(home, run) as own:
        assert sign(own.home, run, RIGHT).ok
        end_agent(own.home.directory, run)
        assert all_end(str(own.home.directory))
        assert sign(own.home, run, RIGHT).ok
