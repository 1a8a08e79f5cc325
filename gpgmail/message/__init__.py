"""A mail as data, and the canonical bytes that it becomes."""
