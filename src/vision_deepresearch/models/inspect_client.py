"""A model of inspect_ai behind our seam, and our messages as inspect_ai has them.

Needs the extra `inspect`.
"""

import base64
from collections.abc import Sequence

from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    Content,
    ContentImage,
    ContentText,
    GenerateConfig,
    Model,
    get_model,
)

from vision_deepresearch.core.content import (
    Conversation,
    Image,
    ImageRef,
    Message,
    Role,
    ToolSpec,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import FailureKind, ModelError, boundary
from vision_deepresearch.core.protocols import Completion, FinishReason, MediaStore, Sampling
from vision_deepresearch.core.trajectory import Usage

ChatMessage = ChatMessageSystem | ChatMessageUser | ChatMessageAssistant
INSPECT = "inspect"
"""Kind of a model's name: inspect:openai/gpt-5."""
_FINISH = {
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}


class InspectModel:
    """A model of inspect_ai behind our seam. Text and pictures; tools stand in the prompt."""

    def __init__(self, name: str, *, media: MediaStore) -> None:
        """Take a model by inspect's name for it, such as openai/gpt-5; pictures come from the store."""
        self._name = name
        self._media = media

    @property
    def name(self) -> str:
        """As `--model` takes it."""
        return f"{INSPECT}:{self._name}"

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """One reply.

        Raises:
            ModelError: the model failed, or tools were to travel in the API's own field.
        """
        del context
        if tools:
            raise ModelError(FailureKind.BAD_ARGS, "tools travel in the prompt: use profile vdr")
        config = GenerateConfig(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_seqs=list(sampling.stop) or None,
            seed=sampling.seed,
        )
        with boundary(ModelError, "the model of inspect_ai"):
            output = await self._model().generate(
                list(messages_of(conversation, media=self._media)), config=config
            )
        usage = output.usage
        return Completion(
            text=output.completion,
            finish=_FINISH.get(str(output.stop_reason), FinishReason.STOP),
            usage=Usage(
                prompt_tokens=usage.input_tokens if usage else 0,
                completion_tokens=usage.output_tokens if usage else 0,
            ),
            model=output.model,
        )

    def _model(self) -> Model:
        """The one that runs, where it is called so: its arguments are not part of its name."""
        running = get_model()
        return running if str(running) == self._name else get_model(self._name)


def messages_of(conversation: Conversation, *, media: MediaStore) -> list[ChatMessage]:
    """Messages as inspect_ai has them; results of tools come as the user's, under their own words."""
    return [_message(one, media=media) for one in conversation]


def picture_uri(ref: ImageRef, *, media: MediaStore) -> str:
    """A picture's own bytes inline."""
    data = media.load(ref)
    return f"data:{ref.media_type};base64,{base64.b64encode(data).decode()}"


def _message(message: Message, *, media: MediaStore) -> ChatMessage:
    content: list[Content] = [
        ContentImage(image=picture_uri(part.ref, media=media))
        if isinstance(part, Image)
        else ContentText(text=part.text)
        for part in message.parts
    ]
    match message.role:
        case Role.SYSTEM:
            return ChatMessageSystem(content=message.text)
        case Role.ASSISTANT:
            calls = "".join(f"\n[{call.name}] {call.arguments}" for call in message.tool_calls)
            return ChatMessageAssistant(content=(message.reasoning or "") + message.text + calls)
        case Role.USER | Role.TOOL:
            return ChatMessageUser(content=content)
