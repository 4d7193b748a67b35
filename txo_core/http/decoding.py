"""Unpacking a body: gzip and deflate, which must come to their end, and never more at a time than is asked for."""

import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from requests.exceptions import ChunkedEncodingError, ContentDecodingError

PIECE = 256 * 1024
MOST_LAYERS = 3
GZIP, ZLIB, RAW = 31, 15, -15


class Decoder(Protocol):
    """Turns what comes over the wire into the body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data holds, in pieces of bounded size; ContentDecodingError for garbage."""

    def finish(self) -> None:
        """Raise ChunkedEncodingError if the end is missing."""


class Identity:
    """A body as it is."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the data."""
        yield data

    def finish(self) -> None:
        """Nothing can be missing that the transport would not see."""


class Inflate:
    """A gzip or deflate body, also of several gzip members one after the other (RFC 1952, 2.2).

    What is called deflate is a zlib stream (RFC 9110, 8.4.1.2); some servers leave its envelope out.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._head = b""
        self._begun = False
        self._inflater = zlib.decompressobj(GZIP) if name == "gzip" else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data holds."""
        data = self._head + data
        if self._inflater is None and len(data) < 2:
            self._head = data
            return
        inflater = self._inflater or zlib.decompressobj(ZLIB if _has_envelope(data) else RAW)
        self._head = b""
        while data:
            if inflater.eof:
                if self._name != "gzip" or not data.strip(b"\0"):
                    break
                inflater = zlib.decompressobj(GZIP)
            piece = self._inflate(inflater, data)
            self._inflater = inflater
            self._begun = True
            data = inflater.unconsumed_tail or inflater.unused_data
            if piece:
                yield piece

    def _inflate(self, inflater: Any, data: bytes) -> bytes:
        try:
            piece: bytes = inflater.decompress(data, PIECE)
        except zlib.error as error:
            raise ContentDecodingError(f"the body is no {self._name}: {error}") from None
        return piece

    def finish(self) -> None:
        """Raise ChunkedEncodingError if the end of the stream has not come; a body without a byte is empty."""
        if self._head or (self._begun and not (self._inflater and self._inflater.eof)):
            raise ChunkedEncodingError(f"the end of the {self._name} body is missing")


def _has_envelope(data: bytes) -> bool:
    """Tell whether the data begins with the two bytes of a zlib stream (RFC 1950, 2.2)."""
    return data[0] & 15 == zlib.DEFLATED and (data[0] * 256 + data[1]) % 31 == 0


class Layers:
    """Several encodings, undone in the opposite order (RFC 9110, 8.4)."""

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data holds."""
        yield from self._through(data, 0)

    def _through(self, data: bytes, layer: int) -> Iterator[bytes]:
        if layer == len(self._decoders):
            yield data
            return
        for piece in self._decoders[layer].feed(data):
            yield from self._through(piece, layer + 1)

    def finish(self) -> None:
        """Raise ChunkedEncodingError if one of them has not come to its end."""
        for decoder in self._decoders:
            decoder.finish()


def decoder_for(encoding: str) -> Decoder:
    """Return what undoes a Content-Encoding; ContentDecodingError for one that was not asked for."""
    names = [name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")]
    if not names:
        return Identity()
    if len(names) > MOST_LAYERS:
        raise ContentDecodingError(f"the body is packed {len(names)} times")
    decoders = [_decoder(name) for name in reversed(names)]
    return decoders[0] if len(decoders) == 1 else Layers(decoders)


def _decoder(name: str) -> Decoder:
    if name in ("gzip", "x-gzip"):
        return Inflate("gzip")
    if name == "deflate":
        return Inflate("deflate")
    raise ContentDecodingError(f"the body is packed with {name[:40]}, which was not asked for")
