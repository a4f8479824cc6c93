"""An option: the question's picture reaches the researcher damaged, and `zoom` can repair it.

A damaged task is another task: its picture has another hash, so it gets an id of its own, and its
proof says where things stand in the damaged picture. Which damage it is, is drawn from the seed and
the task.

Source: image degradations and repair tools as in OpenSearch-VL (May 2026); which damages, how strong
and what mends them here: ours, measured by `vdr bench degrade`.
"""

import hashlib
import random
from collections.abc import Mapping

from pydantic import Field

from vision_deepresearch.core.errors import BadImageError
from vision_deepresearch.core.proof import Hop, Proof
from vision_deepresearch.core.protocols import MediaStore, TruthSource
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.task import Task, fingerprint
from vision_deepresearch.media.degrade import Damage, degrade
from vision_deepresearch.media.repair import Repair
from vision_deepresearch.synth.trajectories.records import Assignment

STRATUM = "damage"
"""Of a task: its damage, by which results can be told apart."""
REPAIRS_FOR: Mapping[Damage, tuple[Repair, ...]] = {
    Damage.LOW_LIGHT: (Repair.BRIGHTEN,),
    Damage.BLUR: (Repair.SHARPEN,),
    Damage.ROTATE_90: (Repair.ROTATE_270,),
    Damage.ROTATE_180: (Repair.ROTATE_180,),
    Damage.ROTATE_270: (Repair.ROTATE_90,),
    # Median and sharpening find less in the image index than the damaged picture does.
    Damage.NOISE: (),
    Damage.LOW_RESOLUTION: (),
    Damage.JPEG: (),
}
"""What helps against a damage; who teaches offline tries it where the damaged picture gave nothing."""


class DegradeSettings(Record):
    """Table `degrade` of a trajectories recipe."""

    damages: tuple[Damage, ...] = Field(default=tuple(Damage), min_length=1)
    """What may happen to a picture; each is as likely."""
    frac: float = Field(default=1.0, gt=0, le=1)
    """Of the tasks with a picture; the others stay as they are."""


def draw_damage(task: Task, settings: DegradeSettings, *, seed: int) -> Damage | None:
    """What happens to the pictures of a task; None: nothing, or it has none."""
    rng = _rng(task, seed=seed)
    if not task.images or rng.random() >= settings.frac:
        return None
    return rng.choice(settings.damages)


def degrade_task(
    task: Task, proof: Proof | None, *, media: MediaStore, settings: DegradeSettings, seed: int
) -> tuple[Task, Proof | None]:
    """The task with damaged pictures, and its proof with boxes as they lie in them.

    Args:
        task: its pictures lie in `media`.
        proof: None where none is known.
        media: the damaged pictures are put there.
        settings: what may happen.
        seed: of the run.

    A task with a picture that cannot be opened stays as it is: its attempt will say so.
    """
    damage = draw_damage(task, settings, seed=seed)
    if damage is None:
        return task, proof
    noise = _rng(task, seed=seed).getrandbits(32)
    try:
        images = tuple(
            media.put(degrade(media.load(ref), damage, seed=noise + place))
            for place, ref in enumerate(task.images)
        )
    except (BadImageError, KeyError):
        return task, proof
    gold, ref = task.gold, f"{task.ref}/{damage}"
    damaged = task.model_copy(
        update={
            "id": fingerprint(ref=ref, question=task.question, images=images, gold=gold),
            "ref": ref,
            "images": images,
            "strata": {**task.strata, STRATUM: damage.value},
            "provenance": {**task.provenance, "undamaged_task": task.id},
        }
    )
    if proof is None:
        return damaged, None
    hops = tuple(_turned(hop, damage) for hop in proof.hops)
    return damaged, proof.model_copy(update={"task_id": damaged.id, "hops": hops})


def _turned(hop: Hop, damage: Damage) -> Hop:
    if hop.box is None or hop.photo is not None or not damage.quarters:
        return hop
    return hop.model_copy(update={"box": hop.box.turned(damage.quarters)})


def _rng(task: Task, *, seed: int) -> random.Random:
    digest = hashlib.blake2b(f"{seed}/{task.id}".encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))


class DamagedTruth:
    """What a generated world knows, and the proofs of damaged tasks, which come with the work.

    A process that is handed an assignment takes it in before it begins. A `TruthSource`.
    """

    def __init__(self, truth: TruthSource) -> None:
        """Keep what the world knows of its own tasks."""
        self._truth = truth
        self._taken: dict[str, Assignment] = {}

    def take(self, record: Assignment) -> None:
        """Know the proof and the damage of an assignment's task from now on."""
        self._taken[record.task.id] = record

    def proof(self, task_id: str) -> Proof | None:
        """As `TruthSource.proof`."""
        taken = self._taken.get(task_id)
        return taken.proof if taken is not None else self._truth.proof(task_id)

    def read_value(self, text: str, *, subject: str, hop: Hop) -> str | None:
        """As `TruthSource.read_value`."""
        return self._truth.read_value(text, subject=subject, hop=hop)

    def repairs(self, task_id: str) -> tuple[Repair, ...]:
        """What helps against the damage of a task; a person sees at once what it is."""
        taken = self._taken.get(task_id)
        damage = taken.task.strata.get(STRATUM) if taken is not None else None
        return REPAIRS_FOR[Damage(damage)] if damage is not None else ()
