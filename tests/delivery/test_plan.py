"""Who gets which copy, encrypted to which keys: decided before anything else happens."""

from __future__ import annotations

import pytest

from gpgmail.core.envelope import RecipientType
from gpgmail.core.errors import KeySelectionError, PolicyError, UsageError
from gpgmail.core.run import Run
from gpgmail.delivery.plan import make_plan
from gpgmail.keys.keyrings import Keyrings
from gpgmail.message.draft import compose
from gpgmail.message.email_message import from_email
from tests.delivery.helpers import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    draft,
    encryption_id,
    fingerprint,
    message,
)
from tests.support.keyrings import fixture_key, keyring_copy

WORK = "many.work@example.org"


@pytest.fixture(scope="module")
def keyrings(sender):
    with keyring_copy("several-uids") as many, keyring_copy("two-keys-one-address") as twins:
        rings = Keyrings(sender.home, [many, twins], trust="always")
        yield rings
        rings.close()


@pytest.fixture
def plan(keyrings):
    def make(composed, *, sign=False, encrypt=False, bcc="separate"):
        composed = compose(composed)
        return make_plan(composed, keyrings, sign=sign, encrypt=encrypt, bcc=bcc, run=Run())

    return make


def copies(made):
    """Each copy as its addresses and the ids of its keys."""
    return [
        ([one.address for one in copy.recipients], [key.subkey[-16:] for key in copy.keys])
        for copy in made.copies
    ]


def ids(*names):
    return [encryption_id(name) for name in names]


def test_without_wishes_there_is_one_copy_for_all(plan):
    made = plan(draft((ALICE, BOB), bcc=CAROL))
    assert copies(made) == [([ALICE, BOB, CAROL], [])]
    assert not made.protects
    assert dict(made.keys) == {}


def test_signing_alone_needs_no_second_copy(plan):
    made = plan(draft(bcc=CAROL), sign=True)
    assert copies(made) == [([ALICE, CAROL], [])]
    assert made.protects
    assert not made.encrypts


def test_sign_true_takes_the_key_of_the_from_address(plan):
    made = plan(draft(), sign=True)
    assert [key.fingerprint for key in made.signers] == [fingerprint("sender")]


@pytest.mark.parametrize(
    "query", [SENDER, "Sender (test)", fingerprint("sender"), "0x" + fingerprint("sender")[-16:]]
)
def test_a_signer_is_named_in_any_way(query, plan):
    assert [key.fingerprint for key in plan(draft(), sign=query).signers] == [fingerprint("sender")]
    assert (
        plan(draft(), sign=[query, fingerprint("sender")]).signers
        == plan(draft(), sign=query).signers
    )


def test_to_and_cc_share_a_copy_and_each_bcc_gets_his_own(plan):
    made = plan(draft(ALICE, cc=BOB, bcc=(CAROL, WORK)), encrypt=True)
    assert copies(made) == [
        ([ALICE, BOB], ids("alice", "bob")),
        ([CAROL], ids("carol")),
        ([WORK], [encryption_id("many", "several-uids")]),
    ]
    assert made.keys[CAROL] == fingerprint("carol")


def test_only_bcc_recipients(plan):
    made = plan(draft((), bcc=(ALICE, BOB)), encrypt=True)
    assert copies(made) == [([ALICE], ids("alice")), ([BOB], ids("bob"))]


def test_an_address_in_to_and_bcc_is_in_to(plan):
    made = plan(draft(ALICE, bcc=(ALICE, BOB)), encrypt=True)
    assert copies(made) == [([ALICE], ids("alice")), ([BOB], ids("bob"))]
    assert made.copies[0].recipients[0].recipient_type is RecipientType.TO


def test_two_addresses_with_one_key_are_encrypted_to_once(plan):
    made = plan(draft(("many@example.org", WORK)), encrypt=True)
    assert copies(made) == [(["many@example.org", WORK], [encryption_id("many", "several-uids")])]


def test_the_domain_is_compared_in_any_case_and_kept(plan):
    made = plan(draft("alice@EXAMPLE.org"), encrypt=True)
    assert copies(made) == [(["alice@EXAMPLE.org"], ids("alice"))]


# ------------------------------------------------------------------------------ keys by name


def test_named_keys_are_taken_whoever_the_recipients_are(plan):
    made = plan(draft("list@example.net"), encrypt=[fingerprint("alice"), BOB])
    assert copies(made) == [(["list@example.net"], ids("alice", "bob"))]
    assert dict(made.keys) == {}


def test_a_named_key_of_a_bcc_recipient_is_in_his_copy_alone(plan):
    names = [fingerprint(name) for name in ("alice", "bob", "carol")]
    made = plan(draft(ALICE, bcc=BOB), encrypt=names)
    assert copies(made) == [([ALICE], ids("alice", "carol")), ([BOB], ids("bob"))]
    assert dict(made.keys) == {ALICE: fingerprint("alice"), BOB: fingerprint("bob")}


def test_every_named_key_of_a_bcc_recipient_stays_with_him(plan):
    older, newer = (
        fixture_key("two-keys-one-address", name).fingerprint for name in ("older", "newer")
    )
    made = plan(draft(ALICE, bcc="Twin@example.org"), encrypt=[fingerprint("alice"), older, newer])
    assert copies(made)[0] == ([ALICE], ids("alice"))
    assert len(copies(made)[1][1]) == 2


def test_a_key_of_a_bcc_recipient_and_of_another_is_in_both(plan):
    made = plan(
        draft("many@example.org", bcc=WORK),
        encrypt=[fixture_key("several-uids", "many").fingerprint],
    )
    key = [encryption_id("many", "several-uids")]
    assert copies(made) == [(["many@example.org"], key), ([WORK], key)]


def test_a_bcc_recipient_without_a_key_of_his_own_gets_nothing(plan):
    """None of the keys is known to be his: what he got he could not read, or it would name him."""
    with pytest.raises(KeySelectionError, match=r"archive@example\.net"):
        plan(draft(ALICE, bcc="archive@example.net"), encrypt=[fingerprint("alice")])


def test_unless_all_keys_that_may_be_his_are_hidden(plan):
    names = [fingerprint("alice"), fingerprint("bob")]
    made = plan(draft(ALICE, bcc="archive@example.net"), encrypt=names, bcc="hidden")
    assert copies(made) == [([ALICE, "archive@example.net"], ids("alice", "bob"))]
    assert [key.hidden for key in made.copies[0].keys] == [False, True]


def test_hidden_keys_are_those_of_bcc_recipients_alone(plan):
    names = [fingerprint(name) for name in ("alice", "bob", "carol")]
    made = plan(draft(ALICE, bcc=BOB), encrypt=names, bcc="hidden")
    assert [recipient.address for recipient in made.copies[0].recipients] == [ALICE, BOB]
    hidden = {key.subkey[-16:]: key.hidden for key in made.copies[0].keys}
    assert hidden == {
        encryption_id("alice"): False,
        encryption_id("carol"): False,
        encryption_id("bob"): True,
    }


def test_a_key_that_others_have_too_is_not_hidden(plan):
    made = plan(
        draft("many@example.org", bcc=WORK),
        encrypt=[fixture_key("several-uids", "many").fingerprint],
        bcc="hidden",
    )
    assert [key.hidden for key in made.copies[0].keys] == [False]


@pytest.mark.parametrize("encrypt", [True, [fingerprint("alice"), fingerprint("bob")]])
def test_bcc_recipients_of_an_encrypted_mail_can_be_forbidden(plan, encrypt):
    with pytest.raises(PolicyError, match=BOB):
        plan(draft(ALICE, bcc=BOB), encrypt=encrypt, bcc="forbid")
    assert len(plan(draft(ALICE), encrypt=encrypt, bcc="forbid").copies) == 1
    assert len(plan(draft(ALICE, bcc=BOB), sign=True, bcc="forbid").copies) == 1


def test_a_bcc_recipient_named_by_a_group_has_the_keys_of_its_members(plan, keyrings, monkeypatch):
    members = {"team@example.net": ("alice@example.org", "bob@example.org")}
    real = keyrings.recipients
    monkeypatch.setattr(
        keyrings,
        "recipients",
        lambda query, run: [key for one in members.get(query, [query]) for key in real(one, run)],
    )
    made = plan(draft(CAROL, bcc="team@example.net"), encrypt=[CAROL, "team@example.net"])
    assert copies(made) == [([CAROL], ids("carol")), (["team@example.net"], ids("alice", "bob"))]


def test_when_only_the_bcc_recipients_keys_are_named_nobody_gets_anything(plan):
    with pytest.raises(KeySelectionError, match=ALICE):
        plan(draft(ALICE, bcc=BOB), encrypt=[fingerprint("bob")])


# ---------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("wish", ["", " ", [], ["alice@example.org", ""]])
@pytest.mark.parametrize("what", ["sign", "encrypt"])
def test_a_wish_that_names_nothing_is_refused(what, wish, plan):
    with pytest.raises(UsageError, match=what):
        plan(draft(), **{what: wish})


def test_two_authors_are_nobody_to_sign_for_but_a_key_can_be_named(keyrings):
    two = from_email(message(sender="sender@example.org, bob@example.org"))
    with pytest.raises(UsageError, match="From"):
        make_plan(two, keyrings, sign=True, encrypt=False, run=Run())
    made = make_plan(two, keyrings, sign=fingerprint("sender"), encrypt=False, run=Run())
    assert [key.fingerprint for key in made.signers] == [fingerprint("sender")]


def test_one_recipient_without_a_key_refuses_the_mail(plan):
    with pytest.raises(KeySelectionError, match="dave@"):
        plan(draft((ALICE, "dave@example.org")), encrypt=True)
