"""Content-encodings undone."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.wire.inflate import PIECE, Garbled, inflater_of

TEXT = b"data: hello\n\n" * 20_000


def raw_deflate(data: bytes) -> bytes:
    codec = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return codec.compress(data) + codec.flush()


ENCODED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("X-GZIP", gzip.compress(TEXT)),
    "two members": ("gzip", gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:])),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "raw deflate": ("identity, deflate", raw_deflate(TEXT)),
}


def inflated(encoding: str, pieces: list[bytes]) -> list[bytes]:
    inflater = inflater_of(encoding)
    assert inflater is not None
    return [out for piece in pieces for out in inflater.feed(piece)] + list(inflater.finish())


@given(st.sampled_from(sorted(ENCODED)), st.integers(1, 5000))
def test_every_encoding_in_any_pieces(name: str, size: int) -> None:
    """Plain bytes come out the same however the encoded ones were cut, in pieces of bounded size."""
    encoding, data = ENCODED[name]
    out = inflated(encoding, [data[at : at + size] for at in range(0, len(data), size)])

    assert b"".join(out) == TEXT
    assert all(0 < len(piece) <= PIECE for piece in out)


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate"])
def test_cut_body_is_garbled(name: str) -> None:
    """A compressed body without its end is not passed off as whole."""
    encoding, data = ENCODED[name]
    with pytest.raises(Garbled):
        inflated(encoding, [data[:-10]])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@given(data=st.binary(min_size=3, max_size=200))
def test_any_bytes_inflate_or_are_garbled(encoding: str, data: bytes) -> None:
    """Hostile bytes raise nothing but `Garbled`."""
    try:
        inflated(encoding, [data])
    except Garbled:
        return


def test_identity_needs_nothing_and_unknown_is_said() -> None:
    """No encoding, no work; one we did not ask for and cannot undo is named."""
    assert inflater_of("") is inflater_of("identity") is None
    for encoding in ("br", "zstd", "gzip, gzip"):
        with pytest.raises(Garbled, match=encoding):
            inflater_of(encoding)
