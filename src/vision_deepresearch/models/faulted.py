"""A model whose endpoint misbehaves by a plan, behind the call policy: to test with."""

from collections.abc import Sequence

from vision_deepresearch.calls.faults.provider import FaultedProvider
from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Completion, ModelClient, Sampling


class FaultedModel:
    """Wraps a model client; what is answered is the wrapped model's own."""

    def __init__(self, model: ModelClient, *, endpoint: FaultedProvider) -> None:
        self._model = model
        self._endpoint = endpoint

    @property
    def name(self) -> str:
        """As the wrapped model."""
        return self._model.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """As the wrapped model.

        Raises:
            ModelError: the endpoint failed for good.
        """
        return await self._endpoint.call(
            lambda: self._model.complete(
                conversation, tools=tools, sampling=sampling, context=context
            ),
            what=f"the call of {self._model.name}",
        )
