"""Which key a text means, and every refusal with its candidates."""

from __future__ import annotations

import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gpgmail.core.codes import ErrorCode, Family
from gpgmail.core.errors import GpgmailError, KeySelectionError, UsageError
from gpgmail.keys.key import Purpose, SecretPart, State, Validity
from gpgmail.keys.query import Named, Query
from gpgmail.keys.selection import Rules, decide, select
from gpgmail.keys.trust import ALWAYS, GNUPG, Pinned
from tests.keys.facts import NOW, PAST, key, part, uid

ALICE = key(0xA1, "Alice <alice@example.org>")
BOB = key(0xB2, "Bob <bob@example.org>", "Bob <Robert@Example.org>")
HOBOB = key(0xC3, "Hobob <hobob@example.org>")
RING = (ALICE, BOB, HOBOB)


def rules(purpose, trust=ALWAYS):
    return Rules(purpose=purpose, trust=trust, now=NOW, place="the ring")


def chosen(text, purpose=Purpose.ENCRYPT, ring=RING, trust=ALWAYS):
    return select(ring, Query.parse(text), rules(purpose, trust))


def refused(text, purpose=Purpose.ENCRYPT, ring=RING, trust=ALWAYS):
    with pytest.raises(KeySelectionError) as caught:
        chosen(text, purpose, ring, trust)
    error = caught.value
    assert text in str(error)
    for candidate in error.candidates:
        assert candidate.fingerprint in str(error)
        assert candidate.reason in str(error)
    return error


class TestQuery:
    @pytest.mark.parametrize(
        "text",
        [
            "A" * 40,
            "0x" + "a" * 40,
            " ".join(["AAAA"] * 10),
            "AAAA AAAA AAAA AAAA AAAA  AAAA AAAA AAAA AAAA AAAA",
        ],
    )
    def test_fingerprint_in_every_spelling(self, text):
        query = Query.parse(text)
        assert (query.named, query.value) == (Named.FINGERPRINT, "A" * 40)
        assert query.for_gpg() == ("0x" + "A" * 40,)

    def test_key_id_without_mark_may_be_a_word(self):
        assert Query.parse("deadbeef").for_gpg() == ("0xDEADBEEF", "*deadbeef")
        assert Query.parse("0xdeadbeef").for_gpg() == ("0xDEADBEEF",)

    @pytest.mark.parametrize("text", ["--output=x", "-r", "=x", "<", "&ABC", "#1", "山田"])
    def test_gpg_never_guesses_what_a_text_is(self, text):
        assert Query.parse(text).for_gpg() == (f"*{text}",)

    def test_address(self):
        assert Query.parse(" <a@b.example> ").named is Named.ADDRESS
        assert Query.parse("Ann <a@b.example>").named is Named.TEXT
        assert Query.parse("u@[127.0.0.1]").for_gpg() == ("*u@[127.0.0.1]",)

    def test_domain_outside_ascii_is_asked_for_in_both_forms(self):
        assert Query.parse("u@bücher.example").for_gpg() == (
            "*u@bücher.example",
            "*u@xn--bcher-kva.example",
        )

    def test_nothing_asked_for_is_everything(self):
        assert Query.parse("  ").for_gpg() == ()


class TestFits:
    @pytest.mark.parametrize(
        "text",
        [
            "alice@example.org",
            "alice@EXAMPLE.org",
            "Alice@example.org",
            "<alice@example.org>",
            "Alice <alice@example.org>",
            "alice <ALICE@example.org>",
            "Alice",
            f"{0xA1:040X}",
            f"0x{0xA1:040x}",
            f"{0xA1:016X}",
            f"{0xA1:08X}",
            f"{0x1A1:016X}",
            f"{0x1A1:040X}!",
        ],
    )
    def test_alice(self, text):
        selection = chosen(text)
        assert selection.fingerprint == ALICE.fingerprint
        assert selection.subkey is ALICE.subkeys[0]
        assert selection.user_id == "Alice <alice@example.org>"

    def test_user_id_shown_is_the_one_that_fitted(self):
        assert chosen("robert@example.org").user_id == "Bob <Robert@Example.org>"

    def test_exact_address_before_part_of_another(self):
        assert chosen("bob@example.org").fingerprint == BOB.fingerprint
        assert chosen("bob@example.org", Purpose.SIGN).fingerprint == BOB.fingerprint

    def test_exact_local_part_before_another_case(self):
        lower, upper = key(1, "x <a@b.example>"), key(2, "x <A@b.example>")
        for text, wanted in (("a@b.example", lower), ("A@b.example", upper)):
            assert chosen(text, ring=(lower, upper)).fingerprint == wanted.fingerprint

    def test_recipient_is_never_a_part_of_another_address(self):
        error = refused("bob@example.org", ring=(ALICE, HOBOB))
        assert error.code is ErrorCode.PGP_KEY_NOT_FOUND
        assert error.code.number == 114

    def test_signer_may_be_a_part(self):
        assert chosen("alice@example", Purpose.SIGN).fingerprint == ALICE.fingerprint

    def test_idn_domain_in_either_form(self):
        ring = (key(1, "x <u@xn--bcher-kva.example>"), key(2, "x <v@bücher.example>"))
        assert chosen("u@bücher.example", ring=ring).key is ring[0]
        assert chosen("v@xn--bcher-kva.example", ring=ring).key is ring[1]

    def test_same_key_in_two_keyrings_is_one(self):
        assert chosen("Alice", ring=(ALICE, ALICE)).key is ALICE

    def test_word_of_hexadecimal_digits(self):
        facade = key(1, "Deadbeef <d@example.org>")
        assert chosen("deadbeef", ring=(facade,)).key is facade


class TestRefused:
    def test_nothing_fits(self):
        error = refused("nobody@example.org")
        assert error.code is ErrorCode.PGP_KEY_NOT_FOUND
        assert error.code.family is Family.OPENPGP
        assert error.candidates == ()
        assert "the ring" in str(error)

    def test_two_usable(self):
        twins = (key(1, "T <t@example.org>"), key(2, "T <t@example.org>"))
        error = refused("t@example.org", ring=twins)
        assert error.code is ErrorCode.KEY_AMBIGUOUS
        assert [c.fingerprint for c in error.candidates] == [k.fingerprint for k in twins]

    def test_unusable_one_beside_a_usable_one(self):
        old = key(1, "T <t@example.org>", primary=part(1, "cs", expires=PAST))
        new = key(2, "T <t@example.org>")
        assert chosen("t@example.org", ring=(old, new)).key is new

    def test_no_key_is_made_for_it(self):
        error = refused("t@example.org", ring=(key(1, "T <t@example.org>", subkeys=[]),))
        assert error.code is ErrorCode.PGP_KEY_USAGE
        assert error.code.number == 128

    def test_expired_weighs_more_than_not_made_for_it(self):
        ring = (
            key(1, "T <t@example.org>", subkeys=[]),
            key(2, "T <t@example.org>", primary=part(2, "cs", expires=PAST)),
        )
        error = refused("t@example.org", ring=ring)
        assert error.code is ErrorCode.KEY_UNUSABLE
        assert [c.reason for c in error.candidates] == [
            "the key has no encryption subkey",
            "the key is expired on 2025-01-01",
        ]

    def test_expired_exact_match_leaves_no_room_for_a_worse_match(self):
        expired = key(1, "Bob <bob@example.org>", primary=part(1, "cs", expires=PAST))
        for purpose in Purpose:
            error = refused("bob@example.org", purpose, ring=(expired, HOBOB))
            assert error.code is ErrorCode.KEY_UNUSABLE
            assert [c.fingerprint for c in error.candidates] == [expired.fingerprint]

    def test_revoked_user_id(self):
        left = uid("Dora <dora@left.example>", state=State.REVOKED)
        dora = key(1, "Dora <dora@example.org>", left)
        assert chosen("dora@example.org", ring=(dora,)).key is dora
        error = refused("dora@left.example", ring=(dora,))
        assert error.code is ErrorCode.KEY_UNUSABLE
        assert "Dora <dora@left.example> is revoked" in str(error)
        assert chosen(dora.fingerprint, ring=(dora,)).key is dora

    def test_signer_without_secret_key(self):
        public = key(1, "P <p@example.org>", primary=part(1, "cs", secret=SecretPart.NONE))
        error = refused("p@example.org", Purpose.SIGN, ring=(public,))
        assert error.code is ErrorCode.KEY_UNUSABLE
        assert error.candidates[0].reason == "its secret key is not here"

    def test_named_subkey_must_do_the_work_itself(self):
        assert refused(f"{0x1A1:040X}!", Purpose.SIGN).code is ErrorCode.PGP_KEY_USAGE
        assert chosen(f"{0x1A1:040X}", Purpose.SIGN).subkey is ALICE.primary


class TestUserIdsByTheirParts:
    """`FirstName LastName (Comment) <Email>`, of which not all need be given."""

    ADA = key(1, "Ada Byron (work) <ada@example.org>")
    ADAM = key(2, "Adam Byron (work) <adam@example.org>")
    PLAIN = key(3, "Ada Smith <ada@example.com>")
    RING = (ADA, ADAM, PLAIN)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Ada Byron <ada@example.org>", ADA),
            ("ada byron <ada@EXAMPLE.org>", ADA),
            ("Ada <ada@example.org>", ADA),
            ("(work) <adam@example.org>", ADAM),
            ("Ada Byron (work)", ADA),
            ("Ada Byron", ADA),
            ("Ada Smith", PLAIN),
            ("Smith", PLAIN),
            ("Adam (work)", ADAM),
            ("da Byron (work) <ada@example.org>", ADA),
        ],
    )
    def test_parts(self, text, found):
        assert chosen(text, ring=self.RING).key is found

    @pytest.mark.parametrize(
        "text",
        [
            "Ada Byron <ada@example.com>",
            "Ada Byron (home)",
            "Ada <ada@example.or>",
            "Byron Ada",
            "Ada ada@example",
        ],
    )
    def test_what_was_given_must_be_there(self, text):
        assert refused(text, ring=self.RING).code is ErrorCode.PGP_KEY_NOT_FOUND

    def test_a_whole_name_before_a_part_of_one(self):
        bob, hobob = key(1, "Bob (x) <bob@a.org>"), key(2, "Hobob <hobob@a.org>")
        assert chosen("bob", ring=(hobob, bob)).key is bob
        told = decide((hobob, bob), Query.parse("bob"), rules(Purpose.ENCRYPT)).candidates
        assert [one.reason for one in told if not one.taken] == ["another key fits better"]

    def test_letters_that_only_look_alike_are_another_address(self):
        for one, other in (("s@a.org", "\u017f@a.org"), ("k@a.org", "\u212a@a.org")):
            assert refused(one, ring=(key(1, f"x <{other}>"),)).code.number == 114
        straight, sharp = key(1, "x <a@strasse.de>"), key(2, "x <a@straße.de>")
        assert chosen("a@straße.de", ring=(straight, sharp)).key is sharp

    @pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800", "x\udcff@example.org"])
    def test_what_no_argument_can_hold_is_refused(self, text):
        with pytest.raises(UsageError):
            Query.parse(text)

    def test_gpg_is_asked_for_what_all_spellings_share(self):
        assert Query.parse("Ada (work)").for_gpg() == ("*Ada",)
        assert Query.parse("(work)").for_gpg() == ("*work",)
        assert Query.parse("MÜLLER").for_gpg() == ("*LLER",)
        assert {"*Zoë", "*zoë", "*ZOË"} <= set(Query.parse("zoë").for_gpg())
        assert all(len(one) < 300 for one in Query.parse("very long " * 300).for_gpg())


class TestWhy:
    def test_all_that_error_and_why_tell_is_the_same(self):
        ring = (
            key(1, "T <t@example.org>", primary=part(1, "cs", expires=PAST)),
            key(2, uid("T <t@example.org>", validity=Validity.UNKNOWN)),
            key(3, "T <t@example.org>", subkeys=[]),
            key(4, "Not t@example.org <tt@example.org>"),
        )
        decision = decide(ring, Query.parse("t@example.org"), rules(Purpose.ENCRYPT, GNUPG))
        assert [one.obstacle for one in decision.candidates] == ["state", "trust", "usage", "match"]
        assert decision.error.candidates == decision.candidates[:3]
        assert decision.error.code is ErrorCode.KEY_UNTRUSTED
        assert decision.candidates[0].expires == PAST
        assert decision.candidates[1].subkey == ring[1].subkeys[0].fingerprint

    def test_the_first_to_end_of_key_and_subkey(self):
        ends = {"expires": NOW.replace(year=2030)}
        one = key(1, "T <t@a.org>", primary=part(1, "cs"), subkeys=[part(2, "e", **ends)])
        (told,) = decide((one,), Query.parse("t@a.org"), rules(Purpose.ENCRYPT)).candidates
        assert (told.taken, told.expires) == (True, ends["expires"])

    def test_a_key_that_is_there_twice_is_over_if_one_copy_says_so(self):
        sound = key(1, "T <t@a.org>")
        revoked = key(1, "T <t@a.org>", primary=part(1, "cs", state=State.REVOKED))
        for ring in ((sound, revoked), (revoked, sound)):
            assert refused("t@a.org", ring=ring).code is ErrorCode.KEY_UNUSABLE

    def test_what_does_not_print_stays_out_of_the_text_of_errors(self):
        ring = (key(1, "T\n\x1b[1m <t@a.org>", subkeys=[]),)
        error = refused("t@a.org", ring=ring)
        assert str(error).isprintable()
        assert error.candidates[0].user_id == ring[0].user_id

    def test_an_error_does_not_list_a_thousand_keys(self):
        ring = [key(number, "T <t@a.org>") for number in range(1, 1000)]
        error = decide(ring, Query.parse("t@a.org"), rules(Purpose.ENCRYPT)).error
        assert "and 989 more" in str(error)
        assert len(error.candidates) == 999


TEXTS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"\A[Aa][Bb]? (\(x\) )?<a@b\.(c|d)>\Z"),
    st.sampled_from(["a@b.c", "A@b.c", "ab", "0x01", "01" * 4, "0" * 39 + "1", "0" * 39 + "1!"]),
)
VALIDITIES = st.sampled_from(list(Validity))


@st.composite
def keys(draw):
    """A key that may be anything that gpg could list."""
    number = draw(st.integers(1, 4))
    states = st.sampled_from(list(State))
    uids = draw(st.lists(st.builds(uid, TEXTS, VALIDITIES, states), max_size=3))
    times = st.sampled_from([None, PAST])
    parts = [
        part(
            number + 0x100 * at,
            draw(st.sampled_from(["", "c", "cs", "e", "se"])),
            state=draw(states),
            expires=draw(times),
            secret=draw(st.sampled_from(list(SecretPart))),
        )
        for at in range(draw(st.integers(1, 3)))
    ]
    disabled = draw(st.booleans())
    return key(number, *uids, primary=parts[0], subkeys=parts[1:], disabled=disabled)


@given(TEXTS)
def test_any_text_is_a_query_or_refused(text):
    try:
        query = Query.parse(text)
    except GpgmailError:
        return
    for pattern in query.for_gpg():
        assert pattern[0] in "0*"
        assert len(pattern) > 1
        os.fsencode(pattern)


@settings(max_examples=60)
@given(
    st.lists(keys(), max_size=4).flatmap(
        lambda ring: st.tuples(st.just(ring), st.permutations(ring))
    ),
    TEXTS,
    st.sampled_from(list(Purpose)),
    st.sampled_from([ALWAYS, GNUPG, Pinned({"a@b.c": frozenset({f"{1:040X}"})}, "pins")]),
)
def test_the_order_of_candidates_changes_nothing(rings, text, purpose, trust):
    assume(text.strip())
    outcomes = []
    for ring in rings:
        try:
            decision = decide(ring, Query.parse(text), rules(purpose, trust))
        except GpgmailError:
            return
        outcomes.append((decision.selection, set(decision.candidates)))
        assert (decision.selection is None) == (decision.error is not None)
        assert sum(one.taken for one in decision.candidates) == (decision.error is None)
        assert all(one.reason for one in decision.candidates)
        if decision.selection is not None:
            _holds(decision.selection, purpose)
    assert outcomes[0] == outcomes[1]


def _holds(selection, purpose):
    """What is chosen can do it."""
    assert purpose.capability in selection.subkey.capabilities
    for one in (selection.key.primary, selection.subkey):
        assert one.state is State.VALID
        assert one.expires is None
    assert not selection.key.disabled


class TestTrusted:
    UNKNOWN = uid("Eve <eve@example.org>", validity=Validity.UNKNOWN)

    def test_not_valid_names_both_ways_out(self):
        error = refused("eve@example.org", ring=(key(1, self.UNKNOWN),), trust=GNUPG)
        assert error.code is ErrorCode.KEY_UNTRUSTED
        assert "Eve <eve@example.org> is unknown" in str(error)
        assert "fingerprint" in error.hint
        assert "set trust to always" in error.hint

    def test_another_user_id_of_the_key_does_not_help(self):
        """gpg itself takes the key when it is given the fingerprint."""
        ring = (key(1, "Eve <eve@real.example>", self.UNKNOWN),)
        assert refused("eve@example.org", ring=ring, trust=GNUPG).code is ErrorCode.KEY_UNTRUSTED
        assert chosen("eve@real.example", ring=ring, trust=GNUPG).key is ring[0]

    @pytest.mark.parametrize("validity", [Validity.MARGINAL, Validity.FULL, Validity.ULTIMATE])
    def test_marginal_is_enough(self, validity):
        ring = (key(1, uid("E <e@example.org>", validity=validity)),)
        assert chosen("e@example.org", ring=ring, trust=GNUPG).key is ring[0]

    def test_fingerprint_and_always_ask_for_nothing(self):
        ring = (key(1, self.UNKNOWN),)
        assert chosen(ring[0].fingerprint, ring=ring, trust=GNUPG).key is ring[0]
        assert chosen("eve@example.org", ring=ring, trust=ALWAYS).key is ring[0]

    def test_key_id_is_not_a_fingerprint(self):
        ring = (key(1, self.UNKNOWN),)
        assert refused(ring[0].key_id, ring=ring, trust=GNUPG).code is ErrorCode.KEY_UNTRUSTED

    def test_valid_key_beside_one_that_somebody_put_there(self):
        ring = (key(1, self.UNKNOWN), key(2, "Eve <eve@example.org>"))
        assert chosen("eve@example.org", ring=ring, trust=GNUPG).key is ring[1]

    def test_signer_needs_no_validity(self):
        ring = (key(1, self.UNKNOWN),)
        assert chosen("eve@example.org", Purpose.SIGN, ring=ring, trust=GNUPG).key is ring[0]


class TestFirst:
    def test_first_usable(self):
        expired = key(1, "E <e@example.org>", primary=part(1, "cs", expires=PAST))
        selection = select((expired, ALICE, BOB), Query.parse(""), rules(Purpose.SIGN))
        assert selection.key is ALICE
        assert selection.subkey is ALICE.primary

    def test_none(self):
        expired = key(1, "E <e@example.org>", primary=part(1, "cs", expires=PAST))
        with pytest.raises(KeySelectionError, match=r"the ring.*expired on") as caught:
            select((expired,), Query.parse(""), rules(Purpose.SIGN))
        assert caught.value.code is ErrorCode.KEY_UNUSABLE

    def test_empty(self):
        with pytest.raises(KeySelectionError, match="the ring") as caught:
            select((), Query.parse(""), rules(Purpose.SIGN))
        assert caught.value.code is ErrorCode.PGP_KEY_NOT_FOUND
