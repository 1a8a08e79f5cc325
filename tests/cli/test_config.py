"""`gpgmail config`: what counts and why, what a value means, what is wrong with an account."""

from __future__ import annotations

import json

import pytest

from gpgmail.core.codes import Exit
from tests.support.commands import call, environment, run

CONFIG = """
[account.work]
server = "smtp://mail.example.org"
user = "alerts"
password = "sesame oil"
fallback = ["other"]
[account.other]
server = "smtps://other.example.org"
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


def test_show_names_the_place_of_each_value_and_no_secret(config):
    outcome = call("config", "show", "--account", "work", "--config", config)
    assert outcome.code == 0
    assert f'server = "smtp://mail.example.org"  # {config} [account.work]\n' in outcome.text
    assert "timeout = 60  # default\n" in outcome.text
    assert 'password = "********"' in outcome.text
    assert "sesame" not in outcome.text + outcome.errors


@pytest.mark.parametrize("password", ["sesame", "ses/a@me"])
def test_a_password_within_a_url_is_masked(config, password):
    url = f"socks5://me:{password}@proxy.example.org:1080"
    config.write_text(f"[account.a]\nproxy = '{url}'\n")
    shown = [
        call("config", "show", "--config", config),
        call("config", "show", "--json", "--config", config),
        run("config", "explain", "proxy", env=environment(GPGMAIL_PROXY=url)),
    ]
    for outcome in shown:
        assert outcome.code == 0
        assert '"socks5://me:********@proxy.example.org:1080"' in outcome.text
        assert password not in outcome.text + outcome.errors


def test_show_as_json_with_the_environment(config):
    variables = {"GPGMAIL_TIMEOUT": "5", "GPGMAIL_CONFIG": str(config), "GPGMAIL_ACCOUNT": "other"}
    outcome = run("config", "show", "--json", env=environment(**variables))
    told = json.loads(outcome.text)
    assert told["account"] == "other"
    assert told["values"]["timeout"] == {"value": 5, "origin": "GPGMAIL_TIMEOUT", "beaten": []}
    assert told["values"]["server"]["value"] == "smtps://other.example.org"


def test_explain_says_what_counts_and_what_does_not(config):
    arguments = ("config", "explain", "server", "--account", "work", "--config", config)
    outcome = run(*arguments, env=environment(GPGMAIL_SERVER="smtp://nearer"))
    assert outcome.code == 0
    assert "GPGMAIL_SERVER in the environment" in outcome.text
    assert '  value: "smtp://nearer"\n  from: GPGMAIL_SERVER\n' in outcome.text
    assert f"  does not count: {config} [account.work]\n" in outcome.text


def test_show_has_the_policy_as_the_file_does(config):
    table = {"example.org": {"encrypt": "require"}, "*": {"sign": False, "encrypt": "prefer"}}
    lines = [
        'policy."example.org" = { encrypt = "require" }',
        'policy."*" = { sign = false, encrypt = "prefer" }',
    ]
    config.write_text("\n".join([*lines, CONFIG]))
    shown = call("config", "show", "--account", "other", "--config", config)
    assert shown.text.splitlines()[-2:] == lines
    told = json.loads(
        call("config", "show", "--json", "--account", "other", "--config", config).text
    )
    assert told["policy"] == table


@pytest.mark.parametrize("name", ["user", "password", "fallback"])
def test_a_login_of_another_server_says_why_it_does_not_count(config, name):
    variables = {"GPGMAIL_SERVER": "smtp://nearer", "GPGMAIL_CONFIG": str(config)}
    env = environment(**variables, GPGMAIL_ACCOUNT="work")
    why = f"{config} [account.work], as GPGMAIL_SERVER names another server\n"
    outcome = run("config", "explain", name, env=env)
    assert "  from: default\n" in outcome.text
    assert f"  does not count: {why}" in outcome.text
    shown = run("config", "show", env=env)
    (line,) = [one for one in shown.text.splitlines() if one.startswith(f"{name} =")]
    assert line.endswith("  # default; " + why.replace(", as", " does not count, as").rstrip())
    (beaten,) = json.loads(run("config", "show", "--json", env=env).text)["values"][name]["beaten"]
    assert beaten["why"] == "GPGMAIL_SERVER names another server"
    assert "sesame" not in outcome.text + shown.text


def test_a_password_that_another_way_of_giving_it_beats_says_so(config):
    variables = {"GPGMAIL_PASSWORD_COMMAND": "pass mail", "GPGMAIL_CONFIG": str(config)}
    env = environment(**variables, GPGMAIL_ACCOUNT="work")
    outcome = run("config", "explain", "password", env=env)
    why = "as GPGMAIL_PASSWORD_COMMAND takes its place"
    assert f"  does not count: {config} [account.work], {why}\n" in outcome.text


def test_a_name_that_is_no_value(config):
    outcome = call("config", "explain", "sever", "--config", config)
    assert outcome.code == Exit.USAGE
    assert "server is the nearest" in outcome.errors


def test_check_finds_nothing_wrong(config):
    outcome = call("config", "check", "--config", config)
    assert (outcome.code, outcome.text) == (0, "work: fine\nother: fine\n")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('server = "mail.example.org"', "server: "),
        ('from = "a@example.org, b@example.org"', "from: "),
        ('from = "a@example.org\\r\\nBcc: b@example.org"', "from: "),
        ('proxy = "ftp://p"', "proxy: "),
        ('trust = "blind"', "trust: "),
        ('keyring = "absent"', "keyring: "),
        ('fallback = "otter"', "fallback: no account otter"),
        ('password_file = "absent"', "password_file: "),
        ("timeot = 1", "timeout is the nearest"),
    ],
)
def test_check_says_what_is_wrong_with_which_account(config, line, complaint):
    config.write_text(f"{CONFIG}[account.bad]\n{line}\n")
    outcome = call("config", "check", "--account", "bad", "--config", config)
    assert outcome.code == Exit.CONFIG
    assert complaint in outcome.text + outcome.errors


def test_check_minds_a_password_file_that_others_can_read(config, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("sesame oil\n")
    secret.chmod(0o644)
    config.write_text(f'[account.bad]\npassword_file = "{secret}"\n')
    outcome = call("config", "check", "--config", config)
    assert outcome.code == Exit.CONFIG
    assert f"chmod 600 {secret}" in outcome.text
