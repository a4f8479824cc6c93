"""Stage 8: an entity-level question: unambiguous, visual, answered by the name of one thing.

The answer must not be known by heart: one right answer of k without evidence, and the thing is
too well known. Paper (drop what a model answers without evidence); k and "any": ours.
"""

from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.proof import Constraint, Hop, HopKind
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.judge.rules import judge_answer
from vision_deepresearch.synth.roles.vqa import Exam, SeedQuestion
from vision_deepresearch.synth.stage import EachStage, Expected, Kept, Rejected, each_stage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import AskSettings
from vision_deepresearch.synth.vqa_records import Draft, Verified


def ask(means: Means, settings: AskSettings) -> EachStage:
    """Things become questions for their names."""
    questioner, validator = means.roles.questioner, means.roles.validator

    async def apply(subject: Verified, context: CallContext) -> Kept[Draft] | Rejected:
        picture = means.picture(subject.region.photo)
        seed = await questioner.ask(subject, picture, context=context)
        if seed is None:
            return Rejected(reason="not_tellable", detail=f"no words say which is {subject.name!r}")
        if subject.name.casefold() in seed.question.casefold():
            return Rejected(reason="leak", detail=seed.question)
        draft = _draft(subject, seed)
        for sample in range(settings.blind_samples):
            exam = Exam(draft=draft, picture=picture, sample=sample)
            said = await validator.answer(exam, context=context.at(turn=0, index=sample))
            if is_right(said, draft.gold):
                return Rejected(reason="known_by_heart", detail=f"sample {sample}: {said}")
        numbers = range(settings.per_entity)
        return Kept(tuple(draft.model_copy(update={"id": f"{draft.id}.{n}"}) for n in numbers))

    return each_stage(
        apply,
        name="ask",
        takes=Verified,
        gives=Draft,
        config=means.identity(settings, role=f"{questioner.name} {validator.name}"),
        concurrency=means.concurrency,
        expected=Expected(
            kept=0.7,
            calls={SpendKind.MODEL_CALL: 1 + settings.blind_samples},
            prompt_tokens=1_500,
            completion_tokens=120,
        ),
    )


def is_right(said: str | None, gold: Gold) -> bool:
    """Whether an answer is the gold one, by rule."""
    if said is None or not said.strip():
        return False
    return judge_answer(said.strip(), gold=gold).decision is Decision.CORRECT


def _draft(subject: Verified, seed: SeedQuestion) -> Draft:
    look = Hop(
        id="h1",
        kind=HopKind.LOOK,
        box=subject.region.box,
        pages=subject.urls,
        expected=subject.name,
        aliases=subject.aliases,
    )
    place = Constraint(
        text=seed.where or seed.question,
        predicate="position",
        value=seed.where,
        candidates_without=1 + len(subject.region.others),
    )
    return Draft(
        id=subject.id,
        subject=subject,
        seed_question=seed.question,
        question=seed.question,
        gold=Gold(answers=(subject.name, *subject.aliases), type=AnswerType.NAME),
        hops=(look,),
        constraints=(place,),
        entities=(subject.name,),
        strata={"hops": "0", "shape": "seed"},
    )
