"""Builders of records for tests: say what matters, the rest is ordinary."""

import io

import numpy as np
from PIL import Image as PilImage

from vision_deepresearch.core.content import ImageRef, Message, Role, untrusted
from vision_deepresearch.core.task import AnswerType, Gold, Task, fingerprint
from vision_deepresearch.core.trajectory import StopReason, Trajectory, Turn


def a_picture(*, width: int = 96, height: int = 64, seed: int = 0, fmt: str = "PNG") -> bytes:
    """Encoded bytes of a random picture; another seed gives other pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).save(buffer, fmt)
    return buffer.getvalue()


def an_image_ref(*, digit: str = "a", width: int = 96, height: int = 64) -> ImageRef:
    """A reference to no stored picture."""
    return ImageRef(sha256=digit * 64, width=width, height=height, media_type="image/png")


def a_task(
    *,
    question: str = "In which town was the founder born?",
    answers: tuple[str, ...] | None = ("Ostrel",),
    answer_type: AnswerType = AnswerType.NAME,
    images: tuple[ImageRef, ...] = (),
    ref: str = "test/0",
) -> Task:
    """A task with a checkable gold answer; `answers=None`: a user's question without gold."""
    gold = Gold(answers=answers, type=answer_type) if answers else None
    return Task(
        id=fingerprint(ref=ref, question=question, images=images, gold=gold),
        ref=ref,
        kind="fuzzy" if gold else "ask",
        question=question,
        images=images,
        gold=gold,
    )


def a_turn(*, index: int = 0, reply: str = "hm") -> Turn:
    """A turn without calls."""
    return Turn(index=index, reply=Message(role=Role.ASSISTANT, parts=(untrusted(reply),)))


def a_trajectory(
    task: Task,
    *,
    answer: str | None = "Ostrel",
    stop: StopReason = StopReason.ANSWER,
    attempt: int = 0,
    turns: tuple[Turn, ...] = (),
) -> Trajectory:
    """A finished trajectory of `task`."""
    return Trajectory(
        id=f"{task.id[:16]}-a{attempt}",
        task_id=task.id,
        attempt=attempt,
        model="test",
        profile="vdr",
        mode="cis+ts",
        today="2026-01-01",
        prompt=(Message(role=Role.USER, parts=(untrusted(task.question),)),),
        turns=turns,
        stop=stop,
        answer=answer,
    )
