"""Bodies are unpacked whole, piece by piece, and a cut one is never taken for whole."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import ChunkedEncodingError, ContentDecodingError

from txo_core.http.decoding import PIECE, decoder_for

TEXT = b"all the rows " * 5000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
    "deflate": zlib.compress(TEXT),
    " Deflate ": raw_deflate(TEXT),
    "deflate, gzip": gzip.compress(zlib.compress(TEXT)),
}


def unpacked(encoding: str, *data: bytes) -> bytes:
    decoder = decoder_for(encoding)
    body = b"".join(piece for part in data for piece in decoder.feed(part))
    decoder.finish()
    return body


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_a_body_comes_out_as_it_went_in(encoding: str, size: int) -> None:
    data = PACKED[encoding][: 3000 if size == 1 else None]
    parts = [data[at : at + size] for at in range(0, len(data), size)]

    if len(data) < len(PACKED[encoding]):
        assert TEXT.startswith(b"".join(piece for part in parts for piece in decoder_for(encoding).feed(part)))
    else:
        assert unpacked(encoding, *parts) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", " Deflate ", "deflate, gzip"])
def test_a_body_that_is_cut_anywhere_is_not_whole(encoding: str) -> None:
    data = PACKED[encoding]

    for length in {1, 5, 10, 12, len(data) // 2, len(data) - 9, len(data) - 1}:
        with pytest.raises((ChunkedEncodingError, ContentDecodingError)):
            unpacked(encoding, data[:length])


def test_no_body_at_all_is_an_empty_one() -> None:
    assert unpacked("gzip") == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "gzip, gzip, gzip, gzip", "compress"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(ContentDecodingError):
        decoder_for(encoding)


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["gzip", "deflate"]))
def test_garbage_is_an_error_or_a_cut_body(data: bytes, encoding: str) -> None:
    try:
        unpacked(encoding, data)
    except (ChunkedEncodingError, ContentDecodingError):
        return
    windows = [31] if encoding == "gzip" else [15, -15]  # deflate comes with and without its envelope
    assert any(inflates(data, bits) for bits in windows)


def inflates(data: bytes, bits: int) -> bool:
    try:
        zlib.decompressobj(bits).decompress(data)
    except zlib.error:
        return False
    return True


def test_padding_behind_the_end_is_left_out() -> None:
    assert unpacked("gzip", gzip.compress(b"rows") + b"\0" * 100) == b"rows"


def test_a_bomb_comes_out_in_small_pieces() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    tracemalloc.start()
    sizes = [len(piece) for piece in decoder_for("gzip").feed(bomb)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sum(sizes) == 50_000_000
    assert max(sizes) <= PIECE
    assert peak < 4_000_000
