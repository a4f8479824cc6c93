"""Photos on articles: scenes of other things, of which no page says a word.

In a world with `article_photos` the article about a thing shows one more picture, without caption,
alternative text or a telling file name. It holds several things of one type and few others; none of
them stands in a relation to what the article is about, so that no words lead from one to the other:
whoever wants to know what is shown there has to look. A photo is a pure function of world and
thing; image search does not know it, as it knows no scene.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vision_deepresearch.core.geometry import Box
from vision_deepresearch.worlds.generated.entities import Entity, EntityType, SceneSpec
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.relations import RELATIONS
from vision_deepresearch.worlds.generated.scenes import LAYOUTS_FOR, place_scene, render_scene
from vision_deepresearch.worlds.generated.sites import pictures_address
from vision_deepresearch.worlds.generated.spec import WorldSpec, rng_for

_ALIKE = (3, 5)
"""Things of the photo's type, at least and at most."""
_P_OTHER = 0.5
"""Of photos, the share with one thing of another type: whoever is asked for the leftmost thing
shall most often find one of the type."""
_NUM_SAMPLED = 24
"""Things looked at in search of some that may be shown."""
_PREFIX = "photo-"
_KEPT = 1024
"""Arrangements kept: the photos of rivals are looked at again and again."""
_SHOWN = {
    EntityType.PERSON: EntityType.ARTWORK,
    EntityType.SETTLEMENT: EntityType.VESSEL,
    EntityType.ORGANISATION: EntityType.BUILDING,
    EntityType.BUILDING: EntityType.ORGANISATION,
    EntityType.ARTWORK: EntityType.BOOK,
    EntityType.VESSEL: EntityType.PRODUCT,
    EntityType.EVENT: EntityType.SETTLEMENT,
    EntityType.RIVER: EntityType.VEHICLE,
    EntityType.PRODUCT: EntityType.SPECIES,
    EntityType.SPECIES: EntityType.ORGANISATION,
    EntityType.BOOK: EntityType.VEHICLE,
    EntityType.VEHICLE: EntityType.ARTWORK,
    EntityType.AWARD: EntityType.BUILDING,
}
"""What photos show, by what the article is about: always the same type, so that the photo of any
rival could be meant too where words do not tell which article to open; never its own, which the
article may compare it with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePhoto:
    """The photo of one article; nothing is drawn yet."""

    owner: str
    """Id of the thing that the article is about."""
    url: str
    """Tells neither what is shown nor whose article it stands on."""
    type: EntityType
    """Of most things shown: the same in all photos of articles about things of one type."""
    scene: SceneSpec
    """What is shown, all of it."""


def photo_of(graph: Graph, owner: str) -> ArticlePhoto | None:
    """The photo of the article about a thing; None: the world has none, or too few things for it.

    Cost: some 0.1 ms.
    """
    spec = graph.spec
    if not spec.article_photos:
        return None
    rng = rng_for(spec.root, "article photo", owner)
    shown = _SHOWN[graph.entity(owner).type]
    near = _neighbours(graph, owner)
    alike = [
        one.id for one in _some(graph.sighted_of_type(shown), rng) if _may_show(graph, one, near)
    ]
    if len(alike) < _ALIKE[0]:
        return None
    members = alike[: rng.randint(*_ALIKE)]
    layouts = LAYOUTS_FOR[shown]
    if rng.random() < _P_OTHER:
        besides = (
            one for one in _some(graph.pictured_besides(shown), rng) if _may_show(graph, one, near)
        )
        members += [one.id for one in besides if set(layouts) & set(LAYOUTS_FOR[one.type])][:1]
    layouts = tuple(
        layout
        for layout in layouts
        if all(layout in LAYOUTS_FOR[graph.entity(one).type] for one in members)
    )
    rng.shuffle(members)
    scene = SceneSpec(id=f"article-{owner}", layout=rng.choice(layouts), entity_ids=tuple(members))
    return ArticlePhoto(owner=owner, url=_url(spec, owner), type=shown, scene=scene)


def owner_of(graph: Graph, url: str) -> str | None:
    """The thing whose article shows the photo at an address; None: there is no such photo.

    Cost: in the first call some 2 us for each thing of the world.
    """
    base = pictures_address(graph.spec.split)
    if not graph.spec.article_photos or not url.startswith(f"{base}{_PREFIX}"):
        return None
    return _owners(graph).get(url)


def draw_photo(graph: Graph, photo: ArticlePhoto) -> bytes:
    """The photo, JPEG. Cost: about 100 ms of CPU."""
    return render_scene(graph.spec, photo.scene, graph.entities).data


@lru_cache(maxsize=_KEPT)
def place_photo(graph: Graph, photo: ArticlePhoto) -> Mapping[str, Box]:
    """Where each thing of a photo stands, by its id; no pixels are made. Cost: some milliseconds."""
    return place_scene(graph.spec, photo.scene, graph.entities)


def _neighbours(graph: Graph, owner: str) -> frozenset[str]:
    """What the thing is told of with, in either direction; itself too."""
    towards = {
        subject
        for relation in RELATIONS.values()
        for subject in graph.subjects(owner, relation.name)
    }
    named = {fact.object for fact in graph.facts(owner) if fact.object is not None}
    return frozenset({owner, *towards, *named})


def _some(things: Sequence[Entity], rng: random.Random) -> list[Entity]:
    return rng.sample(things, k=min(len(things), _NUM_SAMPLED))


def _may_show(graph: Graph, thing: Entity, near: frozenset[str]) -> bool:
    is_clear = not graph.is_homonym(thing.id) and not graph.lookalikes(thing.id)
    return is_clear and thing.id not in near


def _url(spec: WorldSpec, owner: str) -> str:
    digest = hashlib.blake2b(f"{spec.root}/{owner}".encode(), digest_size=6).hexdigest()
    return f"{pictures_address(spec.split)}{_PREFIX}{digest}.jpg"


@lru_cache(maxsize=4)
def _owners(graph: Graph) -> Mapping[str, str]:
    """By address: whose article shows it."""
    photos = ((owner, photo_of(graph, owner)) for owner in graph.entities)
    return {photo.url: owner for owner, photo in photos if photo is not None}
