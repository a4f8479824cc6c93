"""Chat clients for tests: on loopback, with pictures in memory and waits that cost nothing."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from tests.models.openai_double import KEY, OpenAiDouble
from vision_deepresearch.core.content import Message, Role, ToolSpec, trusted
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.protocols import Completion, MediaStore, Sampling
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.chat import ChatModel
from vision_deepresearch.models.endpoint import Endpoint, EndpointSettings, endpoint_named

HELLO = (Message(role=Role.USER, parts=(trusted("hello"),)),)
CONTEXT = CallContext(task_id="t", trajectory_id="t-a0")


@dataclass
class Waits:
    """Sleeps of no length that remember how long they were asked to be."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def an_endpoint(name: str) -> Endpoint:
    found = endpoint_named(name, keys={"VDR_MODEL_KEY": KEY})
    assert found is not None
    return found


@asynccontextmanager
async def a_client(
    server: OpenAiDouble | str,
    *,
    settings: EndpointSettings | None = None,
    media: MediaStore | None = None,
    waits: Waits | None = None,
) -> AsyncIterator[ChatModel]:
    """A client of the double, closed in the end."""
    name = server if isinstance(server, str) else server.name
    client = ChatModel(
        an_endpoint(name),
        settings=settings or EndpointSettings(),
        load=(media or MemoryMediaStore()).load,
        rng=Random(0),
        sleep=waits or Waits(),
    )
    try:
        yield client
    finally:
        await client.aclose()


async def ask(
    client: ChatModel,
    conversation: Sequence[Message] = HELLO,
    *,
    tools: Sequence[ToolSpec] = (),
    stop: tuple[str, ...] = (),
) -> Completion:
    return await client.complete(
        conversation, tools=tools, sampling=Sampling(stop=stop), context=CONTEXT
    )
