"""What one server may spend: sizes, places in the queues, seconds."""

from dataclasses import dataclass, field

from vision_deepresearch.worlds.server.jobs import Lane
from vision_deepresearch.worlds.wrappers.noise_settings import NoiseSettings

MAX_HITS = 100
"""Hits of one search, over all its pages."""
DEFAULT_HITS = 10
DEFAULT_LENS_HITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits of a server. Defaults suit a machine of 2 to 16 cores."""

    workers: int = 2
    """Processes that hold the world open, each about the size of the world's indexes."""
    token: str | None = None
    """What clients must show; None: any key, or none, will do."""
    public_url: str | None = None
    """How clients reach the server where that differs from the Host they name (behind a proxy)."""
    max_body_bytes: int = 10 * 1024 * 1024
    max_held_bytes: int = 256 * 1024 * 1024
    """Of all request bodies at one time."""
    max_query_chars: int = 4000
    max_waiting_words: int = 512
    """Text searches, page reads and pictures to be fetched that may wait for a worker."""
    max_waiting_looks: int = 64
    """Reverse image searches that may wait: each takes ten to fifty times as long."""
    body_timeout_s: float = 20.0
    """For a client to send its body."""
    max_wait_s: float = 10.0
    """A job that has waited longer is not begun: it is refused like one that found no place."""
    job_timeout_s: float = 20.0
    """For one piece of work; a worker that takes longer is ended and replaced."""
    request_timeout_s: float = 40.0
    """For waiting and work together."""
    retry_after_s: int = 1
    """What a refused client is told to wait."""
    refusals_per_s: float = 100.0
    """Refusals beyond this rate are held back, so that clients who ask again at once, against
    what they were told, cannot keep the server from its work."""
    max_refusal_pause_s: float = 12.0
    """No refusal is held back longer."""
    cache_bytes: int = 128 * 1024 * 1024
    """Of answers kept; the world is frozen, so they never expire."""

    noise: NoiseSettings = field(default_factory=NoiseSettings)
    """How badly the engine behaves. Lists and pages are the workers' part: see `OpenWorld`."""
    noise_name: str = "clean"
    """Preset and seed, for the manifest."""
    noise_seed: int = 0

    def max_waiting(self, lane: Lane) -> int:
        """Places in a lane's queue."""
        return self.max_waiting_looks if lane is Lane.LOOKS else self.max_waiting_words
