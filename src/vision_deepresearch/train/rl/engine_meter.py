"""How busy the sampler is while episodes run: what slow tools cost it, and how full its batches are."""

import time

from vision_deepresearch.models.local.engine import LocalEngine


class EngineMeter:
    """Figures of an engine between two calls. Mutable."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self._before = engine.use()
        self._before_s = time.monotonic()

    def read(self) -> dict[str, float]:
        """Since the last call: share of the time without anything to do, and what was decoded."""
        before, began_s = self._before, self._before_s
        self._before, self._before_s = self._engine.use(), time.monotonic()
        now, seconds = self._before, self._before_s - began_s
        calls = now.decode_calls - before.decode_calls
        tokens = now.sampled_tokens - before.sampled_tokens
        return {
            "engine_idle_frac": min(1.0, (now.idle_s - before.idle_s) / seconds)
            if seconds
            else 0.0,
            "decode_batch_mean": (now.decode_rows - before.decode_rows) / calls if calls else 0.0,
            "sampled_tokens_per_s": tokens / seconds if seconds else 0.0,
        }
