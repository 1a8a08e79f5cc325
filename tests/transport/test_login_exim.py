"""NTLM with a server of another kind: Exim's own, which knows version 1 alone."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import ServerError
from tests.transport.support import exim_options, failing, send

pytestmark = pytest.mark.servers


def options_of(exim, **rows):
    return exim_options(
        exim,
        **{"auth_mechanism": 2, "user": exim.user, "password": exim.password, **rows},
    )


@pytest.mark.proves("UseNTLMv2", "auth_mechanism")
@pytest.mark.parametrize("user", ["mailer", "DOMAIN\\mailer"])
def test_a_right_password_is_taken(exim, user):
    before = len(exim.log())
    send(options_of(exim, use_ntlm_v2=False, user=user))
    assert "A=spa:mailer" in exim.log()[before:]


@pytest.mark.parametrize("rows", [{"password": "wrong horse"}, {"user": "nobody"}])
def test_a_wrong_password_is_refused(exim, rows):
    before = len(exim.log())
    with failing(ServerError, 161) as caught:
        send(options_of(exim, use_ntlm_v2=False, **rows))
    assert "535 Incorrect authentication data" in str(caught.value)
    assert exim.refusals("spa", before) == 1


@pytest.mark.proves("UseNTLMv2")
def test_version_2_is_not_what_this_server_knows(exim):
    with failing(ServerError, 161) as caught:
        send(options_of(exim, use_ntlm_v2=True))
    assert "535" in str(caught.value)
