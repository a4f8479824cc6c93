"""The roles of VQA synthesis played by a generated world's truth: free, offline, right.

What it knows stays in here: stages see pictures, boxes, names and questions, as from a model. It
errs on purpose where models do: some things are overlooked, some boxes frame nothing.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.synth.roles.vqa import (
    Choice,
    Exam,
    Objection,
    Recognition,
    SeedQuestion,
    Selection,
    Spot,
    VqaRoles,
)
from vision_deepresearch.synth.roles.vqa_truth_scenes import TruthScenes
from vision_deepresearch.synth.roles.vqa_truth_text import TruthTextObfuscator, TruthTopics
from vision_deepresearch.synth.roles.vqa_truth_walks import TruthObfuscator
from vision_deepresearch.synth.vqa_records import (
    Candidate,
    CutRegion,
    Draft,
    Finding,
    Hit,
    Move,
    Photo,
    Source,
    Verified,
    View,
)
from vision_deepresearch.worlds.generated import phrases
from vision_deepresearch.worlds.generated.checks import blind_guess
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.routes import Routes
from vision_deepresearch.worlds.generated.spec import rng_for

NAME = "truth@1"
"""Its version is raised when it would do something else."""
_WALKS = "truth@3"
_LICENCE = "CC0-1.0"
_FEWEST_THINGS = 3
"""In a picture worth asking about."""
_P_MISS, _P_WRONG = 0.08, 0.10
"""Of things, the share that the spotter overlooks; of boxes, the share that frames nothing."""
_TRUSTED_RANK = 3
"""Hits that a verifier compares with a crop, from the first."""
_WEAK_LABEL = "visually similar"
_MOST_WORDS = 75
"""Of a question that people would ask."""


def truth_roles(pages: PageSet) -> VqaRoles:
    """All roles, played by what a generated world is made of."""
    routes = Routes(graph=pages.graph, pages=pages)
    scenes = TruthScenes(routes)
    return VqaRoles(
        collector=TruthCollector(scenes),
        selector=TruthSelector(scenes),
        spotter=TruthSpotter(scenes),
        verifier=TruthVerifier(scenes),
        questioner=TruthQuestioner(scenes),
        obfuscator=TruthObfuscator(scenes, name=_WALKS),
        chooser=TruthChooser(routes),
        validator=TruthValidator(routes),
    )


def truth_text_roles(pages: PageSet) -> VqaRoles:
    """All roles for questions without a picture."""
    routes = Routes(graph=pages.graph, pages=pages)
    return replace(
        truth_roles(pages), obfuscator=TruthTextObfuscator(routes), topics=TruthTopics(routes)
    )


class _Named:
    """Says who plays."""

    @property
    def name(self) -> str:
        """For records."""
        return NAME


class TruthCollector(_Named):
    """Scenes of the world that nobody has asked about."""

    def __init__(self, scenes: TruthScenes) -> None:
        self._scenes = scenes

    def sources(self, limit: int) -> tuple[Source, ...]:
        """See `Collector`."""
        refs = (self._scenes.ref(number) for number in range(limit))
        return tuple(Source(id=ref, ref=ref, licence=_LICENCE) for ref in refs)

    async def load(self, source: Source, *, context: CallContext) -> bytes:
        """See `Collector`."""
        del context
        return self._scenes.draw(source.ref)


class TruthSelector(_Named):
    """Counts what stands in the picture."""

    def __init__(self, scenes: TruthScenes) -> None:
        self._scenes = scenes

    async def select(self, photo: Photo, picture: Picture, *, context: CallContext) -> Selection:
        """See `Selector`."""
        del picture, context
        boxes = self._scenes.boxes(photo.ref)
        criteria = {
            "several_things": len(boxes) >= _FEWEST_THINGS,
            "no_single_subject": max(box.area for box in boxes.values()) < 0.6,
        }
        return Selection(is_kept=all(criteria.values()), criteria=criteria)


class TruthSpotter(_Named):
    """Frames what stands in the picture, not all of it, and now and then nothing."""

    def __init__(self, scenes: TruthScenes) -> None:
        self._scenes = scenes

    async def spot(
        self, photo: Photo, picture: Picture, *, limit: int, context: CallContext
    ) -> tuple[Spot, ...]:
        """See `Spotter`."""
        del picture, context
        rng = rng_for(self._scenes.root, "spot", photo.ref)
        found: list[Spot] = []
        for thing, box in self._scenes.boxes(photo.ref).items():
            if rng.random() < _P_MISS:
                continue
            found.append(Spot(box=box, says=phrases.VISIBLE[self._scenes.type_of(thing)][0]))
        num_wrong = sum(rng.random() < _P_WRONG for _ in found)
        found += [Spot(box=_anywhere(rng), says="something") for _ in range(num_wrong)]
        return tuple(found[:limit])


def _anywhere(rng: random.Random) -> Box:
    width, height = rng.uniform(0.08, 0.25), rng.uniform(0.08, 0.25)
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return Box.clipped(left, top, left + width, top + height)


class TruthVerifier(_Named):
    """Compares what is in a box with what the hits show."""

    def __init__(self, scenes: TruthScenes) -> None:
        self._scenes = scenes

    async def recognise(
        self, region: CutRegion, views: Sequence[View], picture: Picture, *, context: CallContext
    ) -> Recognition:
        """See `Verifier`."""
        del picture, context
        thing = self._scenes.thing_at(region.photo.ref, region.box)
        if thing is None:
            return Recognition(names=(None,) * len(views), urls=((),) * len(views))
        shown = self._scenes.pages_showing(thing)
        urls = tuple(tuple(_agreeing(view.hits, shown)) for view in views)
        names = self._scenes.names(thing)
        return Recognition(
            names=tuple(names[0] if found else None for found in urls),
            urls=urls,
            aliases=names[1:],
        )


def _agreeing(hits: Sequence[Hit], shown: frozenset[str]) -> list[str]:
    return [
        hit.url for hit in hits[:_TRUSTED_RANK] if hit.url in shown and hit.label != _WEAK_LABEL
    ]


class TruthQuestioner(_Named):
    """Asks by the place in the picture, where one tells the thing from all others."""

    def __init__(self, scenes: TruthScenes) -> None:
        self._scenes = scenes

    async def ask(
        self, subject: Verified, picture: Picture, *, context: CallContext
    ) -> SeedQuestion | None:
        """See `Questioner`."""
        del picture, context
        ref = subject.region.photo.ref
        thing = self._scenes.thing_at(ref, subject.region.box)
        if thing is None or not self._scenes.routes.is_clear(thing):
            return None
        now = self._scenes.situation(ref, thing)
        if not now.tells(thing):
            return None
        rng = rng_for(self._scenes.root, "seed-question", subject.id)
        where = rng.choice(rng.choice(now.positions(thing)).phrases)
        anchor = rng.choice(phrases.ANCHORS[self._scenes.type_of(thing)]).format(where=where)
        return SeedQuestion(question=f"What is the name of {anchor}?", where=where)


class TruthChooser(_Named):
    """Takes one that people would ask: none that goes on for ever, else by chance."""

    def __init__(self, routes: Routes) -> None:
        self._root = routes.graph.spec.root

    async def choose(
        self, draft: Draft, candidates: Sequence[Candidate], *, move: Move, context: CallContext
    ) -> Choice:
        """See `Chooser`."""
        del context
        short = [
            index
            for index, one in enumerate(candidates)
            if len(one.question.split()) <= _MOST_WORDS
        ]
        if not short:
            return Choice(index=None, reason="all too long")
        rng = rng_for(self._root, "choose", (draft.id, len(draft.rounds), move.value))
        return Choice(index=rng.choice(short), reason=f"{len(short)} of fair length")


class TruthValidator(_Named):
    """Simple readers: one without eyes, one who sees the whole picture; both read well."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def answer(self, exam: Exam, *, context: CallContext) -> str | None:
        """See `Validator`. Nothing of a made world is known by heart."""
        del context
        draft, urls = exam.draft, [finding.url for finding in exam.findings]
        if not urls or not isinstance(draft, Draft):
            return None
        if exam.picture is None:
            known = [url for url in urls if self._routes.pages.number(url) is not None]
            return blind_guess(self._routes, draft.hops[-1], urls=known)
        looks = [hop for hop in draft.hops if hop.kind is HopKind.LOOK and hop.photo is None]
        sees_all = all(set(hop.pages) & set(urls) for hop in looks)
        return draft.gold.answers[0] if sees_all else None

    async def objections(
        self, draft: Draft, findings: Sequence[Finding], *, context: CallContext
    ) -> tuple[Objection, ...]:
        """See `Validator`: conditions that leave one answer open when they are dropped."""
        del findings, context
        return tuple(
            Objection(reason="shortcut", detail=f"{one.text!r} is not needed")
            for one in draft.constraints
            if one.candidates_without < 2
        )
