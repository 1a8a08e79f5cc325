"""Engines: what signs, encrypts, decrypts and verifies, behind one Protocol (`engine.py`)."""
