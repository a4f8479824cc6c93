"""What `vdr world serve` does: opens a world in worker processes and answers over HTTP."""

import asyncio
import os
import sys
from functools import partial

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.worlds.wrappers.noise_settings import noise_named


def serve(
    world: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8780,
    token: str | None = None,
    public_url: str | None = None,
    workers: int | None = None,
    queue: int | None = None,
    cache_mb: int | None = None,
    noise: str | None = None,
    embedder: str | None = None,
) -> None:
    """Serve a world until Ctrl-C.

    Args:
        world: name or folder, as everywhere.
        host: address to bind; any but a loopback one needs a token.
        port: 0 picks a free one; the line printed at the start tells it.
        token: what clients must show; None: any key or none.
        public_url: how clients reach the server where that is another address than they name.
        workers: processes; None: one per core this process may use.
        queue: places for text work; an eighth of it for picture searches. None: 512 and 64.
        cache_mb: of kept answers; None: 128.
        noise: how badly the engine behaves, PRESET or PRESET@SEED; None: clean.
        embedder: of a world with vectors, or "off"; None: VDR_EMBEDDER. One per worker.

    Raises:
        ConfigError: the extra is not installed, or something does not fit; says how to mend it.
    """
    try:
        from vision_deepresearch.worlds.server.run import check_binding, serve_world
        from vision_deepresearch.worlds.server.settings import Settings
    except ModuleNotFoundError as reason:
        msg = (
            f"serving needs the extra `serve` ({reason.name} is missing): "
            "pip install 'vision-deepresearch[serve]'"
        )
        raise ConfigError(msg) from reason
    from vision_deepresearch.cli.output import console
    from vision_deepresearch.cli.research import prepare_world
    from vision_deepresearch.wiring.worlds import open_without_truth

    check_binding(host, token=token)
    usual = Settings()
    for name, value in (("--workers", workers), ("--queue", queue), ("--cache-mb", cache_mb)):
        if value is not None and value < 1:
            msg = f"{name} needs at least 1, got {value}"
            raise ConfigError(msg)
    knobs, noise_seed = noise_named(noise or "clean")
    words = usual.max_waiting_words if queue is None else queue
    settings = Settings(
        workers=workers or _num_cores(),
        token=token,
        public_url=public_url,
        max_waiting_words=words,
        max_waiting_looks=usual.max_waiting_looks if queue is None else max(1, queue // 8),
        cache_bytes=usual.cache_bytes if cache_mb is None else cache_mb * 1024 * 1024,
        noise=knobs,
        noise_name=noise or "clean",
        noise_seed=noise_seed,
    )
    folder = prepare_world(world, target=console(json_wanted=True))
    opener = partial(
        open_without_truth, folder, embedder=embedder, noise=knobs, noise_seed=noise_seed
    )

    def announce(url: str, manifest: WorldManifest) -> None:
        pages = manifest.counts.get("pages", 0)
        sys.stdout.write(
            f"serving {manifest.name} ({pages:,} pages) at {url} with {settings.workers} workers\n"
        )
        sys.stdout.flush()

    try:
        asyncio.run(serve_world(opener, host=host, port=port, settings=settings, announce=announce))
    except asyncio.CancelledError:
        return  # stopped while the workers were opening the world


def _num_cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 2
