"""Mails that wait on disk: the form of a queue file, and the directory that holds them."""
