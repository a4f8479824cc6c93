"""How much of a generated world is one pattern again and again: its questions and its sentences.

Questions are drafted without drawing a picture; sentences are read from the pages as they are
served. Shares of the most frequent, and whether they stay below what was promised.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from vision_deepresearch.bench.skeletons import sentences_of, skeletons
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.wiring.worlds import MIN_PAGES, PAGES_PER_ENTITY, ProgressBar
from vision_deepresearch.worlds.generated.drafts import TaskDraft
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.pages import PageSet
from vision_deepresearch.worlds.generated.scenes import place_scene
from vision_deepresearch.worlds.generated.spec import WorldSpec
from vision_deepresearch.worlds.generated.tasks import make_tasks
from vision_deepresearch.worlds.pages import read_whole

NUM_TASKS, NUM_PAGES = 1_000, 2_000
QUICK_TASKS, QUICK_PAGES = 200, 400
TOP = 20
MAX_QUESTION_FRAC, MAX_SENTENCE_FRAC = 0.05, 0.02


def bench_variety(
    *,
    num_tasks: int | None = None,
    num_pages: int | None = None,
    seed: int = 0,
    quick: bool = False,
    progress: ProgressBar | None = None,
) -> dict[str, JsonValue]:
    """Draft questions, read pages, and count what they have in common.

    Args:
        num_tasks: drafted; default 1,000, quick 200.
        num_pages: about how many pages the world has; default 2,000, quick 400.
        seed: of the world.
        quick: small sizes.
        progress: called on the way.

    Returns:
        The object of `vdr bench variety --json`.

    Raises:
        ConfigError: too few pages, or no such number of tasks in so small a world.
    """
    tasks = num_tasks or (QUICK_TASKS if quick else NUM_TASKS)
    pages = num_pages or (QUICK_PAGES if quick else NUM_PAGES)
    if pages < MIN_PAGES:
        msg = f"a generated world needs at least {MIN_PAGES} pages, got {pages}"
        raise ConfigError(msg)
    spec = WorldSpec(
        preset="variety",
        seed=seed,
        num_entities=round(pages / PAGES_PER_ENTITY),
        num_tasks=tasks,
    )
    web = PageSet.of(Graph.of(spec))
    drafts = _drafted(spec, web, count=tasks, progress=progress)
    tables = {name: Counter(values) for name, values in _of_questions(drafts).items()}
    sentences = list(_read(web, progress=progress))
    examples: dict[str, str] = {}
    shapes: Counter[str] = Counter()
    for sentence, skeleton in skeletons(sentences):
        shapes[skeleton] += 1
        examples.setdefault(skeleton, sentence)
    figures: dict[str, JsonValue] = {name: _table(counts) for name, counts in tables.items()}
    figures["sentence"] = _table(shapes, examples=examples)
    figures["holds"] = {
        "no path + frame > 5 % of tasks": _most(tables["path_and_frame"]) <= MAX_QUESTION_FRAC,
        "no path + question skeleton > 5 % of tasks": (
            _most(tables["path_and_question"]) <= MAX_QUESTION_FRAC
        ),
        "no sentence skeleton > 2 % of sentences": _most(shapes) <= MAX_SENTENCE_FRAC,
    }
    return {
        "name": "variety",
        "settings": {
            "tasks": len(drafts),
            "pages": len(web.all_urls()),
            "seed": seed,
            "world_id": spec.world_id(),
            "quick": quick,
            "lines_read": len(sentences),
            "sentences": shapes.total(),
            "skeletons": len(shapes),
            "frames_from": "strata" if _names_frames(drafts) else "blanked questions",
        },
        "figures": figures,
        "baseline": {
            "question_frac": MAX_QUESTION_FRAC,
            "sentence_frac": MAX_SENTENCE_FRAC,
        },
        "ratios": {
            "path_and_frame": round(_most(tables["path_and_frame"]) / MAX_QUESTION_FRAC, 3),
            "sentence": round(_most(shapes) / MAX_SENTENCE_FRAC, 3),
        },
    }


# --------------------------------------------------------------------------------------- questions


def _drafted(
    spec: WorldSpec, web: PageSet, *, count: int, progress: ProgressBar | None
) -> list[TaskDraft]:
    entities = web.graph.entities
    made = make_tasks(
        spec, web.graph, web, limit=count, place=lambda scene: place_scene(spec, scene, entities)
    )
    drafts: list[TaskDraft] = []
    try:
        for draft in made:
            drafts.append(draft)
            if progress is not None:
                progress("questions", len(drafts), count)
    except ValueError as reason:
        raise ConfigError(str(reason)) from reason
    return drafts


def _names_frames(drafts: Sequence[TaskDraft]) -> bool:
    return all("frame" in draft.strata for draft in drafts)


def _of_questions(drafts: Sequence[TaskDraft]) -> dict[str, list[str]]:
    """What is counted, a value per task; relations a value per step."""
    shapes = _question_skeletons(drafts)
    frames = [draft.strata["frame"] for draft in drafts] if _names_frames(drafts) else shapes
    paths = [path_of(draft) for draft in drafts]
    return {
        "path_and_frame": [f"{path} | {frame}" for path, frame in zip(paths, frames, strict=True)],
        "path_and_question": [
            f"{path} | {shape}" for path, shape in zip(paths, shapes, strict=True)
        ],
        "path": paths,
        "frame": frames,
        "question": shapes,
        "relation": [step for draft in drafts for step in _steps(draft.hops)],
        "anchor": [draft.strata.get("anchor", "?") for draft in drafts],
        "answer": [draft.strata.get("answer", draft.gold.type.value) for draft in drafts],
        "shape": [draft.strata.get("shape", "?") for draft in drafts],
        "hops": [draft.strata.get("hops", "?") for draft in drafts],
    }


def _question_skeletons(drafts: Sequence[TaskDraft]) -> list[str]:
    """Each question blanked like a sentence, and its conditions too: what its frame leaves."""
    questions: list[str] = []
    for draft in drafts:
        text = draft.question
        for constraint in draft.constraints:
            at = text.casefold().find(constraint.text.casefold())
            if at >= 0:
                text = f"{text[:at]} _ {text[at + len(constraint.text) :]}"
        questions.append(text)
    return [skeleton for _, skeleton in skeletons(questions, min_words=0)]


def path_of(draft: TaskDraft) -> str:
    """The relations of a draft from what is seen to the answer: as told, or read from the hops."""
    told = draft.strata.get("path")
    if told is not None:
        return told
    kind = draft.strata.get("anchor", "?")
    compared = [f"{hop.rule}({', '.join(hop.over)})" for hop in draft.hops if hop.rule]
    return f"{kind}:{'>'.join(_steps(draft.hops))}" + (" by comparison" if compared else "")


def _steps(hops: Sequence[Hop]) -> list[str]:
    return [
        f"{'^' if hop.inverse else ''}{hop.predicate}" for hop in hops if hop.kind is HopKind.FOLLOW
    ]


# --------------------------------------------------------------------------------------- sentences


def _read(web: PageSet, *, progress: ProgressBar | None) -> Iterator[str]:
    records = web.all_urls()
    for number, record in enumerate(records, start=1):
        page = read_whole(web.render_html(record.url), url=record.url)
        yield from sentences_of(page, url=record.url)
        if progress is not None and (number % 50 == 0 or number == len(records)):
            progress("pages", number, len(records))


# ------------------------------------------------------------------------------------------ tables


def _most(counts: Counter[str]) -> float:
    return max(counts.values(), default=0) / max(counts.total(), 1)


def _table(counts: Counter[str], *, examples: dict[str, str] | None = None) -> JsonValue:
    """The most frequent ones; equal ones in the order of their names."""
    total = max(counts.total(), 1)
    first = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:TOP]
    rows: list[JsonValue] = []
    for value, times in first:
        row: dict[str, JsonValue] = {"value": value, "n": times, "frac": round(times / total, 4)}
        if examples is not None:
            row["example"] = examples[value]
        rows.append(row)
    return {"different": len(counts), "max_frac": round(_most(counts), 4), "top": rows}
