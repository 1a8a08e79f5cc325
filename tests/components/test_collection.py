"""The typed collections and the indexed accessors over them."""

from __future__ import annotations

import pytest

from gpgmail.components import PSMTP, SMTP, Attachment, Key
from gpgmail.core.errors import UsageError
from tests.components.support import failing, parsed, smtp


def test_count_makes_empty_items_and_drops_the_last_ones():
    mailer = PSMTP()
    mailer.key_count = 2
    assert mailer.get_key_count() == len(mailer.keys) == mailer.keys.count == 2
    mailer.set_key_keyring(0, "/a")
    mailer.set_key_count(3)
    assert [key.keyring for key in mailer.keys] == ["/a", "", ""]
    mailer.set_key_count(1)
    assert [key.keyring for key in mailer.keys] == ["/a"]
    mailer.recipient_key_count = 1
    assert mailer.recipient_keys[0] is not mailer.keys[0]


@pytest.mark.parametrize("wrong", [-1, "1", True, 1.0, None])
def test_a_wrong_count_changes_nothing(wrong):
    mailer = PSMTP()
    mailer.key_count = 1
    with failing(2, UsageError) as caught:
        mailer.key_count = wrong
    assert "keys count" in str(caught.value)
    assert mailer.key_count == 1


@pytest.mark.parametrize("index", [-1, 1, "0", 0.0, True, slice(0, 1)])
def test_a_wrong_index_is_named(index):
    mailer = PSMTP()
    mailer.key_count = 1
    for call in (
        lambda: mailer.keys[index],
        lambda: mailer.get_key_keyring(index),
        lambda: mailer.set_key_user_id(index, "x"),
        lambda: mailer.keys.__delitem__(index),
        lambda: mailer.keys.__setitem__(index, Key()),
    ):
        with failing(2, UsageError) as caught:
            call()
        assert "keys" in str(caught.value)
    assert mailer.key_count == 1


def test_only_items_of_its_type():
    mailer = PSMTP()
    for call in (
        lambda: mailer.keys.append(Attachment()),
        lambda: mailer.keys.extend([Key(), Attachment()]),
        lambda: setattr(mailer, "keys", [Key(), "x"]),
        lambda: setattr(mailer, "attachments", [Key()]),
    ):
        with failing(2, UsageError) as caught:
            call()
        assert "takes" in str(caught.value)
    assert (mailer.key_count, mailer.attachment_count) == (0, 0)


def test_it_reads_like_a_list():
    one, two, three = Key("/1"), Key("/2"), Key("/3")
    mailer = PSMTP()
    mailer.keys = (one, two)
    mailer.keys.append(three)
    mailer.keys[1] = one
    assert list(mailer.keys) == [one, one, three]
    del mailer.keys[0]
    assert list(mailer.keys) == [one, three]
    mailer.keys = [key for key in mailer.keys if key is three]
    assert (list(mailer.keys), three in mailer.keys) == ([three], True)
    mailer.keys.clear()
    assert not mailer.keys


def test_two_components_share_nothing():
    one, two = PSMTP(), PSMTP()
    one.keys.append(Key())
    one.attachments.append(Attachment())
    assert (two.key_count, two.attachment_count) == (0, 0)


def test_indexed_accessors_reach_the_items():
    mailer = PSMTP()
    mailer.key_count = mailer.recipient_key_count = mailer.attachment_count = 1
    for prefix, fields in {
        "key": {"encoded": b"x", "keyring": "/k", "passphrase": "p"},
        "recipient_key": {"encoded": b"y", "keyring": "/r"},
        "attachment": {"file": "/f", "name": "n"},
    }.items():
        for field, value in fields.items():
            getattr(mailer, f"set_{prefix}_{field}")(0, value)
            assert getattr(mailer, f"get_{prefix}_{field}")(0) == value
    assert mailer.keys[0].passphrase == "p"
    assert mailer.recipient_keys[0].encoded == b"y"
    assert mailer.attachments[0].file == "/f"


def test_secrets_of_items_do_not_print():
    mailer = PSMTP()
    mailer.keys.append(Key(passphrase="s3cret", encoded=b"-----BEGIN PGP PRIVATE KEY"))
    shown = repr(mailer.keys)
    assert "s3cret" not in shown
    assert "PRIVATE" not in shown


def test_an_attachment_that_names_nothing_is_an_error():
    mailer = SMTP(mail_server="127.0.0.1", from_="a@b.org", send_to="c@d.org")
    mailer.attachment_count = 1
    with failing(302) as caught:
        mailer.send()
    assert "names no file" in str(caught.value)
    mailer.attachments[0] = Attachment("/a", data=b"b")
    with failing(302):
        mailer.send()


def test_an_empty_attachment_is_one(sink):
    mailer = smtp(sink)
    mailer.attachments.append(Attachment(data=b"", name="empty.bin"))
    mailer.send()
    (part,) = parsed(sink.received[0]).iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("empty.bin", b"")
