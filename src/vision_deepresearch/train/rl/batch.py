"""From complete groups to what is trained: grades, advantages, rows, and the figures of a step.

Pure: knows trajectories and arrays, no model. Shapes: G = sibling of one task, B = row.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vision_deepresearch.core.episode import Decision
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.train.rl.advantage import leave_one_out
from vision_deepresearch.train.rl.downsampling import kept_rows
from vision_deepresearch.train.rl.masking import Mask, Standing, clamped, mask_of
from vision_deepresearch.train.rl.reward import Reward, reward_of
from vision_deepresearch.train.rl.rollout import Rolled, RolledGroup
from vision_deepresearch.train.rl.settings import RlSettings
from vision_deepresearch.train.rl.signal import Signal, signal_of
from vision_deepresearch.train.samples import SampleError, TrainingSample

MakeSample = Callable[[Trajectory, int | None], TrainingSample]
"""Arrays of a trajectory, the tokens of the fatal turn and of later ones out of its mask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One sibling with all that was decided about it."""

    rolled: Rolled
    mask: Mask
    reward: Reward | None
    advantage: float = 0.0

    @property
    def trajectory(self) -> Trajectory | None:
        """None: a loss."""
        return None if self.rolled.episode is None else self.rolled.episode.trajectory

    @property
    def key(self) -> str:
        """Names it within the run."""
        return f"{self.rolled.work.task.id}/{self.rolled.work.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedGroup:
    """A group with its advantages."""

    group: RolledGroup
    members: tuple[Graded, ...]
    signal: Signal
    staleness: int
    """Versions that its oldest token is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is trained of one trajectory."""

    key: str
    sample: TrainingSample
    advantage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one step trains."""

    rows: tuple[Row, ...]
    """With an advantage other than 0, or all counted ones where a KL term wants them."""
    num_active: tuple[int, ...]
    """Trained tokens of every row that counts in the denominator; those of `rows` stand first."""
    num_untrainable: int
    """Left out because their tokens or captured log-probabilities were no trajectory's."""
    num_dropped: int
    """Left out by down-sampling; they count in the denominator."""


def grade(
    group: RolledGroup, *, settings: RlSettings, step: int, versions: Mapping[str, int]
) -> GradedGroup:
    """Decide what every sibling counts for, and compare them.

    Args:
        group: complete.
        settings: of the run.
        step: for rewards that change over steps; weights of this step are the newest.
        versions: number of each policy version by its name. Tokens of another one were sampled by
            weights nobody knows: the episode is masked.
    """
    members = [
        _graded(one, settings=settings, step=step, versions=versions) for one in group.members
    ]
    advantages = leave_one_out(
        [one.reward.total if one.reward is not None else None for one in members],
        [one.mask.standing for one in members],
        settings=settings.advantage,
    )
    final = tuple(
        replace(one, advantage=clamped(advantage, mask=one.mask, settings=settings.masks))
        for one, advantage in zip(members, advantages, strict=True)
    )
    return GradedGroup(
        group=group,
        members=final,
        signal=signal_of([one.advantage for one in final], [one.mask.standing for one in final]),
        staleness=max((_staleness(one, step, versions) for one in final), default=0),
    )


def make_batch(
    groups: Sequence[GradedGroup], *, settings: RlSettings, step: int, seed: int, sample: MakeSample
) -> Batch:
    """Put the rows of a step together.

    Groups without signal stay in the denominator under `zero_variance = "keep"` and leave it
    otherwise. A row whose arrays do not fit together is left out of everything and counted.
    """
    counted: list[Row] = []
    num_untrainable = 0
    for group in groups:
        if group.signal is not Signal.INFORMATIVE and settings.zero_variance != "keep":
            continue
        for one in group.members:
            trajectory = one.trajectory
            if one.mask.standing is not Standing.VALID or trajectory is None:
                continue
            try:
                made = sample(trajectory, one.mask.fatal_turn)
            except SampleError:
                num_untrainable += 1
                continue
            if made.num_supervised:
                counted.append(Row(key=one.key, sample=made, advantage=one.advantage))
    kept = kept_rows(
        [row.advantage for row in counted],
        [row.key for row in counted],
        keep_negative=settings.keep_negative,
        seed=seed,
        step=step,
    )
    wants_all = settings.update.kl_weight > 0
    is_trained = [
        keep and (wants_all or row.advantage != 0) for row, keep in zip(counted, kept, strict=True)
    ]
    rows = [row for row, trained in zip(counted, is_trained, strict=True) if trained]
    others = [row for row, trained in zip(counted, is_trained, strict=True) if not trained]
    return Batch(
        rows=tuple(rows),
        num_active=tuple(row.sample.num_supervised for row in (*rows, *others)),
        num_untrainable=num_untrainable,
        num_dropped=len(kept) - sum(kept),
    )


def figures(groups: Sequence[GradedGroup], *, batch: Batch) -> dict[str, float]:
    """What a step's episodes were like; shares are of all episodes unless the name says otherwise."""
    members = [one for group in groups for one in group.members]
    valid = [one for one in members if one.mask.standing is Standing.VALID]
    rewards = [one.reward for one in valid if one.reward is not None]
    trajectories = [one.trajectory for one in members if one.trajectory is not None]
    advantages = [one.advantage for one in valid]
    seconds = sorted(one.rolled.seconds for one in members)
    reasons = Counter(one.mask.reason for one in members)
    signals = Counter(group.signal for group in groups)
    found = {
        "episodes": float(len(members)),
        "reward_mean": _mean([one.total for one in rewards if one.total is not None]),
        "accuracy_mean": _mean([one.accuracy for one in rewards if one.accuracy is not None]),
        "format_adherence_mean": _mean([one.adherence for one in rewards]),
        "cost_mean": _mean([one.cost for one in rewards]),
        "valid_frac": _share(len(valid), len(members)),
        "masked_behaviour_frac": _share(
            sum(one.mask.standing is Standing.BEHAVIOUR for one in members), len(members)
        ),
        "masked_infrastructure_frac": _share(
            sum(one.mask.standing is Standing.INFRASTRUCTURE for one in members), len(members)
        ),
        "advantage_mean": _mean(advantages),
        "advantage_abs_mean": _mean([abs(one) for one in advantages]),
        "turns_mean": _mean([float(one.num_turns) for one in trajectories]),
        "tokens_mean": _mean([float(len(one.tokens.ids)) for one in trajectories if one.tokens]),
        "tool_calls_mean": _mean([float(one.tool_counts.total()) for one in trajectories]),
        "tool_seconds_mean": _mean([_tool_seconds(one) for one in trajectories]),
        "judge_abstentions": float(sum(_has_abstained(one) for one in members)),
        "bad_rewards": float(reasons["bad_reward"]),
        "staleness_mean": _mean([float(group.staleness) for group in groups]),
        "staleness_max": float(max((group.staleness for group in groups), default=0)),
        "episode_seconds_p50": float(np.quantile(seconds, 0.5)) if seconds else 0.0,
        "episode_seconds_p95": float(np.quantile(seconds, 0.95)) if seconds else 0.0,
        "episode_seconds_max": seconds[-1] if seconds else 0.0,
        "rows": float(len(batch.rows)),
        "rows_untrainable": float(batch.num_untrainable),
        "rows_down_sampled": float(batch.num_dropped),
        "supervised_tokens": float(sum(row.sample.num_supervised for row in batch.rows)),
    }
    found |= {f"groups_{kind.value}": float(signals[kind]) for kind in Signal}
    found |= {
        f"stop_{reason}_frac": _share(count, len(members))
        for reason, count in sorted(reasons.items())
    }
    return found


def _graded(
    rolled: Rolled, *, settings: RlSettings, step: int, versions: Mapping[str, int]
) -> Graded:
    if rolled.episode is None:
        reason = "failed" if rolled.loss is None else rolled.loss.value
        mask = Mask(standing=Standing.INFRASTRUCTURE, reason=reason)
        return Graded(rolled=rolled, mask=mask, reward=None)
    mask = mask_of(rolled.episode, settings=settings.masks)
    reward = reward_of(rolled.episode, settings=settings.reward, step=step)
    if mask.standing is Standing.VALID:
        tokens = rolled.episode.trajectory.tokens
        if not reward.is_finite or reward.total is None:
            why = "abstain" if reward.is_finite else "bad_reward"
            mask = Mask(standing=Standing.INFRASTRUCTURE, reason=why)
        elif tokens is None:
            mask = Mask(standing=Standing.INFRASTRUCTURE, reason="no_tokens")
        elif any(one is not None and one not in versions for one in tokens.versions):
            mask = Mask(standing=Standing.INFRASTRUCTURE, reason="unknown_version")
    return Graded(rolled=rolled, mask=mask, reward=reward)


def _staleness(one: Graded, step: int, versions: Mapping[str, int]) -> int:
    trajectory = one.trajectory
    if one.mask.standing is not Standing.VALID or trajectory is None or trajectory.tokens is None:
        return 0
    return max(
        (step - versions[name] for name in set(trajectory.tokens.versions) if name is not None),
        default=0,
    )


def _has_abstained(one: Graded) -> bool:
    episode = one.rolled.episode
    is_judged = one.rolled.was_judged and episode is not None
    return is_judged and episode.verdict.decision is Decision.ABSTAIN


def _tool_seconds(trajectory: Trajectory) -> float:
    return sum(record.seconds for turn in trajectory.turns for record in turn.calls)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
