"""The watch over secrets sees what it is for."""

from __future__ import annotations

import logging

import pytest

from gpgmail.components import SMTP
from gpgmail.core.events import Status
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from tests.support.leaks import watched

PASSWORD = "correct horse battery"

WAYS = {
    "an event": lambda: Run().emit(Status(f"log in as {PASSWORD}")),
    "an error": lambda: Situation.BAD_VALUE.error(f"not {PASSWORD}"),
    "a hint": lambda: Situation.BAD_VALUE.error("no", hint=f"use {PASSWORD}"),
    "a log": lambda: logging.getLogger("gpgmail.x").warning("with %s", PASSWORD),
    "a repr": lambda: repr(SMTP(user=PASSWORD)),
    "base64": lambda: Run().emit(Status("AUTH Y29ycmVjdCBob3JzZSBiYXR0ZXJ5")),
    "a URL": lambda: Situation.BAD_VALUE.error("smtp://me:correct%20horse%20battery@x"),
}


@pytest.mark.shows_secrets
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("known", ["Secret", "row"])
def test_a_secret_that_is_said_is_seen(way, known):
    with watched() as watch:
        if known == "Secret":
            Secret(PASSWORD)
        else:
            SMTP(password=PASSWORD)
        WAYS[way]()
    assert watch.leaks()


def test_a_masked_secret_is_not():
    with watched() as watch:
        repr(SMTP(password=PASSWORD))
        run = Run()
        run.redactor.know(PASSWORD)
        run.status(f"with {PASSWORD}")
    assert len(watch.said) == 2
    assert not watch.leaks()
