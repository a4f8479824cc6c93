"""One RL step here against TRL's GRPOTrainer: the same weights, questions, pictures, calls and tokens.

A tiny Qwen3-VL is taught a few conversations by heart, each with calls of a tool that returns a
picture, so that both sides sample the same ids; that they did, picture placeholders included, is
checked on what the training forwards were given, and so is that the pictures were there: TRL drops
all pictures of a batch in silence where features and placeholders do not match.

Inside the timed region, on either side: from the questions to the weights after one optimizer step.
That is sampling with its tool calls turn by turn, reading replies, rewards, advantages, one forward
and backward over all rows, clipping, AdamW. Here it holds besides: the agent loop with its records,
captured log-probabilities, naming the weights by a checksum. Outside: making the trainers, and one
step to warm up. TRL runs as it ships without vLLM: `transformers.generate`, all rows in lock-step.
Seconds are of this process's processor time.
"""

import asyncio
import importlib
import importlib.metadata
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from pydantic import JsonValue
from transformers import PreTrainedModel, TrainerCallback
from typing_extensions import override

from vision_deepresearch.agent.loop import run as run_agent
from vision_deepresearch.bench.train_lesson import (
    TEMPERATURE,
    Lesson,
    decoded,
    processor_of,
)
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.models.local.client import LocalClient
from vision_deepresearch.models.local.engine import LocalEngine
from vision_deepresearch.models.local.loading import load_local
from vision_deepresearch.train.checkpoint import Checkpoints
from vision_deepresearch.train.policy import Policy
from vision_deepresearch.train.rl.batch import GradedGroup
from vision_deepresearch.train.rl.loop import Keeping, LoopState, train
from vision_deepresearch.train.rl.rollout import Work, open_rollout
from vision_deepresearch.train.rl.settings import RlSettings

_LOOKS = (1, 2, 3, 5)
"""Calls of each question: two to six turns, four in the mean."""
_ROW_TOKENS = 1_024
"""The longest conversation has some 730."""
_LR = 1e-8
"""Steps are taken and weights stay as good as they are, so that every step samples the same."""


@dataclass(slots=True, kw_only=True)
class _Trained:
    """What one side did."""

    seconds: list[float] = field(default_factory=list)
    """Per step, the first one left out."""
    rows: list[list[tuple[int, ...]]] = field(default_factory=list)
    """Per step the token streams, sorted; of TRL as its training forward was given them."""
    pictures: list[int] = field(default_factory=list)
    """Per step, of which pixels went into the training forward."""


def bench_rl(*, quick: bool) -> dict[str, JsonValue] | None:
    """Measure both; None where trl and datasets are not installed.

    Args:
        quick: fewer siblings and rounds.

    Raises:
        RuntimeError: the two were not trained on the same tokens, or TRL not on its pictures.
    """
    if any(importlib.util.find_spec(name) is None for name in ("trl", "datasets")):
        return None
    with tempfile.TemporaryDirectory() as name:
        lesson = Lesson(Path(name) / "model", num_looks=_LOOKS)
        with asyncio.Runner() as runner:
            runner.run(lesson.teach())
        return measured(
            lesson, siblings=4 if quick else 8, rounds=1 if quick else 2, beside=Path(name)
        )


def measured(lesson: Lesson, *, siblings: int, rounds: int, beside: Path) -> dict[str, JsonValue]:
    """Measure both on a checkpoint that was taught.

    Args:
        lesson: of the checkpoint.
        siblings: of each question.
        rounds: steps that are timed.
        beside: a folder for what the trainers write.
    """
    with asyncio.Runner() as runner:
        ours = runner.run(_ours(lesson, siblings=siblings, rounds=rounds, beside=beside))
    theirs = _theirs(lesson, siblings=siblings, rounds=rounds, out=beside / "trl")
    num_pictures = siblings * sum(1 + num for num in lesson.num_looks)
    for seen in (ours, theirs):
        if set(seen.pictures) != {num_pictures}:
            msg = (
                f"{num_pictures} pictures were to reach each training forward, got {seen.pictures}"
            )
            raise RuntimeError(msg)
    for mine, other in zip(ours.rows, theirs.rows, strict=True):
        if mine != other:
            msg = (
                "both were to be trained on the same tokens, and were not: teach the lesson longer"
            )
            raise RuntimeError(msg)
    seconds = {
        name: statistics.median(one.seconds) for name, one in (("ours", ours), ("trl", theirs))
    }
    return {
        "settings": {
            "questions": len(lesson.tasks),
            "siblings": siblings,
            "turns": [num + 1 for num in lesson.num_looks],
            "tokens": sum(map(len, ours.rows[0])),
            "pictures": num_pictures,
            "rounds": rounds,
            "trl": importlib.metadata.version("trl"),
        },
        "seconds_per_step": {name: round(one, 3) for name, one in seconds.items()},
        "ratio": round(seconds["trl"] / seconds["ours"], 2),
    }


# --------------------------------------------------------------------------------------- ours


async def _ours(lesson: Lesson, *, siblings: int, rounds: int, beside: Path) -> _Trained:
    settings = RlSettings.model_validate({
        "sft_checkpoint": str(lesson.folder),
        "steps": rounds + 1,
        "batch_tasks": len(lesson.tasks),
        "evaluate_every": 0,
        "checkpoint_every": rounds + 1,
        "refill_limit": 0,
        "rollout": {"group_size": siblings, "episodes_in_flight": siblings * len(lesson.tasks)},
        "update": {"lr": _LR, "row_tokens": _ROW_TOKENS},
    })
    loaded = load_local(lesson.folder, dtype="float32", device="cpu")
    made = _Trained()
    done: list[tuple[int, ...]] = []
    seen = _watched(loaded.module)
    async with LocalEngine(loaded) as engine:
        client = LocalClient(
            engine,
            codec=loaded.codec,
            vocabulary=loaded.vocabulary,
            load=lesson.media.load,
            name=lambda: "lesson",
        )
        researcher = replace(
            lesson.researcher(), model=client, exact=client, counter=client.counter
        )
        policy = Policy(
            loaded,
            sampler=loaded,
            engine=engine,
            settings=settings,
            temperature=TEMPERATURE,
            load=lesson.media.load,
            checkpoints=Checkpoints(beside / "checkpoints", keep=2),
        )

        async def roll_out(work: Work) -> Trajectory:
            sampling = researcher.sampling.model_copy(update={"seed": work.seed})
            who = replace(researcher, sampling=sampling)
            return await run_agent(work.task, who, attempt=work.attempt)

        async def note(step: int, group: GradedGroup) -> None:
            del step
            done.extend(
                one.trajectory.tokens.ids[:-1]  # the template's newline behind the last reply
                for one in group.members
                if one.trajectory is not None and one.trajectory.tokens is not None
            )

        began = time.process_time()

        async def tell(step: int, told: Mapping[str, float]) -> None:
            nonlocal began
            del told
            if step > 1:
                made.seconds.append(time.process_time() - began)
            made.rows.append(sorted(done))
            made.pictures.append(sum(len(one.grids) for one in seen))
            seen.clear()
            done.clear()
            began = time.process_time()

        async def save(state: LoopState) -> None:
            del state

        await train(
            policy,
            tasks=lesson.tasks,
            rolling=open_rollout(
                roll_out=roll_out,
                judge=_ByAttempt(),
                seed=0,
                max_groups=settings.max_groups,
                settings=settings.rollout,
            ),
            settings=settings,
            seed=0,
            state=LoopState(),
            keeping=Keeping(tell=tell, save=save, note=note),
        )
    return made


class _ByAttempt:
    """Calls every other attempt right: all siblings say the same, and all are to be trained."""

    profile_id = "by-attempt"

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        del task
        decision = Decision.CORRECT if trajectory.attempt % 2 else Decision.INCORRECT
        return Verdict(decision=decision, reason="its number", judge=self.profile_id)


# -------------------------------------------------------------------------------------- theirs


class _Clock(TrainerCallback):
    """Times steps from their questions to their weights."""

    def __init__(self, made: _Trained, *, seen: list["_Fed"]) -> None:
        self._made = made
        self._seen = seen
        self._began = 0.0

    @override
    def on_step_begin(self, *_: object, **__: object) -> None:
        """Before the batch is sampled."""
        self._began = time.process_time()

    @override
    def on_step_end(self, *_: object, **__: object) -> None:
        """Behind the optimizer step."""
        if self._made.rows:
            self._made.seconds.append(time.process_time() - self._began)
        self._made.rows.append(sorted(row for fed in self._seen for row in fed.rows))
        self._made.pictures.append(sum(len(fed.grids) for fed in self._seen))
        self._seen.clear()


def _theirs(lesson: Lesson, *, siblings: int, rounds: int, out: Path) -> _Trained:
    trl, datasets = importlib.import_module("trl"), importlib.import_module("datasets")
    model = load_local(lesson.folder, dtype="float32", device="cpu").module
    for parameter in model.model.visual.parameters():
        parameter.requires_grad_(False)  # as here
    size = siblings * len(lesson.tasks)
    made = _Trained()
    rows = [
        {
            "prompt": [
                {"role": "system", "content": [{"type": "text", "text": "Look, then answer."}]},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "image_id: img_1\n"},
                        {"type": "image"},
                        {"type": "text", "text": f"\nQuestion: {task.question}"},
                    ],
                },
            ],
            "images": [decoded(lesson.media.load(task.images[0]))],
        }
        for task in lesson.tasks
    ]

    def reward(completions: Sequence[object], **_: object) -> list[float]:
        return [float(number % 2) for number in range(len(completions))]

    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=trl.GRPOConfig(
            output_dir=str(out),
            per_device_train_batch_size=size,
            num_generations=siblings,
            max_steps=rounds + 1,
            learning_rate=_LR,
            lr_scheduler_type="constant",
            adam_beta2=0.95,
            temperature=TEMPERATURE,
            max_completion_length=4096,
            beta=0.0,
            epsilon_high=0.28,
            max_grad_norm=1.0,
            shuffle_dataset=False,
            gradient_checkpointing=False,
            use_cpu=True,
            bf16=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=processor_of(lesson.folder),
        tools=[lesson.tool()],
    )
    trainer.add_callback(_Clock(made, seen=_watched(model)))
    trainer.train()
    return made


# ------------------------------------------------------------------------------- what was trained


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fed:
    """What a training forward was given."""

    rows: list[tuple[int, ...]]
    """Ids without padding; of a packed row all of them."""
    grids: list[list[int]]
    """Of pictures whose pixels came along."""


def _watched(model: PreTrainedModel) -> list[_Fed]:
    """What every forward with a gradient is given from here on."""
    seen: list[_Fed] = []

    def look(_: torch.nn.Module, args: tuple[object, ...], given: dict[str, torch.Tensor]) -> None:
        del args
        if not torch.is_grad_enabled():
            return
        ids, mask = given["input_ids"], given.get("attention_mask")
        grids = given.get("image_grid_thw")
        pixels = given.get("pixel_values")
        shown: list[list[int]] = [] if grids is None else grids.tolist()
        if pixels is not None and len(pixels) != sum(t * h * w for t, h, w in shown):
            msg = f"pixels of {shown} were expected, got {len(pixels)} patches"
            raise RuntimeError(msg)
        seen.append(
            _Fed(
                rows=[
                    tuple((row if mask is None else row[mask[at] > 0]).tolist())
                    for at, row in enumerate(ids)
                ],
                grids=[] if pixels is None else shown,
            )
        )

    model.base_model.register_forward_pre_hook(look, with_kwargs=True)
    return seen
