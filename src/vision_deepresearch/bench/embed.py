"""What image embedders cost and bring: our wrapping, approximate indexes, hybrid search.

No weights are at hand, so the model is a random one of the true architecture (CLIP, 224 px, six
layers of 384). It says what wrapping costs and that a bad embedder does no harm; how good a trained
one is it cannot say. Times are of the processor.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from vision_deepresearch.bench.world_queries import LOOSE, TIGHT, drawn_scenes
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Embedder
from vision_deepresearch.media.crop import cut
from vision_deepresearch.worlds.embed import embed_world
from vision_deepresearch.worlds.generated.build import build_world
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.world import GeneratedWorld
from vision_deepresearch.worlds.index.hybrid import HybridIndex, open_looks
from vision_deepresearch.worlds.index.vectors import VectorManifest, Vectors
from vision_deepresearch.worlds.index.vectors_faiss import FaissVectors, VectorMethod
from vision_deepresearch.worlds.index.visual import MATCH_INLIERS, VisualHit, VisualIndex

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
_STEPS = 3
_HITS = 10
_FEW = 3
_NOISE = 0.5
"""Spread within a cluster by that of the centres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    width: int = 384
    """Of the random model; six heads."""
    layers: int = 6
    pictures: int = 64
    """Embedded for the rate."""
    vectors: int = 20_000
    dimension: int = 512
    clusters: int = 500
    queries: int = 200
    entities: int = 400
    reference: int | None = None
    """Pictures that image search knows; None: all of the world's."""
    scenes: int = 16
    """Of five things each; every thing is cropped tight and loose."""


QUICK = Sizes(
    pictures=32, vectors=3000, dimension=64, clusters=60, queries=60, entities=200, scenes=6
)


def bench_embed(
    *, quick: bool = False, sizes: Sizes | None = None, progress: Progress | None = None
) -> dict[str, JsonValue]:
    """Measure embedding, approximate search and hybrid search.

    Args:
        quick: small sizes, below 50 s.
        sizes: in place of both.
        progress: told about each step.

    Returns:
        The object of `vdr bench`. `embed`: ratio of our processor time per picture, decoding
        included, to that of transformers' processor and forward on decoded pictures. `hnsw_recall10`,
        `ivf_recall10`: part of the true ten. `orb_*_r3`, `hybrid_*_r3`: part of the crops whose
        thing is among the first three. `verified_lowered`: queries in which a verified match is
        passed by anything but another verified match, which vectors may bring.

    Raises:
        ConfigError: the extra `local` is not installed.
    """
    sizes = sizes or (QUICK if quick else Sizes())
    told = progress or _silent
    with tempfile.TemporaryDirectory(prefix="vdr-bench-") as work:
        told("steps", 0, _STEPS)
        tower = _random_clip(Path(work) / "clip", sizes=sizes)
        world = _world(Path(work) / "world", sizes=sizes)
        rates = _rates(tower, world, sizes=sizes)
        told("steps", 1, _STEPS)
        indexes = _indexes(sizes)
        told("steps", 2, _STEPS)
        hybrid = _hybrid(world, _opened(tower), sizes=sizes)
        told("steps", _STEPS, _STEPS)
    return {
        "name": "embed",
        "settings": {
            "vectors": sizes.vectors,
            "dimension": sizes.dimension,
            "clusters": sizes.clusters,
            "queries": sizes.queries,
            "model": f"random CLIP, 224 px, {sizes.layers} layers of {sizes.width}",
        },
        "figures": {
            "pictures_per_s": round(rates.ours, 2),
            **indexes,
            **hybrid,
        },
        "baseline": {"bare_pictures_per_s": round(rates.bare, 2)},
        "ratios": {"embed": round(rates.bare / rates.ours, 3)},
    }


def _silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""


def _random_clip(folder: Path, *, sizes: Sizes) -> Path:
    """A CLIP of a small size with random weights, as its publisher would save it.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        import torch
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from transformers import (
            CLIPConfig,
            CLIPImageProcessorPil,
            CLIPModel,
            PreTrainedTokenizerFast,
        )
    except ModuleNotFoundError as reason:
        msg = (
            f"measuring embedders needs the extra `local` ({reason.name} is missing): "
            "pip install 'vision-deepresearch[local]'"
        )
        raise ConfigError(msg) from reason
    layers = {"num_hidden_layers": sizes.layers, "num_attention_heads": 6}
    layers |= {"hidden_size": sizes.width, "intermediate_size": 4 * sizes.width}
    text = {**layers, "vocab_size": 8, "max_position_embeddings": 16, "pad_token_id": 0}
    text |= {"bos_token_id": 1, "eos_token_id": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vision = {**layers, "image_size": 224, "patch_size": 32}
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=256))
        with torch.no_grad():  # fresh weights are near zero, and all pictures would look alike
            for tensor in model.parameters():
                tensor.add_(torch.randn_like(tensor) * 0.03)
    model.save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
    marks = ("<pad>", "<bos>", "<eos>", "<unk>")
    words = Tokenizer(WordLevel({mark: at for at, mark in enumerate(marks)}, unk_token=marks[3]))
    named = dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), marks, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=words, **named).save_pretrained(folder)
    return folder


def _opened(tower: Path) -> Embedder:
    from vision_deepresearch.models.embedders.towers import open_towers

    return open_towers(tower, device="cpu")


def _world(folder: Path, *, sizes: Sizes) -> GeneratedWorld:
    spec = WorldSpec(
        preset="bench",
        seed=3,
        num_entities=sizes.entities,
        num_tasks=1,
        num_pictures=sizes.reference,
    )
    build_world(spec, folder)
    return GeneratedWorld.open(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rates:
    """Pictures a second of the processor."""

    ours: float
    bare: float


def _rates(tower: Path, world: GeneratedWorld, *, sizes: Sizes) -> _Rates:
    """Our embedder against transformers alone, in turns, batches of 16."""
    import torch
    from transformers import AutoModel, CLIPImageProcessorPil

    from vision_deepresearch.media.decode import decode
    from vision_deepresearch.models.embedders.towers import BATCH

    embedder = _opened(tower)
    model = AutoModel.from_pretrained(tower, local_files_only=True).eval()
    processor = CLIPImageProcessorPil.from_pretrained(tower)
    some = [data for _, data in zip(range(sizes.pictures), _pictures(world), strict=False)]
    decoded = [decode(data).image for data in some]
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(3):
        started = time.process_time()
        embedder.encode(some)
        ours.append(time.process_time() - started)
        started = time.process_time()
        with torch.inference_mode():
            for start in range(0, len(decoded), BATCH):
                inputs = processor(images=decoded[start : start + BATCH], return_tensors="pt")
                model.get_image_features(**inputs)
        bare.append(time.process_time() - started)
    return _Rates(ours=len(some) / min(ours), bare=len(some) / min(bare))


def _pictures(world: GeneratedWorld) -> list[bytes]:
    return [data for _, data in world.reference_pictures()]


# -------------------------------------------------------------------------- approximate indexes


def clustered(sizes: Sizes, *, count: int, seed: int) -> Vectors:
    """Vectors around common centres, as pictures of one kind lie near each other."""
    centres = np.random.default_rng(0).normal(size=(sizes.clusters, sizes.dimension))
    rng = np.random.default_rng(seed)
    around = rng.normal(size=(count, sizes.dimension)) * _NOISE
    return (centres[rng.integers(sizes.clusters, size=count)] + around).astype(np.float32)


def _indexes(sizes: Sizes) -> dict[str, JsonValue]:
    """Build and query seconds of each method, and what part of the true ten it finds."""
    vectors = clustered(sizes, count=sizes.vectors, seed=1)
    queries = clustered(sizes, count=sizes.queries, seed=2)
    manifest = VectorManifest(dimension=sizes.dimension, embedder="bench")
    figures: dict[str, JsonValue] = {}
    truth: list[set[int]] = []
    for method in VectorMethod:
        index = FaissVectors.empty(manifest, method=method, expected=len(vectors))
        started = time.process_time()
        index.put(range(len(vectors)), vectors)
        figures[f"{method.value}_build_s"] = round(time.process_time() - started, 2)
        times: list[float] = []
        found: list[set[int]] = []
        for query in queries:
            started = time.process_time()
            hits = index.nearest(query, _HITS)
            times.append(time.process_time() - started)
            found.append({hit.id for hit in hits})
        truth = truth or found  # flat comes first, and is exact
        same = sum(len(one & true) for one, true in zip(found, truth, strict=True))
        figures[f"{method.value}_query_ms"] = round(statistics.median(times) * 1000, 3)
        if method is not VectorMethod.FLAT:
            figures[f"{method.value}_recall10"] = round(same / (_HITS * len(queries)), 4)
            figures[f"{method.value}_parameters"] = str(index.parameters)
    return figures


# -------------------------------------------------------------------------------- hybrid search


def _hybrid(world: GeneratedWorld, embedder: Embedder, *, sizes: Sizes) -> dict[str, JsonValue]:
    """Crops of scenes, found by local features alone and together with random vectors."""
    facts = embed_world(world, embedder).vector_index
    visuals = VisualIndex.open(world.folder / "visual")
    both = open_looks(world.folder, facts=facts, visuals=visuals, embedder=embedder)
    assert isinstance(both, HybridIndex), "it was just made"
    kinds = {"tight": TIGHT, "loose": LOOSE}
    found = {f"{name}_{kind}_r3": 0 for kind in kinds for name in ("orb", "hybrid")}
    num_crops = num_lowered = num_verified = 0
    times: dict[str, list[float]] = {"orb": [], "hybrid": []}
    for scene in drawn_scenes(world.pages, count=sizes.scenes):
        for thing, box in scene.boxes.items():
            num_crops += 1
            for kind, factor in kinds.items():
                crop = cut(scene.data, box.scaled(factor))
                hits: dict[str, list[VisualHit]] = {}
                for name, index in (("orb", visuals), ("hybrid", both)):
                    started = time.process_time()
                    hits[name] = index.search(crop, _HITS)
                    times[name].append(time.process_time() - started)
                    is_found = thing in [hit.image_id for hit in hits[name][:_FEW]]
                    found[f"{name}_{kind}_r3"] += is_found
                verified = [hit for hit in hits["orb"] if hit.inliers >= MATCH_INLIERS]
                num_verified += len(verified)
                num_lowered += _is_lowered(verified, hits["hybrid"])
    return {
        "reference_pictures": len(visuals.ids),
        "crops": num_crops,
        **{key: round(count / num_crops, 3) for key, count in found.items()},
        "verified_hits": num_verified,
        "verified_lowered": num_lowered,
        **{
            f"{name}_query_ms": round(statistics.median(each) * 1000, 1)
            for name, each in times.items()
        },
    }


def _is_lowered(verified: list[VisualHit], hits: list[VisualHit]) -> bool:
    """Whether a match is gone, or stands behind another one than before or behind no match."""
    matches = [hit for hit in hits if hit.inliers >= MATCH_INLIERS]
    kept = [hit for hit in matches if hit in verified]
    return (
        hits[: len(matches)] != matches
        or kept != verified[: len(kept)]
        or (len(kept) < len(verified) and len(matches) < len(hits))
    )
