"""The learning rate of a step: linear warm-up, then a cosine down to a floor."""

import math


def learning_rate(
    step: int, *, num_steps: int, peak: float, floor: float, warmup_frac: float
) -> float:
    """The rate with which optimizer step `step` (from 0) is taken.

    Args:
        step: which.
        num_steps: of the whole run.
        peak: reached at the end of the warm-up.
        floor: of the last step; not above the peak.
        warmup_frac: share of the steps that warm up; the first step has a rate above 0.

    Source: Megatron's schedule, as the paper's command sets it (`lr_warmup_fraction`, `min_lr`).
    """
    warmup = round(warmup_frac * num_steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    left = max(num_steps - warmup - 1, 1)
    done = min((step - warmup) / left, 1.0)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * done))
