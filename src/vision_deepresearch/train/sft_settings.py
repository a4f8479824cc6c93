"""What determines a supervised fine-tuning run: the schema of a recipe of kind "sft".

Defaults are those of one machine; recipes/paper has the paper's, each with its source. No torch.
"""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from vision_deepresearch.core.record import Record
from vision_deepresearch.models.codec.budget import PictureBudget

LORA_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
"""Linear layers of the language model. Experts of MoE models are no linear layers: not reached."""


class BatchSettings(Record):
    """What one optimizer step looks at."""

    size: int = Field(default=16, ge=1)
    """In `unit`."""
    unit: Literal["trajectories", "rows"] = "trajectories"
    """`trajectories`: a step is so many of them, however they are packed. `rows`: so many packed
    rows, which is how packing stacks count their global batch."""
    row_tokens: int = Field(default=8_192, ge=64)
    """Length of a packed row; work of attention does not grow with it, memory does."""
    is_packed: bool = True
    """Off: every sequence is a row."""


class OptimizerSettings(Record):
    """AdamW and its learning rate."""

    lr: float = Field(default=2e-5, gt=0)
    min_lr: float = Field(default=5e-7, ge=0)
    warmup_frac: float = Field(default=0.05, ge=0, le=1)
    """Share of all steps."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    """Of matrices; norms, biases and other vectors have none."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Of the gradient of all trained parameters together."""
    slow: str | None = None
    """Regular expression: parameters in whose names it is found learn at a part of the rate."""
    slow_factor: float = Field(default=0.1, gt=0, le=1)
    """That part."""

    @field_validator("slow")
    @classmethod
    def _is_pattern(cls, slow: str | None) -> str | None:
        try:
            re.compile(slow or "")
        except re.error as reason:
            msg = f"optimizer.slow {slow!r} is no regular expression: {reason}"
            raise ValueError(msg) from reason
        return slow

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.min_lr > self.lr:
            msg = f"min_lr is a floor below lr, got {self.min_lr} above {self.lr}"
            raise ValueError(msg)
        return self


class LoraSettings(Record):
    """Low-rank adapters in place of training the weights; needs the package peft."""

    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: str = LORA_TARGETS
    """Regular expression over names of modules."""


class ParallelSettings(Record):
    """How a cluster divides the work; backend `local` is one process on one device."""

    nodes: int = Field(default=1, ge=1)
    gpus_per_node: int = Field(default=1, ge=1)
    tensor: int = Field(default=1, ge=1)
    """Megatron's tensor parallel size; sequence parallel goes with it."""
    context: int = Field(default=1, ge=1)
    expert: int = Field(default=1, ge=1)
    """Of MoE models."""
    moe_aux_loss: float = Field(default=0.0, ge=0)
    """Coefficient of the load-balancing loss of MoE models."""
    moe_capacity_factor: float | None = Field(default=None, gt=0)
    """Set: experts drop tokens beyond it, which are then not trained (P80). None: none is dropped."""

    @property
    def is_one_device(self) -> bool:
        """Whether nothing is divided, and nothing asked that only a cluster stack does."""
        return self == ParallelSettings()


class SftSettings(Record):
    """Everything that determines a run; saved with it as config.toml."""

    backend: Literal["local", "ms-swift"] = "local"
    """`local`: this process. `ms-swift`: Megatron in an environment of its own, by its command."""
    model: str
    """Folder of a Qwen3-VL checkpoint, as `local:PATH` takes it."""
    data: tuple[str, ...] = Field(min_length=1)
    """Run folders with trajectories, folders of `vdr export`, or tables of conversations."""
    held_out: tuple[str, ...] = ()
    """Of the same kinds: never trained; their loss is measured."""
    held_out_frac: float = Field(default=0.0, ge=0, lt=1)
    """Share of the tasks in `data` held out, by a hash of the task: all attempts at one together."""
    only_correct: bool = True
    """Leave out attempts that no judge found correct."""
    max_tokens: int = Field(default=64_000, ge=16)
    """Longer sequences are left out whole and counted. Source: the paper's maximum length."""
    pictures: PictureBudget | None = None
    """What a picture may take, as in rollouts; None: as the checkpoint says."""
    epochs: int = Field(default=2, ge=1)
    max_steps: int | None = Field(default=None, ge=1)
    """Optimizer steps after which the run ends, also for the schedule; None: the epochs."""
    seed: int = 0
    """Of the order of the data and of dropout."""
    batch: BatchSettings = BatchSettings()
    parallel: ParallelSettings = ParallelSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    train_vision: bool = False
    """The vision tower; the paper's stack freezes it."""
    train_aligner: bool = False
    """What carries its output into the language model; frozen in the paper's stack too."""
    lora: LoraSettings | None = None
    """None: the weights themselves."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`bfloat16`: computed so, over float32 weights and moments; `auto`: so on a GPU only."""
    device: str = "auto"
    recompute_layers: bool = False
    """Compute activations a second time instead of keeping them: the same gradient, less memory."""
    evaluate_every: int = Field(default=50, ge=1)
    """Steps between two measurements of held-out loss."""
    max_held_out: int = Field(default=256, ge=1)
    """Held-out trajectories looked at each time, the first so many."""
    sample_every: int = Field(default=0, ge=0)
    """Steps between two samples of what the model says; 0: none."""
    samples: int = Field(default=2, ge=1)
    """Prompts that are continued each time."""
    sample_tokens: int = Field(default=200, ge=1)
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps. Source: the paper's `save_steps`; ours keep optimizer and random state too."""
    keep: int = Field(default=2, ge=2)
    """Newest checkpoints that stay."""
    max_bad_steps: int = Field(default=3, ge=1)
    """So many steps in a row whose loss or gradient is no number end the run; each is skipped."""
    loggers: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = ()
    """Besides the console and the run folder."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.batch.is_packed and self.batch.row_tokens > self.max_tokens:
            msg = (
                f"batch.row_tokens {self.batch.row_tokens} above max_tokens {self.max_tokens} "
                "asks for memory no sequence needs: give the smaller number"
            )
            raise ValueError(msg)
        if self.backend == "local" and not self.parallel.is_one_device:
            msg = (
                "[parallel] divides work over a cluster, which backend 'local' does not: leave it "
                'out, or set backend = "ms-swift"'
            )
            raise ValueError(msg)
        if self.backend == "ms-swift" and (self.batch.unit != "rows" or self.lora is not None):
            msg = "backend 'ms-swift' counts its batch in rows and has no [lora] table here"
            raise ValueError(msg)
        if self.backend == "ms-swift" and (unheard := self._not_in_the_command()):
            msg = (
                f"the command of backend 'ms-swift' has no {', '.join(unheard)} here: leave it out"
            )
            raise ValueError(msg)
        return self

    def _not_in_the_command(self) -> list[str]:
        """Settings that change a run and that `ms_swift.swift_command` does not pass on."""
        here = {
            "optimizer.slow": self.optimizer.slow is not None,
            "optimizer.eps": self.optimizer.eps != OptimizerSettings().eps,
            'precision "float32"': self.precision == "float32",
            "max_steps": self.max_steps is not None,
            "held_out": bool(self.held_out),
            "held_out_frac": self.held_out_frac > 0,
            "sample_every": self.sample_every > 0,
            "loggers": bool(self.loggers),
        }
        return [name for name, is_set in here.items() if is_set]
