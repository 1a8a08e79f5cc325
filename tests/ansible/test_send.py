"""Real playbooks send through a real Postfix; what arrived is read by gpg."""

from __future__ import annotations

import email
import email.policy
import re

import pytest

from tests.servers.postfix_config import PASSWORD, USER
from tests.servers.readers import Gpg
from tests.support.keyrings import fixture_key

pytestmark = [pytest.mark.interop, pytest.mark.servers]

SENDER = fixture_key("modern", "sender").fingerprint
ALICE, BOB = (fixture_key("modern", name) for name in ("alice", "bob"))
REPORT = "Every volume is safe: größer.\n.\nFrom here on nothing\n"
DATA = bytes(range(256)) * 50


@pytest.fixture
def report(ansible, postfix, tmp_path):
    """Runs the playbook of the report: `report(*options, **variables)`."""
    file = tmp_path / "volumes.bin"
    file.write_bytes(DATA)

    def run(*words, **values):
        return ansible.shown(
            "docs/ansible.md",
            "report",
            *words,
            **{
                "mail_host": "localhost",
                "mail_port": postfix.port("auth"),
                "mail_ca": str(postfix.ca_file),
                "mail_user": USER,
                "mail_password": PASSWORD,
                "report": REPORT,
                "report_file": str(file),
                "night": "2026-11-22",
                **values,
            },
        )

    return run


def opened(mail, home, recipient):
    """What gpg makes of a mail: the text and the attachment."""
    verdict = Gpg(home).read_encrypted(mail)
    assert verdict.decrypted
    assert (verdict.signature, verdict.signer) == ("good", SENDER)
    assert verdict.recipients == (recipient.subkeys[0].fingerprint[-16:],)
    parts = email.message_from_bytes(verdict.content, policy=email.policy.default).walk()
    return [part.get_payload(decode=True) for part in parts if not part.is_multipart()]


def test_a_report_goes_out_signed_and_encrypted_and_once(report, postfix, readers_home):
    first, second = report(), report()

    assert (first.code, second.code) == (0, 0), first.output + second.output
    sent, again = first.results[0], second.results[0]
    assert (sent["changed"], again["changed"]) == (True, False)
    assert (sent["repeated"], again["repeated"]) == (False, True)
    assert again["message_id"] == sent["message_id"]
    assert sorted(again["accepted"]) == ["alice@example.org", "bob@example.org"]
    assert sent["signers"] == [SENDER]
    assert sent["recipient_keys"]["alice@example.org"] == ALICE.fingerprint
    assert sent["tls"].startswith("TLSv1.")
    assert [reply["code"] for reply in sent["replies"]] == [250, 250]

    (to_alice,), (to_bob,) = (postfix.mail_for(f"{name}@example.org") for name in ("alice", "bob"))
    assert len(postfix.all_mail()) == 2
    for mail, key in ((to_alice, ALICE), (to_bob, BOB)):
        text, attached = opened(mail, readers_home, key)
        assert text.decode() == REPORT.replace("\n", "\r\n")
        assert attached == DATA
    head = email.message_from_bytes(to_alice)
    assert (head["Message-ID"], head["X-Backup"]) == (sent["message_id"], "nightly")
    assert "Bcc" not in head


def test_check_mode_does_all_but_send(report, postfix, tmp_path):
    log = len(postfix.log())
    checked = report("--check", "--diff")

    assert checked.code == 0, checked.output
    said = checked.results[0]
    assert (said["changed"], said["encrypted"], said["signers"]) == (True, True, [SENDER])
    assert said["tls"].startswith("TLSv1.")
    assert postfix.all_mail() == []
    assert re.search(r"disconnect from .* ehlo=2 starttls=1 auth=1 quit=1", postfix.log()[log:])
    assert "+Subject: Backup of localhost" in checked.output
    assert "+To: alice@example.org" in checked.output
    assert "volume is safe" not in checked.output
    assert not (tmp_path / "state").exists()


def test_check_mode_knows_what_was_sent(report):
    assert report().results[0]["changed"]
    checked = report("--check", mail_port=1)  # nobody is asked for it
    assert checked.code == 0, checked.output
    assert checked.results[0]["repeated"]


def test_the_difference_is_the_header_that_went_out(report, postfix):
    sent = report("--diff")

    (mail,) = postfix.mail_for("alice@example.org")
    after = email.message_from_string(sent.results[0]["diff"]["after"])
    head = email.message_from_bytes(mail)
    assert {name: head[name] for name in after} == dict(after.items())
    assert {"Date", "From", "To", "Subject", "Message-ID", "X-Backup"} <= set(after)


def test_without_options_mail_goes_to_root_of_this_machine(ansible, postfix):
    sent = ansible.send(subject="Hello", port=postfix.port("plain"))

    assert sent.code == 0, sent.output
    (mail,) = postfix.mail_for("root@localhost")
    assert email.message_from_bytes(mail).get_payload() == "Hello\n"
    assert sent.last["sender"] == "root@localhost"


def test_an_account_and_the_environment_say_what_options_do_not(ansible, postfix, tmp_path):
    config = tmp_path / "config" / "gpgmail" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"""
        [account.alerts]
        server = "smtp://localhost:{postfix.port("auth")}?tls=required"
        user = "{USER}"
        ca_file = "{postfix.ca_file}"
        from = "sender@example.org"
        signer = ["{SENDER}"]
        [policy]
        "example.org" = {{ encrypt = "require", sign = true }}
    """)
    environment = {"GPGMAIL_PASSWORD": PASSWORD}
    sent = ansible.send("-vvv", subject="Full", to="alice@example.org", env=environment)

    assert sent.code == 0, sent.output
    assert (sent.last["account"], sent.last["encrypted"]) == ("alerts", True)
    assert sent.last["signers"] == [SENDER]
    assert PASSWORD not in sent.output


def test_html_with_pictures_and_a_charset(ansible, postfix, tmp_path):
    picture = tmp_path / "chart.png"
    picture.write_bytes(DATA)
    sent = ansible.send(
        subject="Grüße",
        body="<p>größer <img src='cid:chart'></p>",
        subtype="html",
        charset="iso-8859-1",
        inline=[{"path": str(picture), "cid": "chart"}],
        to=["Alice <alice@example.org>"],
        sender="sender@example.org",
        port=postfix.port("plain"),
        message_id_domain="hosts.example.org",
        ehlohost="backup.example.org",
    )

    assert sent.code == 0, sent.output
    (mail,) = postfix.mail_for("alice@example.org")
    read = email.message_from_bytes(mail, policy=email.policy.default)
    html, chart = (part for part in read.walk() if not part.is_multipart())
    assert html.get_content_charset() == "iso-8859-1"
    assert "größer" in html.get_content()
    assert (chart["Content-ID"], chart.get_content_type()) == ("<chart>", "image/png")
    assert chart.get_payload(decode=True) == DATA
    assert read["Message-ID"].endswith("@hosts.example.org>")
    assert "from backup.example.org" in read["Received"]


def test_a_refusal_for_some_fails_and_says_who_has_the_mail(ansible, postfix):
    options = {
        "subject": "x",
        "sender": "sender@example.org",
        "to": ["alice@example.org", "refused@example.org"],
        "port": postfix.port("refuses_some"),
        "idempotency_key": "some",
    }
    failed, again = ansible.send(**options), ansible.send(**options)

    assert (failed.code, again.code) == (2, 2)
    assert (failed.last["changed"], again.last["changed"]) == (True, False)
    for one in (failed.last, again.last):
        assert one["accepted"] == ["alice@example.org"]
        assert one["refused"]["refused@example.org"]["code"] == 550
    assert len(postfix.all_mail()) == 1
