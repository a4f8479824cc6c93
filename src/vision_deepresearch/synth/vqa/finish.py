"""Stage 12: tasks with their proofs, under the ids that the rest of the project uses."""

from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.proof import Proof
from vision_deepresearch.core.task import Task, fingerprint
from vision_deepresearch.synth.stage import EachStage, Kept, each_stage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa_records import Draft, Finished, Verified


def finish(means: Means) -> EachStage:
    """A task's cluster is its picture, or the page it began with: questions of one are not independent."""
    about = means.world.manifest()

    async def apply(draft: Draft, _: CallContext) -> Kept[Finished]:
        photo, subject = draft.photo, draft.subject
        ref = f"vqa:{about.name}/{draft.id}"
        gold = draft.gold.model_copy(update={"entities": draft.entities})
        images = (photo.image,) if photo is not None else ()
        task = Task(
            id=fingerprint(ref=ref, question=draft.question, images=images, gold=gold),
            ref=ref,
            kind="fuzzy" if photo is not None else "text",
            question=draft.question,
            images=images,
            gold=gold,
            split="train",
            strata={**draft.strata, **_scale(draft), "rounds": _moves(draft)},
            cluster=photo.image.sha256 if photo is not None else subject.page,
            licence=_licence(draft) or None,
            provenance={
                "world": about.world_id,
                **({"picture": photo.ref} if photo is not None else {}),
                "subject": subject.page,
                "seed_question": draft.seed_question,
            },
        )
        proof = Proof(
            task_id=task.id,
            hops=draft.hops,
            constraints=draft.constraints,
            entities=draft.entities,
        )
        made = Finished(
            id=draft.id,
            task=task,
            proof=proof,
            seed_question=draft.seed_question,
            rounds=draft.rounds,
        )
        return Kept((made,))

    return each_stage(apply, name="finish", takes=Draft, gives=Finished, config=None)


def _scale(draft: Draft) -> dict[str, str]:
    """The tightest crop that found the thing."""
    subject = draft.subject
    return {"scale": f"{min(subject.scales):g}"} if isinstance(subject, Verified) else {}


def _licence(draft: Draft) -> str:
    if isinstance(draft.subject, Verified):
        return draft.subject.region.photo.licence
    return draft.subject.licence


def _moves(draft: Draft) -> str:
    """Rounds that made it harder, for example "chain-replace-chain"."""
    return "-".join(one.move.value for one in draft.rounds if one.chosen is not None)
