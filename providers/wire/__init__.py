"""Framing: bytes to frames, whatever the cuts."""
