"""X.509 certificates and the stores that hold them: parsing only, no network, no trust.

A store of any format becomes entries (`stores.open_store`), one is chosen (`selection.select`), and
what it says is read off it (`facts.CertificateFacts`). `cryptography` parses and decrypts; it loads
when the first store is opened, not before.
"""
