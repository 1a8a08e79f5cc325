"""Message, keys and engine become a protected message, and a protected message is read.

Nothing here connects to anything: reading a mail loads no transport.
"""
