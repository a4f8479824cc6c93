"""What an engine does wrong, as numbers: one record, presets, and how they are named on a command.

A knob at 0 (or None) does nothing. The numbers of the presets are our choice, not a measurement of
any engine: `realistic` is an engine one would pay for, `hostile` one would leave.
"""

import hashlib
from typing import Self

from pydantic import Field, model_validator

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record


class NoiseSettings(Record):
    """All knobs of `NoisyWorld`. Probabilities are 0..1, times are seconds.

    "Per request" means: the same request draws the same again; "per call": its repetition draws
    anew. Picture searches: knobs 1-3 and 5-10; text searches: 2, 3 and 6-10; pages and pictures
    of pages: 10 and those named for them.
    """

    # 1. How well a picture is recognised, by how tightly it was cropped.
    p_miss_tight: float = Field(default=0.0, ge=0, le=1)
    """Per request: chance that the engine does not recognise what a tight crop shows (at most 6 %
    of its picture): what was recognised leaves the list, what merely looks similar stays."""
    p_miss_loose: float = Field(default=0.0, ge=0, le=1)
    """The same for a loose crop (30 % of its picture), and for a picture that was never cropped or
    whose origin is unknown. In between: linear in the logarithm of the area."""
    p_miss_full: float = Field(default=0.0, ge=0, le=1)
    """The same for a whole picture."""

    # 2-4. Order and content of result lists.
    rank_sigma: float = Field(default=0.0, ge=0, le=100)
    """Standard deviation, in ranks, of what is added to each hit's rank before sorting again."""
    p_drop: float = Field(default=0.0, ge=0, le=1)
    """Per request and page: chance that the engine leaves it out; lower ranks move up."""
    p_swap: float = Field(default=0.0, ge=0, le=1)
    """Picture searches, per request and place: chance that a look-alike from the engine's own
    lower ranks stands there instead, with the score and label of the place."""

    # 5-8. How results are shown.
    p_duplicate: float = Field(default=0.0, ge=0, le=1)
    """Per request and hit: chance that it is listed twice in a row."""
    p_short_list: float = Field(default=0.0, ge=0, le=1)
    """Per request: chance of fewer results than asked for."""
    min_results: int = Field(default=0, ge=0)
    """A short list has at least so many; the number is uniform up to one less than asked for."""
    max_results: int | None = Field(default=None, ge=1)
    """The engine never gives more; None: as many as asked for."""
    p_truncate: float = Field(default=0.0, ge=0, le=1)
    """Per request and hit: chance that the snippet is cut to `snippet_chars`."""
    snippet_chars: int = Field(default=100, ge=0)
    """Characters left of a cut snippet, an ellipsis besides; cut between words where possible."""

    # 9. Pages.
    p_dead_link: float = Field(default=0.0, ge=0, le=1)
    """Per url: chance that a page, or a picture of a page, is gone (not_found) for good. It may
    hit a page that a question needs."""
    p_stale: float = Field(default=0.0, ge=0, le=1)
    """Per url: chance that an older copy is read, where the world has one; it says that it is."""

    # 10. Time and failures, of every call.
    latency_median_s: float = Field(default=0.0, ge=0)
    """Per call: median of a log-normal wait; 0: no wait."""
    latency_sigma: float = Field(default=0.0, ge=0, le=5)
    """Standard deviation of the wait's natural logarithm; 0: always the median."""
    p_tail: float = Field(default=0.0, ge=0, le=1)
    """Per call: chance that the wait is `tail_factor` times as long."""
    tail_factor: float = Field(default=10.0, ge=1)
    latency_max_s: float = Field(default=30.0, ge=0)
    """No wait is longer."""
    p_rate_limited: float = Field(default=0.0, ge=0, le=1)
    """Per call: chance of a 429 (rate_limited)."""
    retry_after_s: float = Field(default=1.0, ge=0)
    """What a 429 asks to wait."""
    p_upstream: float = Field(default=0.0, ge=0, le=1)
    """Per call: chance of a 5xx (upstream)."""
    p_timeout: float = Field(default=0.0, ge=0, le=1)
    """Per call: chance of no answer; fails (timeout) after `timeout_s`."""
    timeout_s: float = Field(default=10.0, ge=0)

    # Whether siblings see the same.
    episode_salt: bool = False
    """False: all rollouts of a task see the same world. True: each (task, attempt) draws its own."""

    @model_validator(mode="after")
    def _failures_fit_into_one(self) -> Self:
        total = self.p_rate_limited + self.p_upstream + self.p_timeout
        if total > 1 + 1e-9:
            msg = (
                "p_rate_limited + p_upstream + p_timeout must not exceed 1, got "
                f"{total:g}: a call fails in one way at most"
            )
            raise ValueError(msg)
        return self

    @property
    def is_clean(self) -> bool:
        """Whether nothing is ever changed."""
        return not (self.changes_results or self.changes_pages or self.fails or self.waits)

    @property
    def changes_results(self) -> bool:
        """Whether result lists may differ from the world's."""
        shown = self.p_duplicate or self.p_short_list or self.p_truncate
        return bool(self.reaches_lower or shown or self.max_results is not None)

    @property
    def reaches_lower(self) -> bool:
        """Whether hits below the cut may come up, so that more are needed than were asked for."""
        missed = self.p_miss_tight or self.p_miss_loose or self.p_miss_full
        return bool(missed or self.rank_sigma or self.p_drop or self.p_swap)

    @property
    def changes_pages(self) -> bool:
        """Whether pages may be gone or old."""
        return bool(self.p_dead_link or self.p_stale)

    @property
    def fails(self) -> bool:
        """Whether calls may fail that would work a little later."""
        return bool(self.p_rate_limited or self.p_upstream or self.p_timeout)

    @property
    def waits(self) -> bool:
        """Whether calls take time of their own."""
        return self.latency_median_s > 0

    def digest(self) -> str:
        """16 hex characters that tell settings apart."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


NOISE_PRESETS = {
    "clean": NoiseSettings(),
    "realistic": NoiseSettings(
        p_miss_tight=0.02,
        p_miss_loose=0.06,
        p_miss_full=0.30,
        rank_sigma=0.7,
        p_drop=0.03,
        p_swap=0.02,
        p_duplicate=0.04,
        p_short_list=0.05,
        min_results=3,
        p_truncate=0.25,
        snippet_chars=110,
        p_dead_link=0.02,
        p_stale=0.02,
        latency_median_s=0.6,
        latency_sigma=0.5,
        p_tail=0.02,
        tail_factor=8.0,
        latency_max_s=20.0,
        p_rate_limited=0.010,
        retry_after_s=1.0,
        p_upstream=0.005,
        p_timeout=0.003,
        timeout_s=10.0,
    ),
    "hostile": NoiseSettings(
        p_miss_tight=0.15,
        p_miss_loose=0.30,
        p_miss_full=0.80,
        rank_sigma=3.0,
        p_drop=0.15,
        p_swap=0.15,
        p_duplicate=0.20,
        p_short_list=0.25,
        min_results=0,
        max_results=8,
        p_truncate=0.70,
        snippet_chars=60,
        p_dead_link=0.10,
        p_stale=0.15,
        latency_median_s=1.5,
        latency_sigma=0.8,
        p_tail=0.06,
        tail_factor=12.0,
        latency_max_s=30.0,
        p_rate_limited=0.05,
        retry_after_s=5.0,
        p_upstream=0.03,
        p_timeout=0.02,
        timeout_s=15.0,
    ),
}
"""By name. Our choice (see the module)."""


def noise_named(name: str) -> tuple[NoiseSettings, int]:
    """Settings and noise seed of `PRESET` or `PRESET@SEED`.

    Raises:
        ConfigError: no such preset, or a seed that is no whole number.
    """
    preset, at, seed = name.partition("@")
    if preset not in NOISE_PRESETS:
        msg = f"unknown noise {preset!r}: use one of {', '.join(NOISE_PRESETS)}, or PRESET@SEED"
        raise ConfigError(msg)
    if at and not (seed.isascii() and seed.isdecimal() and len(seed) <= 18):
        msg = f"the seed of noise is a whole number, got {seed[:40]!r} in {name[:80]!r}"
        raise ConfigError(msg)
    return NOISE_PRESETS[preset], int(seed or 0)
