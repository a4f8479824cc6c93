"""What determines a reinforcement-learning run: the table `rl` of a recipe. No torch.

Defaults are those of one machine; recipes/paper has the paper's, each with its source.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from vision_deepresearch.core.record import Record
from vision_deepresearch.train.rl.advantage import AdvantageSettings
from vision_deepresearch.train.rl.aggregation import AggregationMode
from vision_deepresearch.train.rl.curriculum import CurriculumSettings
from vision_deepresearch.train.rl.importance import ImportanceSettings
from vision_deepresearch.train.rl.masking import MaskSettings
from vision_deepresearch.train.rl.reward import RewardSettings
from vision_deepresearch.train.rl.rollout import RolloutSettings
from vision_deepresearch.train.rl.signal import ZeroVariance
from vision_deepresearch.train.rl.slots import SlotSettings


class ClipSettings(Record):
    """How far one update may move the probability of a token."""

    low: float = Field(default=0.2, ge=0, lt=1)
    """Source: arXiv 2601.22060, public RL script."""
    high: float = Field(default=0.28, ge=0)
    """Higher than `low`, so that rare tokens may become likely. Source: same."""
    dual: float = Field(default=3.0, gt=1)
    """Bound of the loss of a bad token that has become likely, in units of -A. Source: same."""
    max_log_ratio: float = Field(default=20.0, gt=0)
    """Clamp before exponentiation: beyond it float32 overflows."""


class UpdateSettings(Record):
    """How a batch becomes a change of the weights."""

    lr: float = Field(default=1e-6, gt=0)
    """Source: arXiv 2601.22060, public RL script."""
    warmup_steps: int = Field(default=0, ge=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    """Of matrices; vectors have none."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Of the gradient of all trained parameters together."""
    updates_per_batch: int = Field(default=1, ge=1)
    """Mini-batches of a batch, one optimizer step each. With 1 the ratio is 1 and the clip rests."""
    row_tokens: int = Field(default=8_192, ge=64)
    """Most tokens of one forward; no sequence is split, so the longest must fit."""
    clip: ClipSettings = ClipSettings()
    importance: ImportanceSettings = ImportanceSettings()
    aggregation: AggregationMode = "seq-mean-token-sum"
    horizon: int | None = Field(default=None, ge=1)
    """Tokens; of aggregation `seq-mean-token-sum-norm` only."""
    kl_weight: float = Field(default=0.0, ge=0)
    """Times the distance to the start checkpoint (k3), added to every token's loss. 0 as in the
    paper; otherwise the start checkpoint is kept in memory too."""
    train_vision: bool = False
    """The vision tower and what carries its output over; frozen in the paper's stack."""
    recompute_layers: bool = False
    """Compute activations a second time instead of keeping them."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`bfloat16`: computed so, over float32 weights and moments; `auto`: so on a GPU only."""

    @model_validator(mode="after")
    def _has_its_horizon(self) -> Self:
        if (self.aggregation == "seq-mean-token-sum-norm") != (self.horizon is not None):
            msg = "horizon belongs to aggregation 'seq-mean-token-sum-norm' and to it alone"
            raise ValueError(msg)
        return self


class RlSettings(Record):
    """Everything that determines training beyond the rollouts' world, mode and limits."""

    sft_checkpoint: str | None = None
    """Folder of the checkpoint to start from: one that has been fine-tuned."""
    base_model: str | None = None
    """Folder of a base model instead; needs `allow_base`. The public script of the paper starts
    from one although the paper does not: here that must be said."""
    allow_base: bool = False
    steps: int = Field(default=100, ge=1)
    batch_tasks: int = Field(default=16, ge=1)
    """Groups per step."""
    max_staleness: int = Field(default=0, ge=0)
    """Versions that the oldest token of a group may be behind. 0: rollouts wait for the update, as
    in the paper. 1: the next batch is rolled out meanwhile; groups that got older are dropped."""
    zero_variance: ZeroVariance = "keep"
    refill_limit: int = Field(default=16, ge=0)
    """Of `refill`: tasks drawn beyond `batch_tasks` in one step at most."""
    keep_negative: float = Field(default=1.0, ge=0, le=1)
    """Probability with which a trajectory of negative advantage is trained."""
    rollout: RolloutSettings = RolloutSettings()
    slots: SlotSettings = SlotSettings()
    masks: MaskSettings = MaskSettings()
    reward: RewardSettings = RewardSettings()
    advantage: AdvantageSettings = AdvantageSettings()
    curriculum: CurriculumSettings = CurriculumSettings()
    update: UpdateSettings = UpdateSettings()
    on_update: Literal["wait", "resume"] = "wait"
    """What becomes of a reply that is being sampled when new weights come: finished under the old
    ones first, or continued under the new ones. Trajectories go on in either case."""
    evaluate_every: int = Field(default=10, ge=0)
    """Steps between two evaluations on held-out worlds; 0: none. Source: public RL script."""
    checkpoint_every: int = Field(default=1, ge=1)
    """Steps. Source: same."""
    keep: int = Field(default=2, ge=2)
    """Newest checkpoints that stay."""
    max_masked_frac: float = Field(default=0.3, ge=0, le=1)
    """A larger share of masked episodes in a step is said aloud."""
    max_empty_steps: int = Field(default=5, ge=1)
    """So many steps in a row without a usable update end the run: something is broken."""
    known_as: str | None = None
    """Name of the architecture, for the estimate of `--dry-run` where the checkpoint is not there."""

    @model_validator(mode="after")
    def _starts_somewhere(self) -> Self:
        if self.sft_checkpoint is not None and self.base_model is not None:
            msg = "sft_checkpoint and base_model are both given: start from one"
            raise ValueError(msg)
        if self.sft_checkpoint is None and self.base_model is None:
            msg = "sft_checkpoint is missing: name the fine-tuned checkpoint to start from"
            raise ValueError(msg)
        if self.base_model is not None and not self.allow_base:
            msg = (
                "RL from a base model, which has not learnt the protocol, was asked for: set "
                "allow_base = true if that is meant, or give sft_checkpoint"
            )
            raise ValueError(msg)
        return self

    @property
    def start(self) -> str:
        """Folder of the weights to start from."""
        start = self.sft_checkpoint or self.base_model
        assert start is not None
        return start

    @property
    def max_groups(self) -> int:
        """Groups that may be under way or wait at the same time."""
        return self.batch_tasks * (1 + self.max_staleness) + self.refill_limit
