"""Sign and encrypt mail with the GnuPG keys that this machine already has, and deliver it."""

__version__ = "0.1.0"
