"""Bodies unpacked piece by piece within bounds: a small answer must not become a large one.

One encoding only (gzip or deflate, which is zlib's format); what was never asked for is refused.
"""

import zlib
from enum import StrEnum

MAX_BODY_BYTES = 8 << 20
_MAX_RATIO = 200
_RATIO_FROM_BYTES = 64 << 10
"""Short texts may shrink a good deal: the ratio counts beyond this."""
_STEP_BYTES = 64 << 10
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class BadBody(StrEnum):
    """Why a body is not taken."""

    ENCODING = "encoding"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    BOMB = "bomb"
    TOO_LARGE = "too_large"


class BadBodyError(ValueError):
    """A body that is not taken.

    Attributes:
        code: why.
    """

    def __init__(self, code: BadBody) -> None:
        super().__init__(
            f"expected a page of ordinary size and encoding, got one that is {code.value}"
        )
        self.code = code


class Inflater:
    """Unpacks one body. Feed it the pieces as they come, then `finish`."""

    def __init__(self, encoding: str | None, *, limit: int = MAX_BODY_BYTES) -> None:
        """Begin a body.

        Args:
            encoding: the `Content-Encoding` header; None or "identity": as it is.
            limit: bytes, packed and unpacked.

        Raises:
            BadBodyError: an encoding that was not asked for, or several.
        """
        name = (encoding or "identity").strip().lower() or "identity"
        if name != "identity" and name not in _WINDOW_BITS:
            raise BadBodyError(BadBody.ENCODING)
        self._limit = limit
        self._unpacker = zlib.decompressobj(_WINDOW_BITS[name]) if name in _WINDOW_BITS else None
        self._taken = 0
        self._body = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            BadBodyError: too large, a bomb, or corrupt.
        """
        self._taken += len(piece)
        if self._taken > self._limit:
            raise BadBodyError(BadBody.TOO_LARGE)
        if self._unpacker is None:
            self._body += piece
            return
        while piece:
            try:
                self._body += self._unpacker.decompress(piece, _STEP_BYTES)
            except zlib.error:
                raise BadBodyError(BadBody.CORRUPT) from None
            if self._is_bomb():
                raise BadBodyError(BadBody.BOMB)
            piece = self._unpacker.unconsumed_tail
            if self._unpacker.eof:
                return

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            BadBodyError: it ends before it should, or something stands behind its end.
        """
        if self._unpacker is not None:
            if not self._unpacker.eof:
                raise BadBodyError(BadBody.TRUNCATED if self._taken else BadBody.CORRUPT)
            if self._unpacker.unused_data:
                raise BadBodyError(BadBody.CORRUPT)
        return bytes(self._body)

    def _is_bomb(self) -> bool:
        size = len(self._body)
        is_blown_up = size > _RATIO_FROM_BYTES and size > _MAX_RATIO * max(self._taken, 1)
        return is_blown_up or size > self._limit
