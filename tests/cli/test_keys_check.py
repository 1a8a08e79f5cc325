"""`gpgmail keys check` as monitoring sees it: exit codes, the plugin's line, metrics, JSON."""

from __future__ import annotations

import json
import re
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gpgmail.testing import ThrowawayHome
from tests.support.commands import bare, call, run
from tests.support.keyrings import fixture_key

OK, WARNING, CRITICAL, UNKNOWN = range(4)
SOON, LATE, EVER = "soon@example.org", "late@example.net", "ever@example.org"
# Monitoring Plugins Development Guidelines: 'label'=value[UOM];[warn];[crit];[min];[max]
PERFORMANCE = re.compile(r"'((?:[^'=]|'')+)'=(U|-?[0-9.]+);([0-9.]+:);([0-9.]+:)(?: |$)")


@pytest.fixture(scope="module")
def home():
    with ThrowawayHome() as home:
        home.make_key(f"Soon <{SOON}>", expires="20d", at="")
        home.make_key(f"Late <{LATE}>", expires="100d", at="")
        home.make_key(f"Ever <{EVER}>")
        home.make_key("Over <over@example.org>", expires="20240601T000000", at="20240102T030405")
        yield home.path


@pytest.fixture
def check(home):
    return lambda *arguments: call("keys", "check", "--keyring", home, *arguments)


@pytest.fixture
def config(home, tmp_path):
    """`config(lines)`: a file with an account whose keyring is the home."""

    def write(account="", rest=""):
        path = tmp_path / "config.toml"
        path.write_text(f'[account.work]\nkeyring = "{home}"\n{account}\n{rest}\n')
        return path

    return write


def state(outcome):
    return json.loads(outcome.text)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((EVER,), OK),
        ((LATE,), OK),
        ((SOON,), WARNING),
        ((SOON, "--warn-days", "19"), OK),
        ((SOON, "--critical-days", "21"), CRITICAL),
        ((LATE, "--warn-days", "101"), WARNING),
        ((EVER, SOON), WARNING),
        ((EVER, "over@example.org"), CRITICAL),
        (("nobody@example.org",), CRITICAL),
        (("--signer", SOON), WARNING),
        (("--signer", "nobody@example.org"), CRITICAL),
        (("--all",), WARNING),
        ((), UNKNOWN),
        (("",), UNKNOWN),
        ((EVER, " "), UNKNOWN),
        (("--signer", ""), UNKNOWN),
        (("--warn-days", "many"), UNKNOWN),
        (("--no-such-option",), UNKNOWN),
        ((EVER, "--keyring", "/nonexistent"), UNKNOWN),
    ],
)
def test_exit_codes_are_those_of_plugins(check, arguments, code):
    outcome = check(*arguments)
    assert outcome.code == code, outcome
    word = ("OK", "WARNING", "CRITICAL", "UNKNOWN")[code]
    assert outcome.text.startswith(f"GPGMAIL KEYS {word} - ")
    assert outcome.text.count("\n") == 1
    assert outcome.errors == ""


def test_the_line_says_the_worst_first_with_performance_data(check):
    outcome = check(EVER, LATE, SOON, "over@example.org")
    line, _, data = outcome.text.rstrip("\n").partition(" | ")
    assert line.index("over@example.org") < line.index(SOON)
    assert "over@example.org (encryption): the key is expired on 2024-" in line
    assert f"{SOON} (encryption) ends in 20 days (20" in line
    assert line.endswith("; 2 keys are well")
    found = {label: rest for label, *rest in PERFORMANCE.findall(data)}
    assert "".join(one[0] for one in PERFORMANCE.finditer(data)) == data
    assert found == {
        f"{LATE} encryption": ["100.0", "30:", "7:"],
        f"{SOON} encryption": ["20.0", "30:", "7:"],
        "over@example.org encryption": ["U", "30:", "7:"],
    }


def test_a_name_cannot_write_the_line(check):
    outcome = check("a'b=c|d\n<x@example.org>")
    line, _, data = outcome.text.rstrip("\n").partition(" | ")
    assert "a'b=c/d" in line
    assert data == "'a''b-c/d <x@example.org> encryption'=U;30:;7:"


def test_more_lines_say_what_to_do(check):
    outcome = check("-v", EVER, "nobody@example.org")
    assert outcome.text.splitlines()[1].startswith("CRITICAL: nobody@example.org (encryption): ")
    assert outcome.text.splitlines()[2] == "  import the key, or name another keyring or key"


# ---- what is looked at ----


def test_all_that_an_account_counts_on(check, config, home, tmp_path):
    (tmp_path / "pins").write_text(f"pinned@example.org {'A' * 40}\n")
    policy = "\n".join(
        [
            "[policy]",
            f'"{EVER}" = {{ encrypt = "require" }}',
            '"absent@example.org" = { encrypt = "prefer" }',
            '"never@example.org" = { encrypt = "never" }',
            '"example.net" = { encrypt = "require" }',
            '"*" = { sign = true }',
        ]
    )
    account = f'from = "Soon <{SOON}>"\nhold_key = "{SOON}"\ntrust = "pinned:pins"'
    outcome = call("keys", "check", "--json", "--config", config(account, policy))
    found = {(one["name"], one["purpose"]): one for one in state(outcome)["keys"]}
    assert {name: (one["origin"], one["level"]) for name, one in found.items()} == {
        (SOON, "signing"): ("signer", "WARNING"),
        (EVER, "encryption"): (f"policy {EVER}", "CRITICAL"),  # which has no pin
        ("absent@example.org", "encryption"): ("policy absent@example.org", "WARNING"),
        (LATE, "encryption"): ("policy example.net", "CRITICAL"),
        ("pinned@example.org", "encryption"): ("pins", "CRITICAL"),
        (SOON, "encryption"): ("hold_key", "CRITICAL"),
    }
    assert outcome.code == CRITICAL


def test_the_signers_that_an_account_names(config):
    path = config(f'signer = ["{SOON}", "{EVER}"]')
    found = state(call("keys", "check", "--json", "--config", path))["keys"]
    assert [(one["name"], one["level"]) for one in found] == [(SOON, "WARNING"), (EVER, "OK")]


def test_what_gpg_conf_adds_is_counted_on(place, tmp_path):
    with ThrowawayHome() as home:
        home.make_key("Own <own@example.org>")
        (home.path / "gpg.conf").write_text("encrypt-to archive@example.org\n")
        outcome = call("keys", "check", "--json", "--keyring", home.path)
        (one,) = state(outcome)["keys"]
        assert (one["name"], one["origin"]) == ("archive@example.org", "gpg.conf")
        assert outcome.code == CRITICAL


def test_members_of_a_group_are_each_looked_at(place):
    outcome = call("keys", "check", "--json", "--keyring", place("group-lines"), "team")
    found = [(one["user_id"], one["level"]) for one in state(outcome)["keys"]]
    assert found == [
        ("Alice (test) <alice@example.org>", "OK"),
        ("Bob (test) <bob@example.org>", "OK"),
    ]


# ---- metrics ----


def metrics(text):
    """The samples as Prometheus' own library reads them: by name, and by the key's name."""
    return {
        family.name: {sample.labels.get("name", ""): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


def test_metrics_are_read_by_prometheus(check):
    outcome = check("--prometheus", EVER, SOON, 'no"bo\\dy@example.org')
    assert outcome.code == CRITICAL
    found = metrics(outcome.text)
    ends = found["gpgmail_key_expiry_timestamp_seconds"]
    checked = found["gpgmail_keys_checked_timestamp_seconds"][""]
    assert ends[EVER] == float("inf")
    assert 19 < (ends[SOON] - checked) / 86400 < 21
    assert found["gpgmail_key_usable"] == {EVER: 1, SOON: 1, 'no"bo\\dy@example.org': 0}
    assert found["gpgmail_key_status"] == {EVER: 0, SOON: 1, 'no"bo\\dy@example.org': 2}


def test_the_textfile_is_whole_whenever_it_is_read(check, tmp_path):
    file = tmp_path / "gpgmail.prom"
    assert check("--textfile", file, EVER).code == OK
    assert file.stat().st_mode & 0o777 == 0o644  # node_exporter is another user
    whole = file.stat().st_size
    sizes, done = set(), threading.Event()

    def read():
        while not done.is_set():
            sizes.add(file.stat().st_size)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        check("--textfile", file, EVER)
    done.set()
    reader.join()
    assert sizes == {whole}
    assert [path.name for path in tmp_path.iterdir()] == ["gpgmail.prom"]
    assert metrics(file.read_text())["gpgmail_key_usable"] == {EVER: 1}


def test_a_textfile_that_cannot_be_written_is_unknown(check):
    outcome = check("--textfile", "/nonexistent/x.prom", EVER)
    assert outcome.code == UNKNOWN
    assert "/nonexistent" in outcome.text


# ---- where monitoring runs ----


def test_it_works_without_home_and_terminal(home):
    outcome = run("keys", "check", EVER, env=bare(GNUPGHOME=str(home)))
    assert (outcome.code, outcome.errors) == (OK, "")


def test_without_gpg_it_is_unknown(home, tmp_path):
    environment = bare(GNUPGHOME=str(home)) | {"PATH": str(tmp_path)}
    outcome = run("keys", "check", EVER, env=environment)
    assert outcome.code == UNKNOWN
    assert "gpg" in outcome.text


def test_the_protected_key_of_a_signer_asks_nobody(place):
    key = fixture_key("protected", "locked")
    outcome = call("keys", "check", "--signer", key.address, "--keyring", place("protected"))
    assert outcome.code == OK
