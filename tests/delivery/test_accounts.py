"""Accounts: real files, the environment and given values, and which of them counts."""

from __future__ import annotations

import os

import pytest

from gpgmail.core.codes import ErrorCode, Exit
from gpgmail.core.errors import PolicyError, UsageError
from gpgmail.delivery import accounts
from gpgmail.delivery.accounts import open_account
from gpgmail.delivery.configfile import load
from gpgmail.delivery.policy import Decision, decide


@pytest.fixture(autouse=True)
def no_file_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(accounts, "SYSTEM", tmp_path / "etc" / "config.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in list(os.environ):
        if name.startswith("GPGMAIL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path):
    """Write a configuration file: the user's, or the system's."""

    def write(text, place="home", mode=0o600):
        path = tmp_path / ("home/gpgmail" if place == "home" else "etc") / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


WORK = """
[defaults]
timeout = 20
trust = "always"

[account.work]
server = "smtp://mail.example.org"
from = "ops@example.org"
keyring = ["keys.asc", "~/more", "/srv/keys"]
sign = true
"""


def refused(path):
    with pytest.raises(UsageError) as caught:
        load(path)
    assert caught.value.code is ErrorCode.CONFIG
    assert caught.value.exit_code == Exit.CONFIG
    assert str(path) in str(caught.value)
    return caught.value


def test_nothing_at_all_is_an_account_of_defaults():
    account = open_account()
    assert account.name == ""
    assert account.options.timeout == 60
    assert account.origin("timeout") == "default"
    assert account.options.encrypt == "never"


def test_the_only_account_counts_and_paths_are_beside_the_file(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    path = write(WORK)
    account = open_account()
    assert account.name == "work"
    assert account.options.server == "smtp://mail.example.org"
    assert account.options.from_ == "ops@example.org"
    assert account.options.sign is True
    assert account.options.keyring == (
        str(path.parent / "keys.asc"),
        str(tmp_path / "person" / "more"),
        "/srv/keys",
    )
    assert account.origin("server") == f"{path} [account.work]"
    assert account.origin("timeout") == f"{path} [defaults]"


def test_given_beats_environment_beats_user_beats_system(write, monkeypatch):
    user = write(WORK)
    system = write('[account.work]\nserver = "smtp://b"\nproxy = "http://p:1"\n', "etc", 0o644)
    monkeypatch.setenv("GPGMAIL_TIMEOUT", "7")
    monkeypatch.setenv("GPGMAIL_TRUST", "gnupg")
    account = open_account(given={"timeout": 3})
    assert [(one.value, one.origin) for one in account.found["timeout"]] == [
        (3, "--timeout"),
        (7, "GPGMAIL_TIMEOUT"),
        (20, f"{user} [defaults]"),
    ]
    assert [one.value for one in account.found["server"]] == ["smtp://mail.example.org", "smtp://b"]
    assert account.options.trust == "gnupg"
    assert account.options.proxy == "http://p:1"
    assert account.origin("proxy") == f"{system} [account.work]"


def test_words_of_the_environment_are_split_like_a_shells(monkeypatch):
    monkeypatch.setenv("GPGMAIL_KEYRING", "'/a b' /c")
    monkeypatch.setenv("GPGMAIL_FROM", "a@example.org")
    options = open_account().options
    assert options.keyring == ("/a b", "/c")
    assert options.from_ == "a@example.org"


@pytest.mark.parametrize(
    ("name", "value"), [("TIMEOUT", "soon"), ("ENCRYPT", "perhaps"), ("SIGN", "maybe")]
)
def test_a_bad_value_of_the_environment_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"GPGMAIL_{name}", value)
    with pytest.raises(UsageError) as caught:
        open_account()
    assert f"GPGMAIL_{name}" in str(caught.value)


TWO = '[account.a]\nserver = "smtp://a"\n[account.b]\nserver = "smtp://b"\n'


@pytest.mark.parametrize(
    ("head", "variable", "argument", "server"),
    [
        ("", None, "b", "smtp://b"),
        ("", "b", None, "smtp://b"),
        ("", "b", "a", "smtp://a"),
        ('default = "b"\n', None, None, "smtp://b"),
        ('default = "b"\n', "a", None, "smtp://a"),
        ("", None, None, ""),
    ],
)
def test_which_account_counts(write, monkeypatch, *, head, variable, argument, server):
    write(head + TWO)
    if variable:
        monkeypatch.setenv("GPGMAIL_ACCOUNT", variable)
    assert open_account(argument).options.server == server


def test_an_account_that_is_not_there_is_named_with_the_nearest(write):
    write(WORK)
    with pytest.raises(UsageError) as caught:
        open_account("wrok")
    assert caught.value.code is ErrorCode.CONFIG
    assert "wrok" in str(caught.value)
    assert "work is the nearest" in str(caught.value)


def test_a_named_file_stands_alone(write, tmp_path, monkeypatch):
    write(WORK)
    other = tmp_path / "other.toml"
    other.write_text('[account.x]\nserver = "smtp://x"\n')
    other.chmod(0o600)
    assert open_account(config=other).options.server == "smtp://x"
    monkeypatch.setenv("GPGMAIL_CONFIG", str(other))
    assert open_account().options.timeout == 60
    with pytest.raises(UsageError) as caught:
        open_account(config=tmp_path / "none.toml")
    assert caught.value.code is ErrorCode.CONFIG


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[account.work]\nsevrer = 1\n", "server is the nearest"),
        ("[acount.work]\n", "account is the nearest"),
        ("[account]\nwork = 1\n", "account.work is no table"),
        ("account = 1\n", "account is no table"),
        ("default = 1\n", "default names no account"),
        ("[account.work]\ntimeout = 'x'\n", "account.work.timeout"),
        ("[account.work]\ntimeout = -1\n", "account.work.timeout"),
        ("[account.work]\nkeyring = [1]\n", "takes an array of strings"),
        ("[account.work]\nencrypt = 'maybe'\n", "must be one of never, prefer, require"),
        ("[policy]\n'*' = { encrypts = true }\n", "encrypt is the nearest"),
        ("[account.work]\nencrypt = \n", "no TOML"),
    ],
)
def test_what_a_file_must_not_say(write, text, said):
    assert said in str(refused(write(text)))


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_could_write_is_refused(write, mode):
    assert "chmod go-w" in str(refused(write(WORK, mode=mode)))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_password_that_others_can_read_is_refused_and_not_repeated(write, mode):
    path = write("[account.a]\npassword = 'sesame oil'\n", mode=mode)
    error = refused(path)
    assert "chmod 600" in str(error)
    assert "sesame" not in str(error)
    path.chmod(0o600)
    assert load(path).accounts["a"]["password"] == "sesame oil"


@pytest.mark.parametrize("name", ["server", "proxy"])
def test_a_password_in_a_url_that_others_can_read_is_refused(write, name):
    path = write(f"[defaults]\n{name} = 'smtp://me:sesame@h'\n", mode=0o644)
    error = refused(path)
    assert "chmod 600" in str(error)
    assert "sesame" not in str(error)
    path.chmod(0o600)
    assert load(path).defaults[name] == "smtp://me:sesame@h"


def test_a_url_without_a_password_is_no_secret(write):
    path = write("[account.a]\nserver = 'smtp://me@h:25'\n", mode=0o644)
    assert load(path).accounts["a"]["server"] == "smtp://me@h:25"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(write):
    path = write(WORK)
    os.chown(path, 12345, 12345)
    assert "belongs to another user" in str(refused(path))


def test_what_is_no_file_is_refused_at_once(tmp_path):
    pipe = tmp_path / "config.toml"
    os.mkfifo(pipe, 0o600)
    assert "is no file" in str(refused(pipe))
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"[defaults]\nfrom = '\xe9@x'\n")
    latin.chmod(0o600)
    assert "UTF-8" in str(refused(latin))


def test_credentials_of_systemd(write, monkeypatch, tmp_path):
    path = write('[account.a]\npassword_file = "$CREDENTIALS_DIRECTORY/smtp"\n')
    error = refused(path)
    assert "account.a.password_file: CREDENTIALS_DIRECTORY is not set" in error.detail
    assert "CREDENTIALS_DIRECTORY=" in error.hint
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load(path).accounts["a"]["password_file"] == f"{tmp_path}/smtp"


def test_of_two_ways_to_a_password_the_nearer_counts(write, monkeypatch):
    path = write('[account.a]\npassword_command = "pass smtp"\n')
    assert open_account().options.password_command == "pass smtp"
    monkeypatch.setenv("GPGMAIL_PASSWORD_FILE", "/run/p")
    options = open_account().options
    assert (options.password_file, options.password_command) == ("/run/p", "")
    path.write_text('[account.a]\npassword_command = "x"\npassword_file = "y"\n')
    monkeypatch.delenv("GPGMAIL_PASSWORD_FILE")
    with pytest.raises(UsageError) as caught:
        open_account()
    assert "give only one of" in str(caught.value)


def test_pins_are_beside_the_file_and_policies_are_none(write):
    path = write('[account.a]\ntrust = "pinned:pins"\n[account.b]\ntrust = "gnupg"\n')
    found = load(path).accounts
    assert found["a"]["trust"] == f"pinned:{path.parent}/pins"
    assert found["b"]["trust"] == "gnupg"


POLICY = """
[account.work]
sign = true
encrypt = "prefer"
[policy]
"*" = { encrypt = "require" }
"Example.org" = { sign = false }
"bob@example.org" = { encrypt = false }
"carol@example.net" = { encrypt = "prefer", sign = false }
"""


@pytest.mark.parametrize(
    ("addresses", "decision"),
    [
        (["x@elsewhere.org"], Decision(True, "require")),
        (["alice@EXAMPLE.org"], Decision(False, "require")),
        (["Bob@example.org"], Decision(False, "never")),
        (["carol@example.net"], Decision(False, "prefer")),
        (["carol@example.net", "alice@example.org"], Decision(False, "require")),
        (["carol@example.net", "bob@example.org"], Decision(False, "never")),
        (["carol@example.net", "x@elsewhere.org"], Decision(True, "require")),
    ],
)
def test_the_nearest_policy_and_the_strictest_wish(write, addresses, decision):
    write(POLICY)
    assert decide(open_account(), addresses) == decision


def test_what_cannot_be_reconciled_is_refused(write):
    write(POLICY)
    with pytest.raises(PolicyError) as caught:
        decide(open_account(), ["bob@example.org", "x@elsewhere.org"])
    assert "bob@example.org never gets" in str(caught.value)
    assert "x@elsewhere.org" in str(caught.value)


def test_the_users_policy_replaces_the_systems_of_the_same_name(write):
    write('[policy]\n"*" = { encrypt = "require" }\n"a@b.c" = { sign = true }\n', "etc", 0o644)
    write('[policy]\n"*" = { encrypt = "prefer" }\n')
    account = open_account()
    assert decide(account, ["x@y.z"]) == Decision(False, "prefer")
    assert decide(account, ["a@b.c"]) == Decision(True, "prefer")


@pytest.mark.parametrize("value", [None, "", "  ", "/somewhere/else"])
def test_the_place_of_the_own_file_is_that_of_other_programs(monkeypatch, value):
    from platformdirs import user_config_path

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
    assert accounts._own() == user_config_path("gpgmail")


def test_a_place_for_files_that_cannot_be_seen_is_an_error(monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "/" + "x" * 300)
    with pytest.raises(UsageError) as refused:
        open_account()
    assert refused.value.code.number == 24
    assert "GPGMAIL_CONFIG" in refused.value.hint
