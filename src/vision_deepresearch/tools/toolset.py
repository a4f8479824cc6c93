"""Builds the tools a mode names: the one place that knows them all."""

from collections.abc import Callable, Sequence

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import MediaStore, Sandbox, Summariser, Tool, World
from vision_deepresearch.tools import crop_and_search, image_search, python, search, visit, zoom
from vision_deepresearch.tools.limits import ToolLimits
from vision_deepresearch.tools.picture_search import PictureSearch


def build_tools(
    names: Sequence[str],
    *,
    world: World,
    media: MediaStore,
    summariser: Summariser,
    limits: ToolLimits | None = None,
    sandbox: Sandbox | None = None,
    include_unavailable: bool = False,
    offers_repair: bool = False,
) -> dict[str, Tool]:
    """Make the named tools, in the order named.

    Args:
        names: canonical names, for example `Mode.tools`.
        world: what the tools search and read.
        media: where crops and fetched pictures go; holds the given pictures already.
        summariser: reads pages for the model's goal.
        limits: caps of one call; None: the defaults.
        sandbox: for `python`; without one the tool is left out.
        include_unavailable: keep `python` without a sandbox; it then refuses every call.
        offers_repair: `zoom` can also repair what it shows, and says so in its schema.

    Raises:
        ConfigError: an unknown name; the message lists the known ones.
    """
    limits = limits or ToolLimits()
    pictures = PictureSearch(world=world, media=media, summariser=summariser, limits=limits)
    makers: dict[str, Callable[[], Tool]] = {
        crop_and_search.NAME: lambda: crop_and_search.CropAndSearch(
            pictures, media=media, limits=limits
        ),
        image_search.NAME: lambda: image_search.ImageSearch(
            pictures, media=media, num_hits=limits.hits_per_picture
        ),
        search.NAME: lambda: search.Search(world=world, limits=limits),
        visit.NAME: lambda: visit.Visit(
            world=world, media=media, summariser=summariser, limits=limits
        ),
        zoom.NAME: lambda: zoom.Zoom(media=media, offers_repair=offers_repair),
        python.NAME: lambda: python.Python(sandbox=sandbox, media=media, limits=limits),
    }
    unknown = [name for name in names if name not in makers]
    if unknown:
        msg = f"unknown tool {unknown[0]!r}: use some of {', '.join(makers)}"
        raise ConfigError(msg)
    is_available = sandbox is not None or include_unavailable
    return {name: makers[name]() for name in names if name != python.NAME or is_available}
