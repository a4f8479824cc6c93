"""A scene in words: what stands where, and never whose it is.

For models that are shown a caption in place of the picture (modes `...-caption`): a plain tier in
which looking is reading, so that what is left to learn is research.
"""

from collections.abc import Mapping

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.phrases import VISIBLE
from vision_deepresearch.worlds.generated.positions import positions_of


def caption_of(graph: Graph, boxes: Mapping[str, Box]) -> str:
    """One line for each thing, in reading order: kind, its clear places, its box in thousandths.

    >>> # large emblem; left; corner top left; [84, 102, 262, 351]
    """
    lines = ["img_1:"]
    for thing, box in sorted(boxes.items(), key=lambda one: (one[1].y0, one[1].x0, one[0])):
        places = [position.key for position in positions_of(thing, boxes=boxes)]
        kind = VISIBLE[graph.entity(thing).type][0]
        corners = ", ".join(str(int(corner)) for corner in box.thousandths())
        lines.append("; ".join([kind, *places, f"[{corners}]"]))
    return "\n".join(lines)
