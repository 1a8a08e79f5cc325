"""Real stores for the tests, made by openssl, which is asked what they say too."""

from __future__ import annotations

import subprocess
from pathlib import Path

VECTORS = Path(__file__).parent / "vectors"
PASSWORD = "opens-the-store"
SUBJECT = "/C=US/ST=Ohio/L=Columbus/O=Acme, Inc./OU=Mail/CN=www.example/emailAddress=a@b.example"
SHOWN = 'E=a@b.example, CN=www.example, OU=Mail, O="Acme, Inc.", L=Columbus, S=Ohio, C=US'
NAMES = "DNS:a.example,DNS:b.example,IP:127.0.0.1,IP:2001:db8::1,email:x@y.example,URI:http://z/"
EXTENSIONS = (
    f"subjectAltName={NAMES}",
    "keyUsage=critical,digitalSignature,keyEncipherment,cRLSign",
    "extendedKeyUsage=clientAuth,serverAuth,1.2.3.4",
)
NEW_KEYS = {
    "rsa": ("-newkey", "rsa:2048"),
    "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "odd": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime192v2"),  # not in the library
    "ed25519": ("-newkey", "ed25519"),
}


def openssl(*arguments, data=None):
    """Run openssl and return what it printed, as bytes."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=data, check=True, capture_output=True
    )
    return done.stdout


def said(*arguments):
    """Return what openssl printed as text."""
    return openssl(*arguments).decode()


def make(directory, name, algorithm="ec", subject=None, *, extensions=(), options=()):
    """Make NAME.key and NAME.pem, a certificate that signed itself."""
    key, pem = directory / f"{name}.key", directory / f"{name}.pem"
    added = [part for extension in extensions for part in ("-addext", extension)]
    openssl(
        *("req", "-x509", "-nodes", "-days", "30", *NEW_KEYS[algorithm]),
        *("-subj", subject or f"/CN={name}", "-keyout", key, "-out", pem, *added, *options),
    )
    return key, pem


def fill(directory):
    """Make one store of every format that openssl writes, of one RSA certificate and its key."""
    key, pem = make(directory, "rsa", "rsa", SUBJECT, extensions=EXTENSIONS)
    pfx = ("pkcs12", "-export", "-in", pem, "-inkey", key, "-passout", f"pass:{PASSWORD}")
    openssl(*pfx, "-out", directory / "modern.pfx")
    openssl(*pfx, "-legacy", "-out", directory / "old.pfx")
    openssl(*pfx, "-legacy", "-keypbe", "PBE-SHA1-3DES", "-out", directory / "3des.pfx")
    bare = ("pkcs12", "-export", "-in", pem, "-inkey", key, "-passout", "pass:")
    openssl(*bare, "-out", directory / "empty.pfx")
    openssl(*bare, "-keypbe", "NONE", "-certpbe", "NONE", "-nomac", "-out", directory / "none.pfx")
    protected = ("-passout", f"pass:{PASSWORD}", "-out")
    openssl("pkcs8", "-topk8", "-in", key, *protected, directory / "pkcs8.key")
    openssl("rsa", "-in", key, "-traditional", "-aes128", *protected, directory / "pkcs1.key")
    openssl("rsa", "-in", key, "-outform", "der", "-out", directory / "rsa.key.der")
    openssl("rsa", "-in", key, "-pubout", "-out", directory / "public.pem")
    openssl("x509", "-in", pem, "-outform", "der", "-out", directory / "rsa.der")
    for form in ("pem", "der"):
        out = directory / f"{form}.p7b"
        openssl("crl2pkcs7", "-nocrl", "-certfile", pem, "-outform", form, "-out", out)
    (directory / "both.pem").write_bytes(pem.read_bytes() + key.read_bytes())
    locked = (directory / "pkcs8.key").read_bytes()
    (directory / "locked.pem").write_bytes(locked + pem.read_bytes())
    return directory
