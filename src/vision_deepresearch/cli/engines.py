"""What became of the calls to each live engine, in one line for who ran them."""

from collections.abc import Iterator

from vision_deepresearch.cli.output import counted
from vision_deepresearch.core.protocols import World
from vision_deepresearch.worlds.live.wire import Health
from vision_deepresearch.worlds.live.world import LiveWorld


def about_engines(world: World) -> Iterator[str]:
    """One line with the counters of the engines that were asked; none where nobody was."""
    if not isinstance(world, LiveWorld):
        return
    asked = [_told(name, health) for name, health in world.health.items() if health.num_calls]
    if asked:
        yield f"engines  {'; '.join(asked)}"


def _told(name: str, health: Health) -> str:
    told = f"{name} {counted(health.num_calls, 'call')}"
    if not health.failures:
        return told
    kinds = ", ".join(kind.value for kind in sorted(health.failures))
    told += f", {health.failures.total()} failed ({kinds})"
    return f"{told}, not asked again" if health.is_settled else told
