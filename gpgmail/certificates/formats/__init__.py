"""The formats of stores, a format a file: each reads a `Source` into entries.

A reader raises ValueError where the bytes are not of its format (`stores.open_store` says of which
store), and what `Source` says of passwords. Decrypting is the library's; a format that it does not
read is taken apart here, and its keys are built from their numbers.
"""
