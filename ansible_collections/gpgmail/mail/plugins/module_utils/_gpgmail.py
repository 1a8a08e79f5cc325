# Copyright (c) gpgmail contributors
# MIT License (see LICENSES/MIT.txt)
# SPDX-License-Identifier: MIT
"""What the modules have in common: finding gpgmail, opening an account, and failing.

gpgmail is looked for where a module runs, so that it is imported in functions alone: `require` is
what a module calls first.
"""

from __future__ import annotations

import platform
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ansible_collections.gpgmail.mail.plugins.module_utils import _arguments

OLDEST = (3, 11)  # Python that gpgmail runs on
gpgmail = None
MISSING = ""
try:
    if sys.version_info >= OLDEST:
        import gpgmail
except ImportError:
    MISSING = traceback.format_exc()

HIDDEN = ("body",)  # what people write: neither logged nor shown


def require(module):
    """Fail where gpgmail is not installed for the Python that runs the module."""
    if gpgmail is not None:
        return
    here = f"{sys.executable}, Python {platform.python_version()}, on {platform.node()}"
    named = "let ansible_python_interpreter name a Python of 3.11 or newer that has it"
    if sys.version_info < OLDEST:
        msg = f"{here}, is too old for gpgmail: {named}"
    else:
        install = f"run there {sys.executable} -m pip install gpgmail"
        msg = f"gpgmail is not installed for {here}: {install}, or {named}"
    module.fail_json(msg=msg, exception=MISSING, **shown(module))


def shown(module):
    """Return what a result says of its call, for which Ansible would take all options."""
    options = dict(module.params)
    for name in HIDDEN:
        if options.get(name) is not None:
            options[name] = f"<{len(options[name])} characters>"
    return {"invocation": {"module_args": options}}


def finish(module, run):
    """Run a module: *run* takes it and returns its result."""
    require(module)
    with failing(module):
        result = run(module)
    module.exit_json(**{"changed": False, **result, **shown(module)})


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
