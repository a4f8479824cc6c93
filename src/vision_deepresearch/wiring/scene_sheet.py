"""Sample scenes of a generated world in a folder, with a page that shows them and their boxes."""

import html
from pathlib import Path

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.worlds import open_world
from vision_deepresearch.worlds.generated.entities import Entity, SceneSpec
from vision_deepresearch.worlds.generated.scenes import LAYOUTS, LAYOUTS_FOR, Scene, render_scene
from vision_deepresearch.worlds.generated.spec import rng_for

_THINGS_AT_HOME = 4
_STRANGERS = 2
_STYLE = """
body { margin: 24px; font: 15px/1.4 system-ui, sans-serif; background: #f4f1ea; color: #2b2622 }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(480px, 1fr)); gap: 18px }
figure { margin: 0 } figure div { position: relative } img { width: 100%; display: block }
figure i { position: absolute; border: 2px solid #e4572e; display: none }
figure i b { background: #e4572e; color: #fff; font: 12px system-ui; padding: 0 4px }
#boxes:checked ~ main i { display: block }
"""


def write_scene_sheet(world: Path, out: Path, *, limit: int) -> int:
    """Draw scenes in all layouts in turn; returns how many.

    Args:
        world: folder of a generated world.
        out: gets NN-layout.jpg files and index.html; boxes are shown at the tick of a box.
        limit: how many scenes.

    Raises:
        ConfigError: no generated world, or one that knows too few things by sight.
    """
    generated = open_world(world).generated
    if generated is None:
        msg = f"expected a generated world in {world}, found one of another kind: it has no scenes"
        raise ConfigError(msg)
    graph = generated.pages.graph
    known = graph.known_by_sight()
    if len(known) < _THINGS_AT_HOME + _STRANGERS:
        msg = (
            f"expected a world with at least six pictured things, got {len(known)}: build a larger"
        )
        raise ConfigError(msg)
    out.mkdir(parents=True, exist_ok=True)
    figures: list[str] = []
    for number in range(limit):
        layout = LAYOUTS[number % len(LAYOUTS)]
        rng = rng_for(graph.spec.root, "sheet", number)
        native = [thing for thing in known if layout in LAYOUTS_FOR[thing.type]]
        chosen = rng.sample(native, k=min(_THINGS_AT_HOME, len(native)))
        others = [thing for thing in known if thing not in chosen]
        chosen += rng.sample(others, k=_THINGS_AT_HOME + _STRANGERS - len(chosen))
        ids = tuple(thing.id for thing in chosen)
        spec = SceneSpec(id=f"sheet-{number}", layout=layout, entity_ids=ids)
        scene = render_scene(graph.spec, spec, graph.entities)
        name = f"{number:02d}-{layout}.jpg"
        (out / name).write_bytes(scene.data)
        figures.append(_figure(name, layout, scene, chosen))
    page = (
        f"<!doctype html><meta charset=utf-8><title>Scenes</title><style>{_STYLE}</style>"
        f"<h1>{limit} scenes</h1><input type=checkbox id=boxes><label for=boxes> boxes</label>"
        f"<main>{''.join(figures)}</main>"
    )
    (out / "index.html").write_text(page, encoding="utf-8")
    return limit


def _figure(name: str, layout: str, scene: Scene, things: list[Entity]) -> str:
    marks: list[str] = []
    for thing in things:
        box, seen = scene.boxes[thing.id], scene.visibility[thing.id]
        place = f"left:{box.x0:.2%};top:{box.y0:.2%};width:{box.width:.2%};height:{box.height:.2%}"
        label = html.escape(f"{thing.name} ({thing.kind or thing.type.value}, {seen:.0%})")
        marks.append(f'<i style="{place}"><b>{label}</b></i>')
    return (
        f'<figure><div><img src="{name}" alt="">{"".join(marks)}</div>'
        f"<figcaption>{html.escape(layout)}</figcaption></figure>"
    )
