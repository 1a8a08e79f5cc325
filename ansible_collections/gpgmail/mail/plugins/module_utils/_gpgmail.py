# Copyright (c) gpgmail contributors
# MIT License (see LICENSES/MIT.txt)
# SPDX-License-Identifier: MIT
"""What the modules have in common: finding gpgmail, opening an account, and failing.

gpgmail is looked for where a module runs, so that it is imported in functions alone: `require` is
what a module calls first.
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.gpgmail.mail.plugins.module_utils import _arguments

MISSING = ""
try:
    import gpgmail
except ImportError:
    gpgmail = None
    MISSING = traceback.format_exc()

HIDDEN = ("body",)  # what people write: neither logged nor shown


def require(module):
    """Fail where gpgmail is not installed for the Python that runs the module."""
    if gpgmail is None:
        module.fail_json(
            msg=missing_required_lib("gpgmail", reason="(pip install gpgmail; Python 3.11)"),
            exception=MISSING,
            **shown(module),
        )


def shown(module):
    """Return what a result says of its call, for which Ansible would take all options."""
    options = dict(module.params)
    for name in HIDDEN:
        if options.get(name) is not None:
            options[name] = f"<{len(options[name])} characters>"
    return {"invocation": {"module_args": options}}


@contextmanager
def failing(module, **more):
    """Turn what gpgmail raises in the block into a failed module; *more* is in the result."""
    from gpgmail import GpgmailError
    from gpgmail.delivery.facts import of_error

    try:
        yield
    except GpgmailError as error:
        notes = getattr(error, "__notes__", ())
        told = {"changed": False, **of_error(error), **more, **shown(module)}
        # A mail that some have was sent, whatever became of the others.
        told["changed"] = bool(told.get("accepted")) and not told.get("repeated")
        module.fail_json(msg="; ".join([str(error), *notes]), **told)


def given_rows(params):
    """Return what the options say of an account, by the names of its rows."""
    from gpgmail.delivery.options import for_key

    given = {
        row: tuple(params[name]) if isinstance(params[name], list) else params[name]
        for name, row in _arguments.ROWS.items()
        if params.get(name) is not None
    }
    if "passphrase_file" in given:
        named = (for_key(value) for value in given["passphrase_file"])
        given["passphrase_file"] = tuple(
            f"{key}={_expanded(place)}" if key else _expanded(place) for key, place in named
        )
    return given


def account_of(module, given):
    """Return the account that the options mean; its secrets are kept out of every result."""
    from gpgmail.delivery.accounts import open_account

    options = {row: name for name, row in _arguments.ROWS.items()}
    account = open_account(
        module.params["account"],
        config=module.params["config"],
        given=given,
        called=lambda row: options.get(row.name, row.name),
    )
    for secret in _secrets(account.options):
        module.no_log_values.add(secret)
    return account


def _secrets(options):
    """Give what of an account nobody may see: passwords, those in URLs as written and as meant."""
    if options.password:
        yield options.password
    for url in (options.server, options.proxy):
        try:
            password = urlsplit(url).password
        except ValueError:
            password = None
        if password:
            yield password
            yield unquote(password)


def _expanded(path):
    return str(Path(path).expanduser())
