"""What a world is asked to measure its indexes: words for a known page, crops of a drawn scene.

Known-item queries are of three kinds: the name of a thing (40 %), eight words in a row out of a
page (30 %), a wordy question that names thing and relation (30 %). A query has one page that
counts; where a fragment is furniture of many pages, that page is not found, and is not counted.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.entities import SceneSpec
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.scenes import LAYOUTS, render_scene
from vision_deepresearch.worlds.generated.spec import rng_for
from vision_deepresearch.worlds.generated.world import plain_text
from vision_deepresearch.worlds.index.visual import Pixels

TIGHT, LOOSE = 1.06, 2.5
"""Factors of a thing's box: +3 % and +75 % on each side."""
SCENE_THINGS = 5
_FRAGMENT_WORDS = 8

_WORDY = (
    "Does anybody know what is written about {name} and in particular the {label}?",
    "I read something years ago about the {label} of {name}, where could one look that up?",
    "Which page tells the {label} when it comes to {name}, please?",
    "For a quiz next week I would need the {label} of {name}, any pointers?",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownItem:
    """A query and the page it was made for."""

    kind: str
    """name, fragment or question."""
    query: str
    page: int
    """Number of the page in `PageSet.all_urls`."""


def known_items(pages: PageSet, *, count: int) -> list[KnownItem]:
    """Queries for pages drawn evenly: articles for names and questions, any page for fragments."""
    graph = pages.graph
    things = tuple(graph.entities.values())
    items: list[KnownItem] = []
    for number in range(count):
        rng = rng_for(graph.spec.root, "known-item", number)
        draw = rng.random()
        if draw < 0.3:
            items.append(_fragment(pages, rng))
            continue
        thing = rng.choice(things)
        article = pages.number(pages.article(thing.id))
        assert article is not None, "every thing has an article"
        if draw < 0.7:
            items.append(KnownItem(kind="name", query=thing.name, page=article))
            continue
        facts = graph.facts(thing.id)
        label = graph.relation(thing.id, rng.choice(facts).predicate).label if facts else "story"
        query = rng.choice(_WORDY).format(name=thing.name, label=label)
        items.append(KnownItem(kind="question", query=query, page=article))
    return items


def _fragment(pages: PageSet, rng: random.Random) -> KnownItem:
    records = pages.all_urls()
    while True:
        page = rng.randrange(len(records))
        words = plain_text(pages.document(records[page].url)).split()
        if len(words) >= _FRAGMENT_WORDS:
            start = rng.randrange(len(words) - _FRAGMENT_WORDS + 1)
            query = " ".join(words[start : start + _FRAGMENT_WORDS])
            return KnownItem(kind="fragment", query=query, page=page)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnScene:
    """A scene as grey pixels, and where its things are."""

    data: bytes
    grey: Pixels
    boxes: dict[str, Box]

    def part(self, box: Box) -> Pixels:
        """The pixels of a crop."""
        edge = box.pixels(width=self.grey.shape[1], height=self.grey.shape[0])
        return np.ascontiguousarray(self.grey[edge.top : edge.bottom, edge.left : edge.right])


def drawn_scenes(pages: PageSet, *, count: int) -> Iterator[DrawnScene]:
    """Scenes of five things that image search knows, in all layouts in turn."""
    graph = pages.graph
    known: Sequence[str] = [thing.id for thing in graph.known_by_sight()]
    for number in range(count):
        rng = rng_for(graph.spec.root, "bench-scene", number)
        members = rng.sample(known, k=min(SCENE_THINGS, len(known)))
        layout = LAYOUTS[number % len(LAYOUTS)]
        scene = render_scene(
            graph.spec,
            SceneSpec(id=f"bench-{number}", layout=layout, entity_ids=tuple(members)),
            graph.entities,
        )
        grey = cv2.imdecode(np.frombuffer(scene.data, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert grey is not None, "our own JPEG"
        yield DrawnScene(data=scene.data, grey=np.asarray(grey, np.uint8), boxes=dict(scene.boxes))
