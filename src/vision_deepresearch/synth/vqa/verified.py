"""The verified path: questions that somebody made about pictures, through the filters of the others.

    Row -> read_rows -> Claim -> filter_images -> drop_doubles -> search_whole -> known_by_heart
        -> select -> finish

The answer is believed, so nothing is proved here; what is filtered is what a question is good for.
Source: arXiv 2601.22060, 2.2: at least 224 x 224, complex pictures, none answered without evidence,
none that a search of the whole picture finds. Doubles and benchmarks out: ours.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task, fingerprint
from vision_deepresearch.media.look import difference, look_of
from vision_deepresearch.synth.roles.vqa import Exam
from vision_deepresearch.synth.stage import (
    EachStage,
    Expected,
    Kept,
    Rejected,
    Stage,
    WholeStage,
    each_stage,
    whole_stage,
)
from vision_deepresearch.synth.vqa.ask import is_right
from vision_deepresearch.synth.vqa.decontaminate import Benchmarks
from vision_deepresearch.synth.vqa.filter_images import filter_images, search_whole
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import (
    AskSettings,
    PictureSettings,
    SelectSettings,
    VqaSettings,
)
from vision_deepresearch.synth.vqa_records import Claim, Finished, Row

ProofOf = Callable[[str, str], Proof | None]
"""(question, sha256 of the picture) -> what a generated world knows about it; wiring hands it in."""


def verified_stages(
    means: Means, settings: VqaSettings, *, copies: Path, proof_of: ProofOf | None = None
) -> tuple[Stage, ...]:
    """From `Row` to `Finished`.

    Args:
        means: of the run.
        settings: those of pictures, questions and selection are heeded.
        copies: folder of the rows' pictures, named by the sha256 of their bytes.
        proof_of: for sets made of a generated world's own questions; None: nothing is proved.

    Raises:
        ConfigError: a benchmark file that cannot be read.
    """
    chosen = settings.selection
    benchmarks = Benchmarks.read(chosen.benchmarks, num_words=chosen.ngram_words)
    return (
        read_rows(means, copies),
        filter_images(means, settings.pictures, of=Claim),
        drop_doubles(settings.pictures),
        search_whole(means, settings.pictures, of=Claim),
        known_by_heart(means, settings.ask),
        select(chosen, benchmarks, same_bits=settings.pictures.same_bits),
        finish(means, proof_of),
    )


def read_rows(means: Means, copies: Path) -> EachStage:
    """Rows become questions; a row with a fault is rejected under its name, as `bad_image` too."""

    async def apply(row: Row, _: CallContext) -> Kept[Claim] | Rejected:
        if row.fault or row.gold is None:
            return Rejected(reason=row.fault or "no_gold", detail=row.detail)
        try:
            data = await asyncio.to_thread((copies / row.picture).read_bytes)
        except FileNotFoundError as reason:
            msg = f"the copy of its picture is gone from {copies.name}: run the command again"
            raise BadImageError(msg) from reason
        image = await asyncio.to_thread(means.media.put, data)
        claim = Claim(
            id=row.id,
            image=image,
            ref=row.id,
            licence=row.told.get("licence", ""),
            look=await asyncio.to_thread(look_of, means.media.load(image)),
            dataset=row.dataset,
            key=row.key,
            question=row.question,
            gold=row.gold,
            told=row.told,
        )
        return Kept((claim,))

    return each_stage(
        apply,
        name="read_rows",
        takes=Row,
        gives=Claim,
        concurrency=means.concurrency,
        expected=Expected(kept=0.97),
    )


def drop_doubles(settings: PictureSettings) -> WholeStage:
    """The same question once; of pictures that merely look alike the first one's questions only.

    Several questions about one picture, pixel for pixel, are no doubles: see `select`.
    """

    def apply(claims: Sequence[Claim]) -> list[Kept[Claim] | Rejected]:
        pictures: dict[str, Claim] = {}
        asked: dict[tuple[str, str], Claim] = {}
        decided: list[Kept[Claim] | Rejected] = []
        for claim in claims:
            words = " ".join(claim.question.casefold().split())
            key = (claim.image.sha256, words)
            twin = asked.get(key)
            if twin is not None:
                same = _answer(twin) == _answer(claim)
                reason = "double" if same else "contradiction"
                decided.append(Rejected(reason=reason, detail=f"of {twin.id}"))
                continue
            alike = pictures.get(claim.image.sha256) or next(
                (
                    one
                    for one in pictures.values()
                    if difference(one.look, claim.look) <= settings.same_bits
                ),
                None,
            )
            if alike is not None and alike.image.sha256 != claim.image.sha256:
                decided.append(Rejected(reason="near_duplicate", detail=f"of {alike.id}"))
                continue
            pictures.setdefault(claim.image.sha256, claim)
            asked[key] = claim
            decided.append(Kept((claim,)))
        return decided

    return whole_stage(apply, name="drop_doubles", takes=Claim, gives=Claim, config=settings)


def _answer(claim: Claim) -> str:
    return normalise_answer(claim.gold.answers[0])


def known_by_heart(means: Means, settings: AskSettings) -> EachStage:
    """None of k answers from picture and memory alone may be right."""
    validator = means.roles.validator

    async def apply(claim: Claim, context: CallContext) -> Kept[Claim] | Rejected:
        picture = means.picture(claim)
        for sample in range(settings.blind_samples):
            exam = Exam(draft=claim, picture=picture, sample=sample)
            said = await validator.answer(exam, context=context.at(turn=0, index=sample))
            if is_right(said, claim.gold):
                return Rejected(reason="known_by_heart", detail=f"sample {sample}: {said}")
        return Kept((claim,))

    return each_stage(
        apply,
        name="known_by_heart",
        takes=Claim,
        gives=Claim,
        config=means.identity(settings, role=validator.name),
        concurrency=means.concurrency,
        expected=Expected(
            kept=0.6,
            calls={SpendKind.MODEL_CALL: settings.blind_samples},
            prompt_tokens=1_500,
            completion_tokens=40,
        ),
    )


class _Config(Record):
    settings: SelectSettings
    same_bits: int


def select(settings: SelectSettings, benchmarks: Benchmarks, *, same_bits: int) -> WholeStage:
    """None of a benchmark, few about one picture, at most so many; the first rows are kept.

    The caps on templates and answers are for questions that a grammar or a model made.
    """

    def apply(claims: Sequence[Claim]) -> list[Kept[Claim] | Rejected]:
        per_picture: Counter[str] = Counter()
        decided: list[Kept[Claim] | Rejected] = []
        for claim in claims:
            if benchmarks.has_words_of(claim.question):
                decided.append(Rejected(reason="benchmark_words"))
            elif benchmarks.shows(claim.look, same_bits=same_bits):
                decided.append(Rejected(reason="benchmark_picture"))
            elif per_picture[claim.image.sha256] >= settings.max_per_picture:
                decided.append(Rejected(reason="picture_full"))
            elif settings.max_tasks is not None and per_picture.total() >= settings.max_tasks:
                decided.append(Rejected(reason="enough"))
            else:
                per_picture[claim.image.sha256] += 1
                decided.append(Kept((claim,)))
        return decided

    return whole_stage(
        apply,
        name="select",
        takes=Claim,
        gives=Claim,
        config=_Config(settings=settings, same_bits=same_bits),
    )


def finish(means: Means, proof_of: ProofOf | None) -> EachStage:
    """Tasks of kind `verified`, with their proof where a generated world knows one."""
    world_id = means.world.manifest().world_id

    async def apply(claim: Claim, _: CallContext) -> Kept[Finished]:
        ref = f"vqa:{claim.id}"
        images = (claim.image,)
        known = proof_of(claim.question, claim.image.sha256) if proof_of is not None else None
        task = Task(
            id=fingerprint(ref=ref, question=claim.question, images=images, gold=claim.gold),
            ref=ref,
            kind="verified",
            question=claim.question,
            images=images,
            gold=claim.gold,
            split="train",
            strata={"dataset": claim.dataset, **_hops(known)},
            cluster=claim.image.sha256,
            licence=claim.licence or None,
            provenance={
                "world": world_id,
                "dataset": claim.dataset,
                "row": claim.key or claim.id,
                **{f"told_{name}": value for name, value in sorted(claim.told.items())},
            },
        )
        proof = known.model_copy(update={"task_id": task.id}) if known is not None else None
        return Kept((Finished(id=claim.id, task=task, proof=proof),))

    return each_stage(apply, name="finish", takes=Claim, gives=Finished, config=None)


def _hops(proof: Proof | None) -> dict[str, str]:
    return {} if proof is None else {"hops": str(proof.num_hops)}
