"""Keyrings and the keys in them: facts, selection, trust; gpg itself is asked by the room `gpg`."""
