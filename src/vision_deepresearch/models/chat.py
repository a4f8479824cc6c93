"""A model behind any endpoint that speaks the OpenAI chat format; see docs/endpoints.md.

    conversation -> [text form] -> body -> call policy( one POST ) -> draft -> Completion

The SDK carries the bytes; what is in them and what becomes of them is decided here: every attempt
goes through the call policy, the SDK repeats nothing, follows no redirect and reads no setting of
its own from the environment. The key travels in one header to the address it belongs to.
"""

import asyncio
import json
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import JsonValue

from vision_deepresearch.calls.policy import CallPolicy, CallSettings
from vision_deepresearch.core.content import Conversation, Image, ImageRef, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import FailureKind, ModelError, boundary
from vision_deepresearch.core.protocols import Completion, Sampling
from vision_deepresearch.models.chat_errors import (
    failure_in_body,
    failure_of_status,
    unreachable,
)
from vision_deepresearch.models.chat_pictures import Pictures
from vision_deepresearch.models.chat_quirks import quirks_of
from vision_deepresearch.models.chat_reply import Draft, usage_of
from vision_deepresearch.models.chat_text import TEXT_STOP, as_text, with_calls
from vision_deepresearch.models.chat_wire import Wire, request_body
from vision_deepresearch.models.endpoint import Endpoint, EndpointSettings, Provider

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

_CONNECT_S = 15.0
_MAX_SIGNATURES = 4096
"""Signatures of calls kept for the turns to come; each is some kilobytes at most."""
_SENT_HEADERS = frozenset({
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
})
"""Beside the key; for OpenAI itself, organisation and project too."""
_OPENAI_HEADERS = frozenset({"openai-organization", "openai-project"})


class ChatModel:
    """A model client; one per process and endpoint, shared by all trajectories of one event loop.

    Args:
        endpoint: where and with which key.
        settings: limits, prices and habits.
        load: the stored bytes of a picture; called in a thread.
        rng: source of jitter between attempts.
        clock: monotonic seconds, running with the event loop's own clock.
        sleep: waits so many seconds between attempts.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        settings: EndpointSettings,
        load: Callable[[ImageRef], bytes],
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._provider = settings.provider or endpoint.provider
        self._quirks = quirks_of(self._provider, model=endpoint.model, settings=settings)
        self._pictures = Pictures(
            load,
            max_side_px=self._quirks.max_picture_px,
            max_bytes=self._quirks.max_picture_bytes,
        )
        self._policy = CallPolicy(
            ModelError,
            rng=rng,
            settings=CallSettings(
                call_s=settings.call_s,
                attempt_s=settings.attempt_s,
                max_attempts=settings.max_attempts,
                concurrency=settings.concurrency,
                max_concurrency=settings.concurrency,
            ),
            clock=clock,
            sleep=sleep,
        )
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()
        self._signatures: OrderedDict[tuple[str, str], JsonValue] = OrderedDict()
        """By trajectory and call: what the provider wants back with the call."""

    @property
    def name(self) -> str:
        """As the user named it: provider or address, and model; no key."""
        return self._endpoint.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """Continue the conversation by one assistant message.

        Raises:
            ModelError: the endpoint failed, or a picture cannot be read.
        """
        is_text = self._settings.tools == "text"
        if is_text:
            conversation = as_text(conversation, tools=tools)
        reads_calls = is_text and bool(tools)
        if reads_calls and TEXT_STOP not in sampling.stop:
            sampling = sampling.model_copy(update={"stop": (*sampling.stop, TEXT_STOP)})
        wire = Wire(
            model=self._endpoint.model,
            settings=self._settings,
            quirks=self._quirks,
            data_uri=self._data_uri,
            signature=lambda call_id: self._signatures.get((context.trajectory_id, call_id)),
        )

        def encode() -> bytes:
            body = request_body(
                conversation, tools=() if is_text else tools, sampling=sampling, wire=wire
            )
            return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")

        await self._open()
        draft, completion = await self._policy.call(
            lambda: self._attempt(encode, stops=sampling.stop),
            what=f"the call of {self._endpoint.name}",
            deadline=context.deadline,
        )
        for call_id, signature in draft.calls_with_signatures():
            self._signatures[context.trajectory_id, call_id] = signature
        while len(self._signatures) > _MAX_SIGNATURES:
            self._signatures.popitem(last=False)
        usage = usage_of(draft, settings=self._settings, quirks=self._quirks)
        completion = completion.model_copy(
            update={"usage": usage, "model": completion.model or self._endpoint.model}
        )
        return with_calls(completion) if reads_calls else completion

    async def aclose(self) -> None:
        """Close all connections; the client may be used again and opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _data_uri(self, image: Image) -> str:
        return self._pictures.data_uri(image.ref)

    async def _attempt(
        self, encode: Callable[[], bytes], *, stops: Sequence[str]
    ) -> tuple[Draft, Completion]:
        """One request, whole or streamed.

        Pictures make bodies of many megabytes. So they are made in a thread, for base64 and JSON
        would hold up every other call, and anew for each attempt, for thousands of calls that wait
        for their turn must not hold theirs.

        Raises:
            ModelError: typed by what went wrong, or a picture cannot be read.
        """
        content = await asyncio.to_thread(encode)
        draft = Draft()
        with boundary(ModelError, f"the call of {self._endpoint.name}"):
            await self._receive(content, draft=draft)
        completion = draft.completion(asked_stops=stops)
        if self._settings.stream and draft.finish is None:
            msg = f"{self._endpoint.name} broke off in the middle of a reply"
            raise ModelError(FailureKind.UPSTREAM, msg)
        return draft, completion

    async def _receive(self, content: bytes, *, draft: Draft) -> None:
        """Send, and fill the draft; the SDK's errors become ours, without their bodies."""
        client = await self._open()
        import openai

        try:
            if self._settings.stream:
                stream = await client.post(
                    "/chat/completions",
                    cast_to=object,
                    content=content,
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
                async with stream:
                    async for chunk in stream:
                        self._add(chunk, draft=draft)
            else:
                self._add(
                    await client.post("/chat/completions", cast_to=object, content=content),
                    draft=draft,
                )
        except openai.APIStatusError as error:
            raise failure_of_status(
                error.status_code,
                body=error.body,
                headers=error.response.headers,
                endpoint=self._endpoint,
                now=datetime.now(UTC),
            ) from None
        except openai.APITimeoutError:
            msg = f"{self._endpoint.name} took too long to answer"
            raise ModelError(FailureKind.TIMEOUT, msg) from None
        except openai.APIConnectionError:
            raise unreachable(self._endpoint) from None
        except openai.APIError as error:
            raise failure_in_body(error.body, endpoint=self._endpoint) from None
        except (ValueError, RecursionError):
            msg = f"{self._endpoint.name} sent something that is no JSON: is it a chat endpoint?"
            raise ModelError(FailureKind.UPSTREAM, msg) from None

    def _add(self, content: object, *, draft: Draft) -> None:
        if not isinstance(content, dict):
            msg = f"{self._endpoint.name} sent something that is no reply: is it a chat endpoint?"
            raise ModelError(FailureKind.UPSTREAM, msg)
        if content.get("error") and not content.get("choices"):
            raise failure_in_body(content, endpoint=self._endpoint)
        draft.add(content)

    async def _open(self) -> "AsyncOpenAI":
        """The SDK's client, made on first use; in a thread, for the import takes most of a second."""
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make_client)
            return self._client

    def _make_client(self) -> "AsyncOpenAI":
        import httpx2
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        timeout = httpx2.Timeout(self._settings.attempt_s, connect=_CONNECT_S)
        return AsyncOpenAI(
            api_key=self._endpoint.key or "none",
            base_url=self._endpoint.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=DefaultAsyncHttpxClient(
                timeout=timeout,
                follow_redirects=False,
                event_hooks={"request": [self._strip]},
            ),
        )

    async def _strip(self, request: "httpx2.Request") -> None:
        """Leave only what must travel: the SDK adds headers of its own and from the environment."""
        allowed = _SENT_HEADERS
        if self._endpoint.provider is Provider.OPENAI:
            allowed |= _OPENAI_HEADERS
        for name in list(request.headers):
            if name.lower() not in allowed:
                del request.headers[name]
        if self._endpoint.key is not None:
            request.headers["Authorization"] = f"Bearer {self._endpoint.key}"
