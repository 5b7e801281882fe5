"""The benchmark of the decoders runs to its end: nothing else of `make test` would see it stop."""

from __future__ import annotations

from tests.bench import decoders


def test_every_dialect_is_measured() -> None:
    """Each way through its decoder, and its work before the first byte, once."""
    for said in decoders.answers():
        assert all(decoders.events_per_s(said, new_reply, 0.0) > 0 for _, new_reply in decoders.ways(said))
        assert all(decoders.first_byte_s(said, body(), 0.0) > 0 for body in decoders.SIZES.values())
