# Copyright (c) gpgmail contributors
# MIT License (see LICENSES/MIT.txt)
# SPDX-License-Identifier: MIT
"""What the options of a mail mean: its server, and the mail itself."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

THIS_MACHINE = "localhost"
ROOT = "root"
URLS = {
    "always": "smtps://{}",
    "never": "smtp+insecure://{}",
    "starttls": "smtp://{}?tls=required",
    "try": "smtp://{}",
}
IMPLICIT_TLS = 465
USUAL = 25
MOST_READ = 4096  # bytes that a pipe takes at once; no passphrase is as long


def server_url(params, known):
    """Return the server that host, port and secure name; None leaves it to the account's."""
    from gpgmail.core.situations import Situation

    host, port, secure = params["host"], params["port"], params["secure"] or "try"
    if host is None and known:
        if params["port"] or params["secure"]:
            raise Situation.BAD_VALUE.error(
                "is of a server that another place names", subject="port, secure", hint="give host"
            )
        return None
    port = port or (IMPLICIT_TLS if secure == "always" else USUAL)
    if secure == "try" and port == IMPLICIT_TLS:
        secure = "always"
    host = quote(host or THIS_MACHINE, safe=":[]")
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    return URLS[secure].format(f"{host}:{port}")


@contextmanager
def passphrase_given(params, given):
    """Hand the passphrase on by a descriptor, from which it is read as from any other."""
    from gpgmail.core.text import refuse_controls

    passphrase = params["passphrase"]
    if passphrase is None:
        yield
        return
    line = refuse_controls(passphrase, "passphrase").encode("utf-8")[:MOST_READ] + b"\n"
    reading, writing = os.pipe()
    try:
        os.write(writing, line)
        os.close(writing)
        given["passphrase_fd"] = (str(reading),)
        yield
    finally:
        os.close(reading)


def draft_of(params, account):
    """Return the mail."""
    from gpgmail import Attachment, Draft
    from gpgmail.message.charsets import of_name

    local = is_local(account)
    sender = params["sender"] or account.options.from_ or ROOT
    body = params["subject"] if params["body"] is None else params["body"]
    body = body if body.endswith("\n") else f"{body}\n"
    is_html = params["subtype"] == "html"
    charset = of_name(params["charset"])
    attached = [Attachment(source=Path(name)) for name in params["attach"]]
    shown = [
        Attachment(
            source=Path(one["path"]),
            content_type=one["mime_type"] or "",
            content_id=one["cid"],
            inline=True,
        )
        for one in params["inline"]
    ]
    author = qualified(sender, local)
    return Draft(
        from_=author,
        subject=params["subject"],
        text=None if is_html else body,
        html=body if is_html else None,
        attachments=(*attached, *shown),
        date=datetime.now().astimezone(),
        message_id=message_id(params["message_id_domain"], author),
        headers=tuple(map(header, params["headers"])),
        header_charset=charset,
        text_charset=charset,
        **{
            name: tuple(qualified(one, local) for one in params[name])
            for name in ("to", "cc", "bcc")
        },
    )


def message_id(domain, author):
    """Return a new Message-ID, known before the mail is made so that the difference shows it."""
    from gpgmail.message.addresses import one_mailbox
    from gpgmail.message.composed import new_message_id

    return new_message_id(f"mail@{domain}" if domain else one_mailbox(author, "sender").address)


def is_local(account):
    """Tell whether the account's server is this machine."""
    from gpgmail.transport.address import is_loopback
    from gpgmail.transport.url import parse

    options = parse(account.options.server)
    host = options.mail_server
    return bool(options.unix_socket) or host == THIS_MACHINE or is_loopback(host)


def qualified(address, local):
    """Return an address; a name without a domain is a user of this machine, where mail goes to it.

    On another machine it would be somebody else.
    """
    address = address.strip()
    bare = local and address and not set(address) & set("@<> ,")
    return f"{address}@{THIS_MACHINE}" if bare else address


def header(text):
    """Return a header field that is written as Name=value."""
    from gpgmail.core.situations import Situation

    name, equals, value = text.partition("=")
    if not equals:
        raise Situation.BAD_VALUE.error("is not written as Name=value", subject=repr(text))
    return name.strip(), value.strip()


def header_lines(draft):
    """Return the header fields of a mail as lines."""
    from gpgmail.message.draft import compose

    return "".join(f"{name}: {value}\n" for name, value in compose(draft).headers)
