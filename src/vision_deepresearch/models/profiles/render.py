"""Parts of messages that both profiles share: observations, pictures with handles, the question.

Everything a tool said about one call is joined before it is neutralised, so that a marker cannot
be assembled from neighbouring spans.
"""

from collections.abc import Sequence

from vision_deepresearch.core.content import Image, Part, Text, trusted, untrusted
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import Mode, ModeInput
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.untrusted import neutralise

MAX_CALLS = 4
"""Calls that run in one turn."""


def question_parts(task: Task, *, handles: Sequence[str], mode: Mode) -> tuple[Part, ...]:
    """The question as it is put: pictures with their handles first, or a caption, or neither.

    Where the source is multiple choice its choices follow; which is right is not looked at.

    Raises:
        ConfigError: the mode puts a caption before the question and the task has none.

    Source: image before text as in arXiv 2601.22060 training; `extra["caption"]` is ours.
    """
    parts: list[Part] = []
    if mode.input is ModeInput.IMAGE:
        for handle, ref in zip(handles, task.images, strict=False):
            parts.extend(picture_parts(Image(ref=ref, handle=handle)))
    elif mode.input is ModeInput.CAPTION:
        caption = task.extra.get("caption")
        if not isinstance(caption, str) or not caption.strip():
            msg = (
                f"mode {mode.name!r} puts a caption before the question, but task {task.ref!r} has "
                'none: give it as extra["caption"] or use another mode'
            )
            raise ConfigError(msg)
        if mode.lends_pictures:
            parts += [trusted(f"image_id: {handle}\n") for handle in handles]
        parts += [trusted("Picture: "), untrusted(neutralise(caption)), trusted("\n")]
    parts += [trusted("Question: "), untrusted(neutralise(task.question))]
    if task.gold is not None and task.gold.choices:
        parts.append(trusted("\nYou can choose among these choices:"))
        for number, choice in enumerate(task.gold.choices):
            parts += [trusted(f"\n{chr(ord('A') + number)}. "), untrusted(neutralise(choice))]
    return tuple(parts)


def picture_parts(image: Image) -> list[Part]:
    """A picture under its name."""
    if image.handle is None:
        return [image, trusted("\n")]
    return [trusted(f"image_id: {image.handle}\n"), image, trusted("\n")]


def body_parts(observation: Observation, *, pictures: bool = True) -> list[Part]:
    """An observation as the model sees it; `pictures=False` leaves the pictures out."""
    parts: list[Part] = []
    run: list[str] = []
    for part in observation.parts:
        if isinstance(part, Text):
            run.append(part.text)
        elif pictures:
            _flush(run, parts)
            parts += [trusted("\n"), *picture_parts(part)]
    _flush(run, parts)
    return parts or [trusted("(nothing came back)")]


def dropped_notice(dropped: int, *, cap: int) -> str:
    """What the model is told about calls that were not run."""
    calls = "call was" if dropped == 1 else "calls were"
    return (
        f"\n[notice] {dropped} further tool {calls} not run: at most {cap} per turn. "
        "Send what you still need in your next turn."
    )


def _flush(run: list[str], parts: list[Part]) -> None:
    text = neutralise("".join(run))
    if text:
        parts.append(untrusted(text))
    run.clear()
