"""Whole runs of VQA synthesis on a tiny world, and worlds and collectors with one bad thing in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.synth.roles.vqa import Collector, VqaRoles
from vision_deepresearch.synth.roles.vqa_truth import truth_roles
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import VqaSettings
from vision_deepresearch.synth.vqa.stages import vqa_stages
from vision_deepresearch.synth.vqa_records import Source
from vision_deepresearch.worlds.generated.world import GeneratedWorld


async def made_of(
    source: GeneratedWorld,
    out: Path,
    *,
    num_pictures: int,
    world: World | None = None,
    roles: VqaRoles | None = None,
    settings: VqaSettings | None = None,
    concurrency: int = 4,
) -> Made:
    """A run of all stages; its questions are stored as the command stores them."""
    means = Means(
        world=world or source,
        media=FolderMediaStore(out / "media"),
        roles=roles or truth_roles(source.pages),
        concurrency=concurrency,
    )
    stages = vqa_stages(means, settings or VqaSettings(), seed=0)
    each = [stage for stage in stages if isinstance(stage, EachStage)]
    assert means.roles.collector is not None
    sources = means.roles.collector.sources(num_pictures)
    async with RunFolder.open(out, config='kind = "vqa"\n', provenance={}) as run:
        return await run_pipeline(stages, sources, run=run, executor=LocalExecutor(each))


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPicture:
    """Gives bytes that are no picture for one of the pictures."""

    inner: Collector
    ref: str

    @property
    def name(self) -> str:
        return self.inner.name

    def sources(self, limit: int) -> tuple[Source, ...]:
        return self.inner.sources(limit)

    async def load(self, source: Source, *, context: CallContext) -> bytes:
        if source.ref == self.ref:
            return b"\xff\xd8\xff\xe0 this crashes decoders"
        return await self.inner.load(source, context=context)


def with_broken_picture(roles: VqaRoles, ref: str) -> VqaRoles:
    assert roles.collector is not None
    return replace(roles, collector=BrokenPicture(inner=roles.collector, ref=ref))


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPages:
    """A world in which some pages cannot be read: they break the parser, or are torn."""

    inner: World
    breaks_parser: Sequence[str] = ()
    torn: Sequence[str] = ()

    def manifest(self) -> WorldManifest:
        return self.inner.manifest()

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        return await self.inner.search_image(picture, limit=limit, origin=origin)

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        return await self.inner.search_text(query, limit=limit)

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        if url in self.breaks_parser:
            msg = "unbalanced tree"
            raise ValueError(msg)
        if url in self.torn:
            raise WorldError(FailureKind.UPSTREAM, "a torn body")
        return await self.inner.read(url, cursor=cursor)

    async def asset(self, url: str) -> Asset:
        return await self.inner.asset(url)
