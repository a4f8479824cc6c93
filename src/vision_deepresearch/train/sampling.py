"""What the model says while it is trained: the first reply to a few prompts, kept with the run."""

from collections.abc import Callable, Sequence

import numpy as np

from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.local.engine import LocalEngine
from vision_deepresearch.models.local.loading import LoadedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.view import StoredItem
from vision_deepresearch.train.sft_data import Example

STAGE = "samples"
"""Of the run's items."""
_SHOWN = 300
"""Characters of a reply that a person is told."""


async def sample_replies(
    model: LoadedModel,
    examples: Sequence[Example],
    *,
    run: RunFolder,
    step: int,
    max_tokens: int,
    tell: Callable[[str], None],
) -> None:
    """Continue the prompts of some trajectories with the most likely words.

    Args:
        model: as it stands; nothing else may train it meanwhile.
        examples: whose prompt is taken, up to the first reply.
        run: keeps the replies as items of stage `samples`.
        step: which weights they are.
        max_tokens: of a reply.
        tell: told the beginning of each.

    Raises:
        ModelError: the engine failed.
    """
    async with LocalEngine(model, max_rows=len(examples), label=str(step)) as engine:
        items = []
        for example in examples:
            first = int(np.argmax(example.turn_index >= 0))
            prompt = example.ids[:first].tolist()
            shown = _pictures(
                example, prompt, image_id=model.module.config.image_token_id, model=model
            )
            sampled = await engine.generate(
                example.key,
                prompt_ids=prompt,
                images=shown,
                sampling=Sampling(temperature=0.0, max_tokens=max_tokens),
            )
            text = model.vocabulary.text(sampled.ids)
            tell(f"step {step}, {example.key}: {text[:_SHOWN]!r}")
            told = {"step": step, "example": example.key, "text": text}
            items.append(
                StoredItem(
                    stage=STAGE,
                    key=f"{step}/{example.key}",
                    record=example.key,
                    made=(told,),
                    seconds=0.0,
                )
            )
    await run.put_items(items)


def _pictures(
    example: Example, prompt: Sequence[int], *, image_id: int, model: LoadedModel
) -> list[Picture]:
    """The pictures whose placeholders stand in the prompt."""
    store = FolderMediaStore(example.media)
    left = sum(one == image_id for one in prompt)
    pictures: list[Picture] = []
    for ref in example.images:
        if left <= 0:
            break
        left -= model.pictures.num_tokens(ref)
        pictures.append(Picture(ref=ref, load=lambda ref=ref: store.load(ref)))
    return pictures
