"""Conversations that a tiny Qwen3-VL is taught by heart, so that two trainers sample the same tokens.

Each has a picture in its question and calls of a tool that returns another one. What the tool says
and what the model does next depend on the call before alone.
"""

import importlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PilImage
from pydantic import BaseModel
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen3VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin
from transformers.utils.chat_template_utils import get_json_schema

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.content import Image, Message, ToolCall, ToolSpec, untrusted
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, Sampling, ToolContext
from vision_deepresearch.core.task import Task
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.local.loading import load_local
from vision_deepresearch.models.local.tiny import TinySizes, write_tiny
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.train.forward import score_tokens
from vision_deepresearch.train.packing import pack_row
from vision_deepresearch.train.samples import TrainingSample
from vision_deepresearch.train.traced import sample_of_trace

TOOL = "image_search"
TEMPERATURE = 0.2
"""Low: what was learnt by heart is sampled for certain, and log-probabilities still say something."""
_STEPS = 200
_RATE = 3e-3
_BY_HEART = 0.9
"""Of the least likely token: sharpened by the temperature, one in fifty thousand goes wrong."""
_NAMES = "abcdefghijklmnop"


class Lesson:
    """Questions, what is said to them, and a checkpoint that knows it."""

    def __init__(self, folder: Path, *, num_looks: Sequence[int]) -> None:
        """Write the checkpoint, untaught.

        Args:
            folder: of the checkpoint.
            num_looks: calls of each conversation, 16 at most; it has one turn more.
        """
        self.folder = folder
        self.num_looks = tuple(num_looks)
        self.media = MemoryMediaStore()
        self.pictures = [_picture(number) for number in range(len(_NAMES))]
        self.tasks = [self._task(number) for number in range(len(self.num_looks))]
        self.looks = [
            [f"{number}{name}" for name in _NAMES[:num]]
            for number, num in enumerate(self.num_looks)
        ]
        write_tiny(folder)
        self.system = self._system()
        self.profile = VdrProfile(system_prompt=self.system)
        text = [self.system, "image_id: img_1 Question: <tool_response>"]
        for task, looks in zip(self.tasks, self.looks, strict=True):
            text += [task.question, *self.replies(looks), *(self.words(one) for one in looks)]
        write_tiny(folder, sizes=TinySizes(vocabulary=900), text=text * 2)

    def replies(self, looks: Sequence[str]) -> list[str]:
        """What is said, turn by turn."""
        calls = [ToolCall(id="", name=TOOL, arguments={"image_id": one}) for one in looks]
        said = [self.profile.write(thought="look", calls=[call]) for call in calls]
        said.append(self.profile.write(thought="seen", answer=f"emblem {looks[0][0]}"))
        return [one.text for one in said]

    def words(self, image_id: str) -> str:
        """What the tool says."""
        looks = self.looks[int(image_id[0])]
        later = looks[looks.index(image_id) + 1 :]
        return f"{image_id} found, next is {later[0]}" if later else f"{image_id} found, it is seen"

    def picture(self, image_id: str) -> bytes:
        """What the tool shows."""
        return self.pictures[_NAMES.index(image_id[1])]

    def tool(self) -> Callable[[str], list[dict[str, object]]]:
        """The tool as TRL takes it: its name, signature and words stand in the prompt."""

        def image_search(image_id: str) -> list[dict[str, object]]:
            """Look for a picture.

            Args:
                image_id: which one.
            """
            # As the agent's profile shows a result.
            return [
                {"type": "text", "text": f"{self.words(image_id)}\n"},
                {"type": "image", "image": decoded(self.picture(image_id))},
                {"type": "text", "text": "\n"},
            ]

        return image_search

    def researcher(self) -> Researcher:
        """Everything but who speaks."""
        return Researcher(
            model=ScriptedModel([]),
            profile=self.profile,
            tools={TOOL: _Look(self)},
            mode=mode_named("wis"),
            today="2026-01-01",
            media=self.media,
            sampling=Sampling(temperature=TEMPERATURE, max_tokens=256),
            finds_support=False,
        )

    async def teach(self) -> float:
        """Train on the conversations until they are known by heart; the least likely token's share."""
        loaded = load_local(self.folder, dtype="float32", device="cpu")
        samples: list[TrainingSample] = []
        for messages in await self._conversations():
            trace = loaded.codec.trace(messages)
            sample = sample_of_trace(
                trace,
                key=str(len(samples)),
                mask=np.asarray(trace.loss_mask, np.bool_),
                pictures=loaded.pictures,
                load=self.media.load,
                image_id=loaded.module.config.image_token_id,
            )
            samples.append(sample)
        row = pack_row(samples)
        optimizer = torch.optim.AdamW(loaded.module.parameters(), lr=_RATE, weight_decay=0.0)
        least = 0.0
        for step in range(_STEPS):
            optimizer.param_groups[0]["lr"] = _RATE * min(1.0, 2 * (1 - step / _STEPS))
            scores = score_tokens(loaded.module, row, forbidden_ids=loaded.vocabulary.forbidden_ids)
            least = float(scores.logprobs.detach().min().exp())
            optimizer.zero_grad()
            (-scores.logprobs.mean()).backward()
            torch.nn.utils.clip_grad_norm_(loaded.module.parameters(), 1.0)
            optimizer.step()
            if least > _BY_HEART:
                break
        loaded.module.save_pretrained(self.folder)
        return least

    def _task(self, number: int) -> Task:
        ref = self.media.put(self.pictures[number])
        return Task(
            id=f"lesson-{number}",
            ref=f"lesson/{number}",
            kind="ask",
            question=f"What is shown in {number}?",
            images=(ref,),
        )

    def _system(self) -> str:
        """The system message as TRL renders it, with the tool."""
        shown = processor_of(self.folder).apply_chat_template(
            [{"role": "system", "content": "Look, then answer."}, {"role": "user", "content": "?"}],
            tools=[get_json_schema(self.tool())],
            tokenize=False,
        )
        return str(shown).removeprefix("<|im_start|>system\n").partition("<|im_end|>")[0]

    async def _conversations(self) -> list[list[Message]]:
        """As the agent has them."""
        made = []
        for task, looks in zip(self.tasks, self.looks, strict=True):
            model = ScriptedModel([Completion(text=one) for one in self.replies(looks)])
            one = await run_agent(task, replace(self.researcher(), model=model))
            assert one.answer is not None, one.stop_detail
            said = [message for turn in one.turns for message in (turn.reply, *turn.results)]
            made.append([*one.prompt, *said])
        return made


class PictureProcessor(Qwen3VLProcessor):
    """The stock class needs torchvision for videos; this one has none."""

    def __init__(
        self, image_processor: Qwen2VLImageProcessorPil, tokenizer: PreTrainedTokenizerBase
    ) -> None:
        for name in ("image", "video"):
            setattr(self, f"{name}_token", f"<|{name}_pad|>")
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(f"<|{name}_pad|>"))
        for name in ("vision_start", "vision_end"):
            setattr(self, f"{name}_token", f"<|{name}|>")
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(f"<|{name}|>"))
        ProcessorMixin.__init__(self, image_processor, tokenizer)


def processor_of(folder: Path) -> PictureProcessor:
    """TRL's template over a checkpoint's tokenizer and picture processor."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer is not None
    processor = PictureProcessor(Qwen2VLImageProcessorPil.from_pretrained(folder), tokenizer)
    processor.chat_template = importlib.import_module(
        "trl.chat_template_utils"
    ).qwen3_vl_chat_template
    return processor


class _Arguments(BaseModel):
    image_id: str


class _Look:
    """The tool, for the agent."""

    spec = ToolSpec.of(TOOL, description="Look for a picture.", arguments=_Arguments)

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        del context
        image_id = _Arguments.model_validate(call.arguments).image_id
        ref = self._lesson.media.put(self._lesson.picture(image_id))
        return Observation(parts=(untrusted(self._lesson.words(image_id)), Image(ref=ref)))


def decoded(data: bytes) -> PilImage.Image:
    """A picture as TRL takes it."""
    return PilImage.open(io.BytesIO(data)).convert("RGB")


def _picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
