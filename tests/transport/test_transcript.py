"""The transcript: which line is shown how, and that a login shows nothing."""

from __future__ import annotations

import pytest

from gpgmail.core.run import Run
from gpgmail.core.secret import MASK
from gpgmail.transport.dialogue import DialogueOptions
from gpgmail.transport.transcript import Transcript
from tests.transport.support import Ears


@pytest.fixture
def told():
    """Play a dialogue of (side, line) and return what was told."""

    def play(*dialogue, know=()):
        ears = Ears()
        run = Run(emit=ears)
        for secret in know:
            run.redactor.know(secret)
        transcript = Transcript(run, DialogueOptions())
        for side, line in dialogue:
            getattr(transcript, side)(line)
        return [(event.direction, event.message) for event in ears.events]

    return play


def test_each_side_has_its_number(told):
    assert told(("info", "connected"), ("server", b"220 hi"), ("client", b"EHLO me\r\n")) == [
        (2, "connected"),
        (1, "220 hi"),
        (0, "EHLO me"),
    ]


@pytest.mark.parametrize(
    ("dialogue", "expected"),
    [
        (
            [("client", b"AUTH PLAIN AGEAYg==\r\n"), ("server", b"235 ok")],
            [f"AUTH PLAIN {MASK}", "235 ok"],
        ),
        (
            [
                ("client", b"auth LOGIN\r\n"),
                ("server", b"334 VXNlcm5hbWU6"),
                ("client", b"dXNlcg==\r\n"),
                ("server", b"334 c2VjcmV0"),
                ("client", b"cHc=\r\n"),
                ("server", b"535 5.7.8 no"),
                ("client", b"QUIT\r\n"),
            ],
            ["auth LOGIN", f"334 {MASK}", MASK, f"334 {MASK}", MASK, "535 5.7.8 no", "QUIT"],
        ),
        (
            [("client", b"AUTH PLAIN\r\n"), ("server", b"334 "), ("client", b"\r\n")],
            ["AUTH PLAIN", f"334 {MASK}", MASK],
        ),
    ],
)
def test_a_login_is_masked_by_its_form(told, dialogue, expected):
    assert [message for _, message in told(*dialogue)] == expected


def test_known_secrets_are_masked_wherever_they_stand(told):
    lines = told(("server", b"535 no such password hunter22"), know=["hunter22"])
    assert lines == [(1, f"535 no such password {MASK}")]


def test_controls_are_escaped(told):
    assert told(("server", b"220 \x1b[2J"))[0][1] == r"220 \x1b[2J"


@pytest.mark.proves("MaskSensitive")
@pytest.mark.shows_secrets
def test_without_masking_the_lines_are_told_as_they_are_and_returned_masked():
    ears, know = Ears(), "hunter22"
    run = Run(emit=ears)
    run.redactor.know(know)
    transcript = Transcript(run, DialogueOptions(mask_sensitive=False))
    assert transcript.client(b"AUTH LOGIN\r\n") == "AUTH LOGIN"
    transcript.server(b"334 UGFzcw==")
    assert transcript.client(b"hunter22\r\n") == MASK
    transcript.server(b"535 not hunter22")
    assert [event.message for event in ears.events] == [
        "AUTH LOGIN",
        "334 UGFzcw==",
        "hunter22",
        "535 not hunter22",
    ]


def test_a_challenge_that_nobody_asked_for_masks_its_answer(told):
    lines = told(("client", b"XAUTH\r\n"), ("server", b"334 c2Vj"), ("client", b"cHc=\r\n"))
    assert [message for _, message in lines] == ["XAUTH", f"334 {MASK}", MASK]
