"""`gpgmail-sendmail --dry-run`: all but MAIL, what would become of whom, and nothing left."""

from __future__ import annotations

import json
import re
import socket
import time

import pytest

from gpgmail.cli import journal
from gpgmail.core.codes import Exit
from gpgmail.testing import Sink
from gpgmail.testing.script import Offer, Phase, Reply
from tests.servers.hostile import Hostile
from tests.servers.postfix_config import PASSWORD, USER
from tests.support.keyrings import fixture_key
from tests.support.sendmail import Sendmail, queue

__all__ = ["queue"]

ALICE, CAROL, EXPIRED = (f"{name}@example.org" for name in ("alice", "carol", "expired"))
MAIL = (
    b"From: sender@example.org\nTo: alice@example.org\nSubject: the report\nMIME-Version: 1.0\n"
    b"Content-Type: text/plain; charset=utf-8\n\nthe password is sesame\n"
)
SENDER = fixture_key("modern", "sender").fingerprint
DOWN = {Phase.BANNER: Reply(b"421 4.3.2 Not now\r\n", close=True)}


@pytest.fixture
def sendmail(tmp_path, place, url):
    rows = {
        "server": url,
        "keyring": [str(place("modern")), str(place("expired"))],
        "from": "sender@example.org",
        "encrypt": "require",
        "sign": True,
    }
    return Sendmail(tmp_path, rows)


@pytest.fixture
def rehearse(sendmail, server, tmp_path, monkeypatch):
    """`rehearse(*arguments, **rows)`: the outcome, after a look that nothing was left anywhere."""
    log = tmp_path / "log"

    def lines():
        try:
            while True:
                yield listening.recv(1 << 16)
        except BlockingIOError:
            return

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(log))
        listening.setblocking(False)
        monkeypatch.setattr(journal, "SOCKET", str(log))

        def run(*arguments, mail=MAIL, **rows):
            before, mails = found(tmp_path), server.mails
            _ = [*lines()]
            outcome = sendmail(mail, "--dry-run", "-i", *arguments, **rows)
            assert found(tmp_path) == before
            assert server.mails == mails
            assert [*lines()] == []
            return outcome

        yield run


def found(directory):
    """Every file but the configuration, with its bytes and the time of its last change."""
    return {
        path: (path.is_file() and path.read_bytes(), path.lstat().st_mtime_ns)
        for path in directory.rglob("*")
        if path.name != "config.toml"
    }


def told(outcome):
    assert (outcome.code, outcome.errors) == (0, "")
    return json.loads(outcome.text)


# --------------------------------------------------------------------------------------- one mail


def test_the_plan_as_text(rehearse, server):
    outcome = rehearse(ALICE)

    assert (outcome.code, outcome.errors) == (0, "")
    (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]
    lines = outcome.text.splitlines()
    assert lines[0] == "dry run: nothing was sent"
    assert f"server: 127.0.0.1:{server.port}" in lines
    assert any(line.startswith(f"signed by: {SENDER}") for line in lines)
    assert any(re.fullmatch(rf"copy \(\d+ bytes\): {ALICE}", line) for line in lines)
    assert "  Subject: the report" in lines
    assert any(line.startswith("  Content-Type: multipart/encrypted;") for line in lines)
    assert "sesame" not in outcome.text


def test_the_plan_as_json_has_the_header_of_what_would_go_out(rehearse, sendmail, server):
    mail = told(rehearse("--json", ALICE))["mail"]

    names = [name for name, _ in mail["headers"]]
    assert names[:4] == ["From", "To", "Subject", "MIME-Version"]
    assert names.count("Content-Type") == 1
    assert [key["fingerprint"] for key in mail["signers"]] == [SENDER]
    (copy,) = mail["copies"]
    assert copy["recipients"] == [ALICE]
    sendmail(MAIL, "-i", ALICE)
    assert abs(len(server.mails[0].data) - copy["size"]) < 100  # ciphertexts differ in length


def test_a_mail_that_goes_as_it_came(rehearse):
    mail = told(rehearse("--json", ALICE, encrypt="never", sign=False))["mail"]

    assert ["Content-Type", "text/plain; charset=utf-8"] in mail["headers"]
    assert (mail["encrypted"], mail["signers"], mail["copies"][0]["keys"]) == (False, [], [])


def test_what_a_server_lacks_is_done_without_as_it_is_then(rehearse):
    with Hostile({Phase.EHLO: Offer((b"SIZE 100000",))}) as old:
        rows = {"server": f"smtp://127.0.0.1:{old.port}", "encrypt": "never", "sign": False}
        mail = told(rehearse("--json", ALICE, mail=MAIL + b"Gr\xc3\xbc\xc3\x9fe\n", **rows))["mail"]

    assert dict(mail["headers"])["Content-Transfer-Encoding"] != "8bit"


def test_a_mail_to_nobody(rehearse, tmp_path):
    (tmp_path / "aliases").write_text("root: /dev/null\n")
    outcome = rehearse("root", aliases="aliases")
    assert (outcome.code, "nobody" in outcome.text) == (0, True)
    assert told(rehearse("--json", "root", aliases="aliases"))["mail"] is None


# --------------------------------------------------------------------- who cannot be encrypted to


def test_who_would_get_a_notice(rehearse):
    outcome = rehearse(ALICE, EXPIRED, on_unencryptable="notice")
    assert outcome.code == 0
    assert re.search(
        rf"^notice \(\d+ bytes\): {EXPIRED}\n  signed by {SENDER}", outcome.text, re.MULTILINE
    )
    assert re.search(rf"^no key: {EXPIRED}: .*expired", outcome.text, re.MULTILINE)

    facts = told(rehearse("--json", ALICE, EXPIRED, on_unencryptable="notice"))
    assert [copy["recipients"] for copy in facts["mail"]["copies"]] == [[ALICE]]
    assert facts["notices"][EXPIRED]["copies"][0]["recipients"] == [EXPIRED]
    assert facts["without_key"][EXPIRED]["candidates"]


def test_who_would_be_dropped(rehearse):
    facts = told(rehearse("--json", ALICE, EXPIRED, on_unencryptable="drop"))
    assert facts["dropped"] == [EXPIRED]
    assert facts["notices"] == {}
    assert f"dropped: {EXPIRED}\n" in rehearse(ALICE, EXPIRED, on_unencryptable="drop").text


def test_who_would_be_held_and_for_which_key(rehearse, queue, server):
    rows = {"on_unencryptable": "hold", "queue": "queue"}
    facts = told(rehearse("--json", CAROL, **rows))
    assert facts["mail"] is None
    (copy,) = facts["held"]
    assert copy["recipients"] == [CAROL]
    assert [key["fingerprint"] for key in copy["keys"]] == [SENDER]
    assert server.settled() == []
    assert f"held: {CAROL}\n  encrypted to {SENDER}" in rehearse(ALICE, CAROL, **rows).text
    assert [*queue.iterdir()] == []


@pytest.mark.parametrize(
    ("policy", "code"), [("fail", Exit.NO_USER), ("drop", Exit.NO_USER), ("hold", Exit.CONFIG)]
)
def test_where_nobody_would_get_anything_it_fails_as_the_mail_would(
    rehearse, sendmail, server, policy, code
):
    rows = {"on_unencryptable": policy}
    rehearsed = rehearse(EXPIRED, **rows)
    assert (rehearsed.code, server.settled()) == (code, [])
    real = sendmail(MAIL, "-i", EXPIRED, **rows)
    assert (real.code, real.errors) == (rehearsed.code, rehearsed.errors)
    as_json = rehearse("--json", EXPIRED, **rows)
    assert (as_json.code, as_json.errors) == (code, "")
    assert json.loads(as_json.text)["error"]["message"]


# ------------------------------------------------------------------------------------- the queue


def test_what_would_wait_and_why(rehearse, queue):
    with Hostile(DOWN) as down:
        rows = {"server": f"smtp://127.0.0.1:{down.port}", "queue": "queue"}
        mail = told(rehearse("--json", ALICE, **rows))["mail"]
        assert "Not now" in mail["waits"]
        assert (mail["server"], mail["copies"][0]["recipients"]) == ("", [ALICE])
        assert "server: none, it waits in the queue: " in rehearse(ALICE, **rows).text
        assert rehearse(ALICE, **{**rows, "queue": ""}).code == Exit.TRY_AGAIN
        missing = rehearse(ALICE, **{**rows, "queue": "elsewhere"})
    assert missing.code not in {0, Exit.TRY_AGAIN}
    assert "elsewhere" in missing.errors


def test_asked_to_wait_it_needs_no_server(rehearse, queue, server):
    mail = told(rehearse("--json", "-odq", ALICE, queue="queue", server=""))["mail"]
    assert mail["waits"]
    assert server.settled() == []


def test_a_queue_run_tells_of_each_file(rehearse, sendmail, queue, server):
    rows = {"on_unencryptable": "hold", "queue": "queue"}
    sendmail(MAIL, "-odq", ALICE, CAROL, **rows)
    names = {path.suffix: path.name for path in queue.iterdir()}
    assert {*names} == {".queued", ".held"}

    outcome = rehearse("-q", mail=b"", **rows)
    assert (outcome.code, outcome.errors) == (Exit.TRY_AGAIN, "")
    assert f"{names['.queued']}: dry run: nothing was sent\n" in outcome.text
    assert f"{names['.held']}: stays: " in outcome.text

    outcome = rehearse("-q", "--json", mail=b"", trust="always", **rows)
    assert outcome.code == 0
    facts = {one["file"]: one for one in json.loads(outcome.text)["queue"]}
    (copy,) = facts[names[".held"]]["mail"]["copies"]
    assert copy["recipients"] == [CAROL]
    assert copy["keys"][0]["fingerprint"] == fixture_key("modern", "carol").fingerprint
    assert facts[names[".queued"]]["mail"]["server"] == f"127.0.0.1:{server.port}"
    assert "sesame" not in outcome.text


def test_a_queue_run_without_a_server_or_without_mails(rehearse, sendmail, queue):
    assert "nothing waits" in rehearse("-q", mail=b"", queue="queue").text
    sendmail(MAIL, "-odq", ALICE, queue="queue")
    with Hostile(DOWN) as down:
        rows = {"server": f"smtp://127.0.0.1:{down.port}", "queue": "queue"}
        outcome = rehearse("-q", "--json", mail=b"", **rows)
    assert outcome.code == Exit.TRY_AGAIN
    (one,) = json.loads(outcome.text)["queue"]
    assert "Not now" in one["error"]["message"]


# ----------------------------------------------------------------------------------- real servers


def test_a_server_of_somebody_else_gets_the_mail_only_without_it(rehearse, sendmail):
    with Sink() as sink:
        assert told(rehearse("--json", ALICE, server=sink.url))["mail"]["extensions"]
        assert sink.received == []
        assert sendmail(MAIL, "-i", ALICE, server=sink.url).code == 0
        assert [one.recipients for one in sink.received] == [(ALICE,)]


@pytest.mark.servers
def test_a_real_postfix_sees_a_login_and_no_mail(postfix, rehearse):
    server = f"smtp://localhost:{postfix.port('auth')}?tls=required"
    rows = {"server": server, "user": USER, "password": PASSWORD, "ca_file": str(postfix.ca_file)}
    before = len(postfix.log())
    outcome = rehearse(ALICE, **rows)

    assert (outcome.code, outcome.errors) == (0, "")
    assert "login: " in outcome.text
    end = time.monotonic() + 10
    while "disconnect from" not in postfix.log()[before:]:
        assert time.monotonic() < end
        time.sleep(0.02)
    (line,) = re.findall(r"disconnect from .*", postfix.log()[before:])
    assert "auth=1 " in line
    assert not re.search(r"\b(mail|rcpt|data|bdat)=", line)
