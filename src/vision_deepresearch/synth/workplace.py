"""Stages opened in a process of their own, which puts records through them one after the other."""

import asyncio
from collections.abc import Callable, Sequence

from pydantic import JsonValue

from vision_deepresearch.core.context import Budget
from vision_deepresearch.synth.carry_out import carry_out
from vision_deepresearch.synth.stage import EachStage

MakeStages = Callable[[], Sequence[EachStage]]
"""Opens what stages need and makes them: a function of a module, or a partial of one."""


class Workplace:
    """What a working process keeps between records: its stages and its event loop."""

    def __init__(self, make_stages: MakeStages) -> None:
        """Open the stages.

        Raises:
            ConfigError: what they need is not to be had here.
        """
        self._stages = {stage.name: stage for stage in make_stages()}
        self._runner = asyncio.Runner()

    def work(
        self, stage: str, chunk: Sequence[tuple[int, JsonValue]], cap_usd: float | None
    ) -> list[tuple[int, JsonValue]]:
        """Put a few records through a stage: position and outcome of each, as `Executor` says.

        Raises:
            RunStoppingError, OSError: see `carry_out`.
        """
        known = self._stages[stage]
        done: list[tuple[int, JsonValue]] = []
        for position, raw in chunk:
            budget = Budget(max_usd=cap_usd)
            made = carry_out(known, known.takes.model_validate(raw), budget=budget)
            done.append((position, self._runner.run(made).model_dump(mode="json")))
        return done
