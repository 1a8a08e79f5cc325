"""EXTERNAL with a real server: Exim looks at the certificate, and at nothing that was typed."""

from __future__ import annotations

import os

import pytest

from gpgmail.core.errors import ServerError
from gpgmail.core.events import Direction
from gpgmail.core.run import Run
from tests.servers.pki import Issued
from tests.transport.support import Ears, exim_options, failing, send

pytestmark = pytest.mark.servers

PEM = 6


def options_of(exim, store=None):
    shown = {"ssl_cert_store_type": PEM, "ssl_cert_store": os.fsencode(store)} if store else {}
    return exim_options(
        exim,
        auth_mechanisms="EXTERNAL",
        **shown,
    )


def verbs(ears):
    return [line.split()[0] for line in ears.lines(Direction.CLIENT)]


@pytest.mark.proves("ssl_cert_store", "ssl_cert_store_type")
def test_the_right_certificate_logs_in(exim, tmp_path):
    store = exim.clients.client(exim.member).write(tmp_path / "member")
    before = len(exim.log())
    send(options_of(exim, store))
    assert f"A=external:{exim.member}" in exim.log()[before:]
    assert exim.bodies() == [b".dot\nend\n"]


@pytest.mark.parametrize("kind", ["none", "stranger", "other authority"])
def test_without_it_nothing_of_the_mail_is_sent(exim, tmp_path, kind):
    issuers = {"stranger": exim.clients, "other authority": Issued.root("Others")}
    names = {"stranger": "Stranger", "other authority": exim.member}
    store = None
    if kind in issuers:
        store = issuers[kind].client(names[kind]).write(tmp_path / "shown")
    before, queued, ears = len(exim.log()), exim.bodies(), Ears()
    with failing(ServerError, 161) as caught:
        send(options_of(exim, store), run=Run(timeout=5, emit=ears))
    assert "535 Incorrect authentication data" in str(caught.value)
    said = verbs(ears)
    assert "AUTH" in said
    assert not {"MAIL", "RCPT", "DATA", "BDAT"} & set(said)
    assert exim.bodies() == queued
    assert exim.refusals("external", before) == 1
