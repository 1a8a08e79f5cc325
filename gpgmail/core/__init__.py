"""Values and rules that every room uses; nothing here does I/O or imports another room."""
