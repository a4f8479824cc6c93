"""An option: new questions around those that the current policy solves sometimes, not always.

Read off a run folder of graded attempts (`vdr eval run --attempts`): a task is half solved where some
of its graded attempts are right and some wrong. Things are asked about that stand on the route of such
a task, or whose page links to something that does; what was asked in that run is not asked again.

Source: on-policy data evolution (ODE, 2026), with the band of pass@k strictly between 0 and 1 that
arXiv 2601.22060 keeps for RL. What "around" means: ours.
"""

from collections.abc import Sequence
from pathlib import Path

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.episode import Episode
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.stage import EachStage, Expected, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import EvolutionSettings
from vision_deepresearch.synth.vqa_records import Draft, Verified


class HalfSolved(Record):
    """What a policy can do now and then."""

    names: tuple[str, ...]
    """Of things on the routes of half-solved tasks, normalised."""
    pages: tuple[str, ...]
    """Urls of the things that such tasks began with, where they say so."""
    questions: tuple[str, ...]
    """All that were asked, folded."""


def read_half_solved(settings: EvolutionSettings) -> HalfSolved:
    """Read a run folder.

    Raises:
        ConfigError: no run folder, or no task in it is half solved.
    """
    with RunFolder.read(Path(settings.run)) as run:
        episodes = list(run.episodes())
    by_task: dict[str, list[Episode]] = {}
    for episode in episodes:
        by_task.setdefault(episode.task.id, []).append(episode)
    half = [found[0].task for found in by_task.values() if _is_half_solved(found, settings)]
    if not half:
        msg = (
            f"expected tasks in {settings.run!r} that some of {settings.min_attempts} or more graded "
            f"attempts solve and some do not, got none among {len(by_task)}: make more attempts "
            "(`vdr eval run --attempts 4`), or widen evolution.min_frac and max_frac"
        )
        raise ConfigError(msg)
    return HalfSolved(
        names=tuple(sorted({normalise_answer(name) for task in half for name in _names(task)})),
        pages=tuple(
            sorted({str(page) for task in half if (page := task.provenance.get("subject"))})
        ),
        questions=tuple(sorted({_folded(episode.task.question) for episode in episodes})),
    )


def _is_half_solved(episodes: Sequence[Episode], settings: EvolutionSettings) -> bool:
    rewards = [one.reward for one in episodes if one.reward is not None]
    if len(rewards) < settings.min_attempts:
        return False
    return settings.min_frac < sum(rewards) / len(rewards) < settings.max_frac


def _names(task: Task) -> Sequence[str]:
    return (task.gold.entities or ()) if task.gold is not None else ()


def keep_around(means: Means, half: HalfSolved) -> EachStage:
    """Things on the route of a half-solved task, or one link away; all others are rejected."""
    names, pages = frozenset(half.names), frozenset(half.pages)

    async def apply(subject: Verified, _: CallContext) -> Kept[Verified] | Rejected:
        known = {normalise_answer(name) for name in (subject.name, *subject.aliases)}
        if known & names or subject.page in pages:
            return Kept((subject,))
        page = await means.read(subject.page)
        for link in page.links if page is not None else ():
            if link.url in pages or normalise_answer(link.text) in names:
                return Kept((subject,))
        return Rejected(reason="not_half_solved", detail=subject.name)

    return each_stage(
        apply,
        name="keep_around",
        takes=Verified,
        gives=Verified,
        config=means.identity(half),
        concurrency=means.concurrency,
        expected=Expected(kept=0.2, calls={SpendKind.PAGE_READ: 1}),
    )


def drop_asked(half: HalfSolved) -> EachStage:
    """Questions that the run has asked already are rejected."""
    asked = frozenset(half.questions)

    async def apply(draft: Draft, _: CallContext) -> Kept[Draft] | Rejected:
        if _folded(draft.question) in asked:
            return Rejected(reason="already_asked", detail=draft.question)
        return Kept((draft,))

    return each_stage(apply, name="drop_asked", takes=Draft, gives=Draft, config=half)


def _folded(question: str) -> str:
    return " ".join(question.casefold().split())
