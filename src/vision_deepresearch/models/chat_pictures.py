"""Pictures on their way to an endpoint: the stored bytes, unless its limits force a smaller copy.

Scaled copies are lossless PNGs, the same bytes for the same picture and limits every time, and are
kept for the turns to come. Cost: a scaled copy takes one decode, 20 to 200 ms; others a file read.
"""

import base64
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import BadImageError, FailureKind, ModelError
from vision_deepresearch.media.crop import thumbnail
from vision_deepresearch.media.decode import sniff

_SHRINK = 0.8
"""Step of the longer side while a picture has too many bytes."""
_MIN_SIDE_PX = 32
_MAX_KEPT_BYTES = 128 * 2**20


class Pictures:
    """Gives the data URI of a picture; safe to use from several threads.

    Args:
        load: the stored bytes of a picture.
        max_side_px: longer side as sent; None: as stored.
        max_bytes: of the picture before base64; None: any.
    """

    def __init__(
        self,
        load: Callable[[ImageRef], bytes],
        *,
        max_side_px: int | None,
        max_bytes: int | None,
    ) -> None:
        self._load = load
        self._max_side_px = max_side_px
        self._max_bytes = max_bytes
        self._scaled: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()

    def data_uri(self, ref: ImageRef) -> str:
        """`data:image/...;base64,...` of a picture.

        Raises:
            ModelError: it is not in the store, or damaged there (bad_image).
        """
        try:
            data = self._scaled_copy(ref) or self._fitting(ref)
        except (KeyError, OSError, BadImageError):
            msg = f"picture {ref.sha256[:12]} is missing or damaged in the store: put it in again"
            raise ModelError(FailureKind.BAD_IMAGE, msg) from None
        kind = sniff(data) or "PNG"
        return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode('ascii')}"

    def _scaled_copy(self, ref: ImageRef) -> bytes | None:
        with self._lock:
            data = self._scaled.get(ref.sha256)
            if data is not None:
                self._scaled.move_to_end(ref.sha256)
            return data

    def _fitting(self, ref: ImageRef) -> bytes:
        data = self._load(ref)
        side_px = max(ref.width, ref.height)
        limit_px = min(side_px, self._max_side_px or side_px)
        if side_px == limit_px and not self._is_heavy(data):
            return data
        small = thumbnail(data, max_side_px=limit_px)
        while self._is_heavy(small) and limit_px > _MIN_SIDE_PX:
            limit_px = max(_MIN_SIDE_PX, int(limit_px * _SHRINK))
            small = thumbnail(data, max_side_px=limit_px)
        self._keep(ref, small)
        return small

    def _is_heavy(self, data: bytes) -> bool:
        return self._max_bytes is not None and len(data) > self._max_bytes

    def _keep(self, ref: ImageRef, data: bytes) -> None:
        with self._lock:
            if ref.sha256 not in self._scaled:
                self._scaled[ref.sha256] = data
                self._kept_bytes += len(data)
            while self._kept_bytes > _MAX_KEPT_BYTES:
                _, old = self._scaled.popitem(last=False)
                self._kept_bytes -= len(old)
