"""Names of algorithms with the numbers that messages have for them."""

CIPHERS = {  # the documented names of encrypting_algorithm, and RFC 9580 section 9.3
    "CAST5": 3,
    "3DES": 2,
    "TripleDES": 2,
    "AES256": 9,
    "AES192": 8,
    "AES128": 7,
    "BLOWFISH": 4,
    "TWOFISH": 10,
    "IDEA": 1,
}
