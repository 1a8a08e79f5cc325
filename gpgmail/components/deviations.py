"""Where the components leave what the reference documents, and why; docs/conformance.md shows it.

What can mean nothing here is not among this: its row says so itself.
"""

from __future__ import annotations

DEVIATIONS = {
    "SSLEnabledProtocols": "TLS 1.2 and 1.3, as OpenSSL has them: the documented 4032 leaves out "
    "1.3 and lets in 1.0 and 1.1, which RFC 8996 forbids",
    "SSLEnableRenegotiation": "False refuses to negotiate anew; the extension of RFC 5746, which "
    "makes that safe, is sent all the same, since OpenSSL always sends it",
    "SSLSecurityFlags": "0x20, 0x4000 and 0x8000 are unsupported here: OpenSSL takes no exception "
    "from what a certificate is for, and has no test root",
    "SSLEnabledCipherSuites": "before Python 3.15 the suites of TLS 1.3 are all offered, and a "
    "connection with one that is not listed is left before anything is written",
    "SSLNegotiatedKeyExchange": "empty in TLS 1.3 unless one group alone was offered, or Python is "
    "3.15: ssl does not tell it; its strength is empty likewise",
    "TLS12SupportedGroups": "one group before Python 3.15, and the same as TLS13SupportedGroups "
    "where both versions are enabled; the default leaves it to OpenSSL",
    "TLS13SupportedGroups": "one group before Python 3.15; the default leaves it to OpenSSL",
    "TLS12SignatureAlgorithms": "the default leaves it to OpenSSL and its security level; any "
    "other value is held against the server's certificate",
    "ssl_accept_server_cert": "no other certificate is taken while it is set, even one that "
    "verifies; the page would let such a one pass",
    "ssl_start_mode": "3 in every class, and while it was never set plaintext to this machine "
    "alone; one page has 0 as the default",
    "password": "goes out without TLS only to this machine, or after AllowCleartextAuth=True",
    "VersionHeader": "empty: the documented default is the name of another product",
    "Charset": "while it is empty, header text outside ASCII goes out as UTF-8 by RFC 2047: to "
    "send it as it is would break the mail",
    "mail_server": "keeps its name after it was resolved, since certificates are checked against "
    "it; the address is in on_connection_status",
    "firewall_host": "keeps its name after it was resolved, as mail_server does",
    "send_to": "setting it takes out whom it had named before, so that a mail never goes to the "
    "recipients of the one before it; cc and b_cc do the same",
    "process_queue": "a temporary refusal and a lost connection leave `.queued`, to be tried "
    "again; `.failed` is what was refused for good; a mail whose end was sent and never answered "
    "keeps `.sending`, since to send it again may duplicate it; the other mails are sent first, "
    "then the error is raised",
    "message_recipient_options": "`NOTIFY SUCCESS` is sent as `NOTIFY=SUCCESS`, which RFC 3461 "
    "asks for",
    "recipient_key_user_id": "a key found by a user id or key id in a directory has to be valid "
    "for gpg, or config Trust=always, or be named by its fingerprint: anybody can make a key "
    "with anybody's address",
    "UseIPv6": "1 refuses names that have no IPv6 address; an IPv4 address that is given as such "
    "is still connected to",
    "interrupt": "raises code 301 of SMTP in the call that was interrupted; code 301 of TCPClient "
    "does not occur beside it",
    "timeout": "a time limit is always code 201 of TCPClient",
}
