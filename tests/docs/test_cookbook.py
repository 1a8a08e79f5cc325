"""docs/cookbook.md: each recipe is followed on a machine of its own, and its mail is read."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.host import OPS
from tests.support import cron
from tests.support.documents import dead_links, examples
from tests.support.units import Unit

DOCUMENT = "docs/cookbook.md"
SHOWN = examples(DOCUMENT)
CRON = {"divert", "undivert", "alternatives", "crontab", "aliases"}
OTHERS = {"report", "export", "gitlab"}
ELSEWHERE = {"play"}  # tests/ansible/test_documented.py
UNITS = {
    "space-report.service": "service",
    "space-report.timer": "timer",
    "failure-mail@.service": "failure",
}
SCRIPTS = {
    "backup-report": "report",
    "space-report": "space script",
    "failure-mail": "failure script",
}
USED: set[str] = set()


def shown(name):
    USED.add(name)
    return SHOWN[name]


def succeeds(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_all_examples_are_run():
    assert {*SHOWN} == {*CRON, *UNITS.values(), *SCRIPTS.values(), *OTHERS, *ELSEWHERE}
    assert dead_links(DOCUMENT) == []


# -------------------------------------------------------------------------------------------- cron


@pytest.fixture(params=["divert", "alternatives"])
def sendmail(request, host):
    """The system's sendmail, once the recipe put ours there."""
    program = "dpkg-divert" if request.param == "divert" else "update-alternatives"
    if shutil.which(program) is None:
        pytest.skip(f"{program} is of Debian")
    path = host.path("/usr/sbin/sendmail")
    if request.param == "divert":
        path.write_text("of the distribution\n")
    succeeds(host.run(SHOWN[request.param]))
    host.path("/var/spool/gpgmail").mkdir(mode=0o700, exist_ok=True)
    host.write("/etc/aliases", SHOWN["aliases"].code)
    yield path
    if request.param == "divert":
        assert path.with_name("sendmail.distrib").read_text() == "of the distribution\n"
        succeeds(host.run(SHOWN["undivert"]))
        assert path.read_text() == "of the distribution\n"
    path.unlink()


def test_the_mails_of_cron(host, sendmail):
    report, _ = cron.jobs(host.shown(SHOWN["crontab"].code))
    given = {"HOME": "/root", "LOGNAME": "root", "SHELL": "/bin/sh", **settings(host)}
    printed = report.run(given)
    assert "Filesystem" in printed

    handed = cron.hand_over(sendmail, printed, report.settings["MAILTO"], report.command, given)
    assert (handed.code, handed.errors) == (0, "")
    subject, mail = host.read()
    assert subject.endswith("> df -h")
    assert mail.parts[0].text.replace("\r\n", "\n") == printed


@pytest.mark.parametrize("sendmail", ["divert"], indirect=True)
def test_what_waits_goes_out_by_the_line_for_it(host, sendmail):
    report, queue = cron.jobs(host.shown(SHOWN["crontab"].code))
    given = {"HOME": "/root", "LOGNAME": "root", **settings(host)}
    away = {**given, "GPGMAIL_SERVER": "smtp://127.0.0.1:1"}
    assert cron.hand_over(sendmail, "x\n", "root", report.command, away).code == 0
    assert host.received() == []

    assert queue.run(given) == ""  # so that cron mails nothing of it
    _, mail = host.read()
    assert mail.parts[0].text == "x\r\n"
    assert list(host.path("/var/spool/gpgmail").iterdir()) == []


def settings(host):
    """What of the test stands for the machine: its trust store, and where /etc is."""
    kept = ("SSL_CERT_FILE", "GPGMAIL_CONFIG", "GPGMAIL_TEST_RUN")
    return {name: host.environment[name] for name in kept}


# ------------------------------------------------------------------------------------- the scripts


@pytest.fixture
def scripts(host):
    for name, example in SCRIPTS.items():
        host.write(f"/usr/local/bin/{name}", SHOWN[example].code, 0o755)
    shutil.rmtree(host.root / "home/.local", ignore_errors=True)


def backup(host, script):
    host.write("/usr/local/bin/backup", f"#!/bin/sh\n{script}\n", 0o755)
    return subprocess.run(
        [host.path("/usr/local/bin/backup-report")],
        env=host.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_backup_that_succeeds_is_reported_once(host, scripts):
    done = backup(host, "seq 30; echo größer >&2")
    again = backup(host, "seq 30")

    assert [(one.returncode, one.stdout, one.stderr) for one in (done, again)] == [(0, "", "")] * 2
    subject, mail = host.read()
    assert subject.endswith(": done")
    text, log = mail.parts
    assert text.text.endswith("29\r\n30\r\ngrößer\r\n")
    assert "\r\n11\r\n" not in text.text
    assert (log.name, log.content.count(b"\n")) == ("backup.log", 31)


def test_a_backup_that_fails_says_so_twice(host, scripts):
    failed, again = backup(host, "echo disk full; exit 3"), backup(host, "exit 3")
    assert (failed.returncode, again.returncode) == (3, 3)
    subject, mail = host.read()
    assert subject.endswith(": FAILED (3)")
    assert "disk full" in mail.parts[0].text
    assert backup(host, "true").returncode == 0
    assert host.read()[0].endswith(": done")


def test_a_report_that_cannot_be_encrypted_fails_and_is_not_sent(host, scripts):
    env = {**host.environment, "GPGMAIL_KEYRING": str(host.ops.path)}
    script = host.path("/usr/local/bin/backup-report")
    host.write("/usr/local/bin/backup", "#!/bin/sh\n", 0o755)
    refused = subprocess.run([script], env=env, capture_output=True, check=False, timeout=60)
    assert refused.returncode == 67
    assert host.received() == []


# ------------------------------------------------------------------------------------------- units


@pytest.fixture(scope="session")
def exported(host):
    """The keys as files, for a user who has no home."""
    succeeds(host.run(SHOWN["export"]))


def unit(host, name, instance=""):
    return Unit(name.replace("@", f"@{instance}"), host.shown(SHOWN[UNITS[name]].code))


def run_unit(host, one):
    return one.run(
        host.path("/var/lib") / "units", str(host.path("/usr/local/bin")), **settings(host)
    )


@pytest.fixture(autouse=True)
def places(host):
    host.path("/var/lib/units").mkdir(parents=True, exist_ok=True)


def test_the_service_reports_without_a_home_of_its_own(host, exported, scripts):
    theirs = Path(pwd.getpwuid(os.geteuid()).pw_dir, ".gnupg")
    before = theirs.exists() and theirs.stat().st_mtime_ns
    service = unit(host, "space-report.service")
    first, again = run_unit(host, service), run_unit(host, service)

    assert [(one.returncode, one.stdout, one.stderr) for one in (first, again)] == [(0, "", "")] * 2
    subject, mail = host.read()
    assert subject.startswith("Space on ")
    assert "Filesystem" in mail.parts[0].text
    assert (theirs.exists() and theirs.stat().st_mtime_ns) == before


def test_the_service_fails_where_a_credential_is_wrong(host, exported, scripts):
    host.write("/etc/gpgmail/passphrase.wrong", "wrong\n", 0o600)
    service = unit(host, "space-report.service")
    shutil.rmtree(host.path("/var/lib/units"))
    host.path("/var/lib/units").mkdir()
    wrong = Unit(
        service.name, service.text.replace("gpgmail/passphrase", "gpgmail/passphrase.wrong")
    )
    failed = run_unit(host, wrong)
    assert failed.returncode == 77, failed.stderr
    assert host.received() == []


def test_a_unit_that_fails_is_mailed(host, scripts):
    (called,) = unit(host, "space-report.service").all("OnFailure")
    assert called == "failure-mail@%n.service"
    failure = unit(host, "failure-mail@.service", "space-report.service")
    assert succeeds(run_unit(host, failure)).stdout == ""

    subject, mail = host.read()
    assert subject.startswith("space-report.service failed on ")
    assert mail.parts[0].text.strip()  # what systemctl says, with or without a systemd


def test_systemd_takes_the_units(host, scripts, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent")
    for name, example in UNITS.items():
        (tmp_path / name).write_text(host.shown(SHOWN[example].code))

    def verified():
        return subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    done = verified()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    service = tmp_path / "space-report.service"
    service.write_text(service.read_text().replace("DynamicUser", "DynamicUsr"))
    assert "DynamicUsr" in verified().stderr


# --------------------------------------------------------------------------------------- GitLab CI


def test_the_job_of_gitlab(host, exported, tmp_path):
    (job,) = yaml.safe_load(host.shown(SHOWN["gitlab"].code)).values()
    variables = {
        "CI_PROJECT_PATH": "ops/site",
        "CI_PIPELINE_ID": "4711",
        "CI_PIPELINE_URL": "https://x/4711",
    }
    for name, source in {
        "SIGNING_KEY": "signer.key",
        "RECIPIENTS": "recipients.asc",
        "GPGMAIL_PASSWORD_FILE": "password",
        "GPGMAIL_PASSPHRASE_FILE": "passphrase",
    }.items():
        file = tmp_path / "site.tmp" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(host.path(f"/etc/gpgmail/{source}").read_bytes())
        file.chmod(0o666)  # as a runner leaves it
        variables[name] = str(file)
    for name, value in job["variables"].items():
        expanded = value
        for known, path in variables.items():
            expanded = expanded.replace(f"${known}", path)
        variables[name] = expanded

    ran = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],
        env={
            "PATH": host.environment["PATH"],
            "HOME": str(tmp_path),
            "CI": "true",
            **settings(host),
            "GPGMAIL_CONFIG": "",
            **variables,
        },
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    succeeds(ran)
    subject, mail = host.read()
    assert subject == "ops/site: pipeline 4711 failed"
    assert mail.parts[0].text == variables["CI_PIPELINE_URL"]
    assert OPS in ran.stdout
