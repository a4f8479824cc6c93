"""Judge models for tests: one that reads only what it was told to read, one that counts calls."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ModelError
from vision_deepresearch.core.protocols import Completion, Sampling
from vision_deepresearch.core.trajectory import Usage

_PIECE = re.compile(r"^BEGIN ([A-Z0-9 ]+) ([0-9a-f]{16})\n(.*?)\nEND \1 \2$", re.DOTALL | re.M)


def pieces_of(conversation: Conversation) -> dict[str, str]:
    """The data of a case by name, read as the instructions tell a judge to."""
    text = conversation[1].text
    token = text.splitlines()[0].removeprefix("Case ")
    return {name: body for name, found, body in _PIECE.findall(text) if found == token}


@dataclass(kw_only=True)
class LiteralJudgeModel:
    """Compares the first line of the answer with the references; quotes the whole answer.

    Its replies are well formed, whatever the answer says.
    """

    lenient: bool = False
    """Speak as `contains` wants it: any line may be a reference."""
    name: str = "literal"
    asked: list[Conversation] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    contexts: list[CallContext] = field(default_factory=list)

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        assert not tools
        self.asked.append(conversation)
        self.samplings.append(sampling)
        self.contexts.append(context)
        pieces = pieces_of(conversation)
        lines = [normalise_answer(line) for line in pieces["ANSWER"].splitlines()]
        golds = {normalise_answer(pieces[name]) for name in pieces if name.startswith("REFERENCE")}
        is_right = bool(golds & set(lines if self.lenient else lines[:1]))
        quoted = " ".join(pieces["ANSWER"].split())
        if self.lenient:
            text = f"correct: {'yes' if is_right else 'no'}\nreasoning: It says: {quoted}"
        else:
            verdict = "correct" if is_right else "incorrect"
            text = json.dumps({
                "verdict": verdict,
                "extracted_answer": lines[0],
                "rationale": pieces["ANSWER"],
            })
        return Completion(text=text, usage=Usage(cost_usd=0.001))


@dataclass(kw_only=True)
class CountingJudgeModel:
    """Counts how many calls run at a time."""

    name: str = "counting"
    num_calls: int = 0
    num_running: int = 0
    most_running: int = 0

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        del conversation, tools, sampling, context
        self.num_calls += 1
        self.num_running += 1
        self.most_running = max(self.most_running, self.num_running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.num_running -= 1
        return Completion(text='{"verdict": "incorrect"}')


@dataclass(kw_only=True)
class SayingModel:
    """Says what it is told to, one thing after the other, and keeps what it was asked."""

    replies: list[str | ModelError]
    name: str = "saying"
    asked: list[Conversation] = field(default_factory=list)
    contexts: list[CallContext] = field(default_factory=list)
    usd: float = 0.001

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        del tools, sampling
        self.asked.append(conversation)
        self.contexts.append(context)
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        if isinstance(reply, ModelError):
            raise reply
        return Completion(text=reply, usage=Usage(cost_usd=self.usd))
