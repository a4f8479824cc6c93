"""Calls to a judge's model: so many at a time, each under its deadline, paid from the judge's budget."""

import asyncio
from collections.abc import Sequence

from vision_deepresearch.core.content import Message
from vision_deepresearch.core.context import (
    Budget,
    CallContext,
    Deadline,
    SpendKind,
    current_context,
)
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Completion, ModelClient, Sampling
from vision_deepresearch.core.trajectory import Trajectory

CALL_S = 180.0
"""Seconds for one reply, the retries of the client included."""


class JudgeCalls:
    """How one judge asks its model."""

    def __init__(
        self,
        model: ModelClient,
        *,
        sampling: Sampling,
        concurrency: int,
        budget: Budget | None,
        call_s: float,
    ) -> None:
        """Say how.

        Args:
            model: the judge's.
            sampling: of every call.
            concurrency: calls at a time.
            budget: of all calls together, counted under `SpendKind.JUDGE`; None: no cap.
            call_s: seconds that one reply may take.

        Raises:
            ConfigError: the concurrency is less than 1.
        """
        if concurrency < 1:
            msg = f"a judge needs at least 1 call at a time, got {concurrency}: raise concurrency"
            raise ConfigError(msg)
        self._model = model
        self._sampling = sampling
        self._gate = asyncio.Semaphore(concurrency)
        self._call_s = call_s
        self.budget = budget if budget is not None else Budget()

    async def ask(
        self, conversation: Sequence[Message], *, about: Trajectory, number: int
    ) -> Completion:
        """One reply.

        Args:
            conversation: what the model is told.
            about: the trajectory whose answer is judged; a tape keeps the reply by its attempt.
            number: of the ask about this answer, from 0.

        Raises:
            BoundaryError: the model could not be asked, or the budget is spent.
        """
        async with self._gate:
            # The clock of a call starts when its turn has come.
            context = CallContext(
                task_id=about.task_id,
                trajectory_id=f"{about.id}/judge",
                attempt=about.attempt,
                turn=0,
                index=number,
                deadline=Deadline.after(self._call_s),
                budget=self.budget,
            )
            self.budget.reserve(SpendKind.JUDGE)
            token = current_context.set(context)
            try:
                completion = await self._model.complete(
                    tuple(conversation), tools=(), sampling=self._sampling, context=context
                )
            finally:
                current_context.reset(token)
        self.budget.add_cost(completion.usage.cost_usd)
        return completion
