"""The prompt of the next call: how long it is, and what is shortened when it would not fit.

System prompt, question and the model's own turns are never touched; results of old turns are, the
oldest first, each replaced by one line per call that says what stood there. What was replaced is
recorded as a `ContextEdit`, from which `prompt_before` rebuilds any prompt of a stored trajectory.
"""

import json
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.core.content import (
    Image,
    ImageRef,
    Message,
    Part,
    Role,
    Text,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.errors import BoundaryError
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Profile, Shown, TokenCounter
from vision_deepresearch.core.trajectory import CallRecord, ContextEdit, Trajectory, Turn

EditPolicy: TypeAlias = Literal["drop_oldest", "summarise"]
Condense: TypeAlias = Callable[[str], Awaitable[str]]
"""Writes a long text shorter; raises `BoundaryError` when it cannot."""

LOW_WATER_FRAC = 0.75
"""Once over the limit, the prompt is shortened to this part of it: every edit breaks the server's
prefix cache, so one larger edit is cheaper than one per turn."""

_LATIN_CHARS_PER_TOKEN = 3.6
_OTHER_CHARS_PER_TOKEN = 2.0
"""Letters outside ASCII that are not CJK: Cyrillic, Arabic, accents."""
_MESSAGE_TOKENS = 5
"""Opening, role name, line feed, closing, line feed."""
_IMAGE_FRAME_TOKENS = 2
_PIXELS_PER_TOKEN = 32
"""Side of the square that becomes one token. Source: Qwen3-VL, 16 px patches merged 2 x 2."""
_MAX_IMAGE_TOKENS = 4_096
"""Larger pictures are scaled down by the servers we know."""
_CJK = re.compile(
    r"[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"
    r"\U0001f000-\U0001faff\U00020000-\U0003ffff]+"
)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text takes; errs on the high side. Linear in its length.

    A CJK character or digit is one token, other text goes by characters per token.
    """
    digits = sum(map(text.count, "0123456789"))
    if text.isascii():
        return digits + math.ceil((len(text) - digits) / _LATIN_CHARS_PER_TOKEN)
    cjk = sum(map(len, _CJK.findall(text)))
    num_ascii = len(text.encode("ascii", "ignore"))
    other = len(text) - num_ascii - cjk
    return (
        digits
        + cjk
        + math.ceil((num_ascii - digits) / _LATIN_CHARS_PER_TOKEN)
        + math.ceil(other / _OTHER_CHARS_PER_TOKEN)
    )


def estimate_image_tokens(ref: ImageRef) -> int:
    """About how many tokens a picture takes."""
    columns, rows = (math.ceil(side / _PIXELS_PER_TOKEN) for side in (ref.width, ref.height))
    return min(columns * rows, _MAX_IMAGE_TOKENS) + _IMAGE_FRAME_TOKENS


class EstimateCounter:
    """A `TokenCounter` that needs no tokenizer: within about a fifth on prose, high on purpose."""

    @property
    def name(self) -> str:
        """The word that stands in `Trajectory.counted_by`."""
        return "estimate"

    def count(self, message: Message) -> int:
        """Tokens of the message, its template tokens and pictures included."""
        tokens = _MESSAGE_TOKENS
        for part in message.parts:
            if isinstance(part, Image):
                tokens += estimate_image_tokens(part.ref)
            else:
                tokens += estimate_tokens(part.text)
        if message.reasoning:
            tokens += estimate_tokens(message.reasoning)
        for call in message.tool_calls:
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            tokens += _MESSAGE_TOKENS + estimate_tokens(call.name) + estimate_tokens(arguments)
        return tokens


def count_tool_specs(specs: Sequence[ToolSpec], *, counter: TokenCounter) -> int:
    """Tokens of tool descriptions that travel in the API's own field."""
    if not specs:
        return 0
    text = "\n".join(spec.model_dump_json() for spec in specs)
    return counter.count(Message(role=Role.SYSTEM, parts=(trusted(text),)))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One turn's messages in the window, with their tokens, counted once."""

    reply: Message
    calls: tuple[CallRecord, ...]
    results: tuple[Message, ...]
    reply_tokens: int
    results_tokens: int
    is_shortened: bool = False


class ContextWindow:
    """The conversation of one trajectory with its length in tokens. Mutable; one per trajectory.

    Every message is counted once, when it comes in, so the cost of a whole trajectory is linear in
    its text.
    """

    def __init__(
        self,
        prompt: Sequence[Message],
        *,
        counter: TokenCounter,
        profile: Profile,
        fixed_tokens: int = 0,
    ) -> None:
        """Begin with system prompt and question.

        Args:
            prompt: never shortened.
            counter: counts every message, once.
            profile: renders shortened results.
            fixed_tokens: what travels beside the messages, see `count_tool_specs`.
        """
        self._prompt = tuple(prompt)
        self._counter = counter
        self._profile = profile
        self._stretches: list[_Stretch] = []
        self._num_tokens = fixed_tokens + self._count(self._prompt)

    @property
    def num_tokens(self) -> int:
        """Length of the next prompt."""
        return self._num_tokens

    def messages(self) -> tuple[Message, ...]:
        """The next prompt."""
        return self._prompt + tuple(
            message for stretch in self._stretches for message in (stretch.reply, *stretch.results)
        )

    def add(
        self, reply: Message, *, calls: Sequence[CallRecord], results: Sequence[Message]
    ) -> None:
        """Append a complete turn."""
        stretch = _Stretch(
            reply=reply,
            calls=tuple(calls),
            results=tuple(results),
            reply_tokens=self._counter.count(reply),
            results_tokens=self._count(results),
        )
        self._stretches.append(stretch)
        self._num_tokens += stretch.reply_tokens + stretch.results_tokens

    def extend_last(self, messages: Sequence[Message]) -> None:
        """Say something more behind the last turn, or behind the question before the first."""
        tokens = self._count(messages)
        self._num_tokens += tokens
        if not self._stretches:
            self._prompt += tuple(messages)
            return
        last = self._stretches[-1]
        self._stretches[-1] = replace(
            last,
            results=(*last.results, *messages),
            results_tokens=last.results_tokens + tokens,
        )

    async def fit(
        self,
        *,
        limits: Limits,
        condense: Condense | None = None,
        reserve_tokens: int = 0,
        keep_newest: bool = True,
    ) -> ContextEdit | None:
        """Shorten old results if the next prompt would be too long.

        Works from the oldest turn on until the prompt is down to `LOW_WATER_FRAC` of the limit.
        The newest `keep_last` turns are shortened only as far as the limit itself demands, the
        newest of all never. The caller compares `num_tokens` with the limit afterwards: the
        prompt may still be too long.

        Args:
            limits: `max_context_tokens`, `context_policy` and `keep_last` are read.
            condense: for policy `summarise`; without it, or when it fails, lines that name what
                was there are used instead.
            reserve_tokens: room to leave for messages still to come.
            keep_newest: False before a forced answer: every result may go.

        Returns:
            What was done, or None if nothing was.
        """
        allowed = limits.max_context_tokens - reserve_tokens
        if limits.context_policy == "none" or self._num_tokens <= allowed:
            return None
        goals = self._goals(allowed, keep_last=limits.keep_last, keep_newest=keep_newest)
        if limits.context_policy == "summarise" and condense is not None:
            try:
                return await self._shorten(goals, by=_Condensing(condense))
            except (BoundaryError, TimeoutError):
                # What was condensed before the failure is thrown away: an edit has one policy.
                pass
        return await self._shorten(goals, by=_Naming())

    def _goals(self, allowed: int, *, keep_last: int, keep_newest: bool) -> list[tuple[int, int]]:
        """Turns that may be shortened, oldest first, each with the length that makes it needless."""
        turns = [turn for turn, stretch in enumerate(self._stretches) if stretch.calls]
        first_kept = len(turns) - keep_last
        target = int(allowed * LOW_WATER_FRAC)
        goals = [
            (turn, target if position < first_kept else allowed)
            for position, turn in enumerate(turns)
        ]
        goals = goals[:-1] if keep_newest else goals
        return [(turn, goal) for turn, goal in goals if not self._stretches[turn].is_shortened]

    async def _shorten(
        self, goals: Sequence[tuple[int, int]], *, by: "_Shortening"
    ) -> ContextEdit | None:
        """Shorten turn by turn; nothing is changed when it raises."""
        shortened: dict[int, _Stretch] = {}
        lines: list[str] = []
        tokens = self._num_tokens
        for turn, goal in goals:
            if tokens <= goal:
                break
            stretch = self._stretches[turn]
            new_lines = [await by.line(record) for record in stretch.calls]
            results = _render_lines(
                stretch.calls, lines=new_lines, policy=by.policy, profile=self._profile
            )
            results_tokens = self._count(results)
            if results_tokens < stretch.results_tokens:
                tokens += results_tokens - stretch.results_tokens
                lines += new_lines
                shortened[turn] = replace(
                    stretch, results=results, results_tokens=results_tokens, is_shortened=True
                )
        if not shortened:
            return None
        for turn, stretch in shortened.items():
            self._stretches[turn] = stretch
        self._num_tokens = tokens
        return ContextEdit(policy=by.policy, turns=tuple(shortened), replacement="\n".join(lines))

    def _count(self, messages: Sequence[Message]) -> int:
        return sum(map(self._counter.count, messages))


class _Shortening(Protocol):
    """One way to say in a line what a result was."""

    @property
    def policy(self) -> EditPolicy: ...

    async def line(self, record: CallRecord) -> str: ...


class _Naming:
    policy: EditPolicy = "drop_oldest"

    async def line(self, record: CallRecord) -> str:
        return describe_result(record.observation)


@dataclass(frozen=True, slots=True)
class _Condensing:
    condense: Condense
    policy: EditPolicy = "summarise"

    async def line(self, record: CallRecord) -> str:
        text = "".join(p.text for p in record.observation.parts if isinstance(p, Text))
        return " ".join((await self.condense(text)).split())


def describe_result(observation: Observation) -> str:
    """One line that names what a dropped result was: template words, counts and handles only."""
    if observation.failure is not None:
        words = [f"[result removed to save context: it failed, {observation.failure.kind.value}"]
    else:
        words = [f"[result removed to save context: {len(observation.evidence)} items"]
    shown = [part.handle for part in observation.parts if isinstance(part, Image) and part.handle]
    if shown:
        words.append(f"pictures {', '.join(shown)} can still be used")
    return "; ".join([*words, "call again if it is needed]"])


def prompt_before(trajectory: Trajectory, turn: int, *, profile: Profile) -> tuple[Message, ...]:
    """Rebuild the messages that the model was sent in a turn.

    Args:
        trajectory: as stored.
        turn: index into `trajectory.turns`.
        profile: the one of the trajectory; it renders shortened results.
    """
    results = {before.index: before.results for before in trajectory.turns[:turn]}
    for edited in trajectory.turns[: turn + 1]:
        if edited.edit is not None:
            results |= _edited_results(edited.edit, turns=trajectory.turns, profile=profile)
    messages = list(trajectory.prompt)
    for before in trajectory.turns[:turn]:
        messages += (before.reply, *results[before.index])
    return tuple(messages)


def _edited_results(
    edit: ContextEdit, *, turns: Sequence[Turn], profile: Profile
) -> dict[int, tuple[Message, ...]]:
    lines = edit.replacement.split("\n")
    demand = profile.demand_answer()
    edited = {}
    for index in edit.turns:
        calls, whole = turns[index].calls, turns[index].results
        shortened = _render_lines(
            calls, lines=lines[: len(calls)], policy=edit.policy, profile=profile
        )
        lines = lines[len(calls) :]
        # The demand for an answer is said behind the newest results, shortened or not.
        edited[index] = shortened + (demand if whole[-len(demand) :] == demand else ())
    return edited


def _render_lines(
    calls: Sequence[CallRecord], *, lines: Sequence[str], policy: EditPolicy, profile: Profile
) -> tuple[Message, ...]:
    """One line per call, in the frame the profile gives to results: native calls stay answered."""
    return profile.results([
        Shown(call=record.call, observation=_stand_in(line, policy=policy))
        for record, line in zip(calls, lines, strict=True)
    ])


def _stand_in(line: str, *, policy: EditPolicy) -> Observation:
    """A line of our own is trusted, a condensed one is a model's words about the web."""
    if policy == "drop_oldest":
        return Observation(parts=(trusted(line),))
    parts: tuple[Part, ...] = (trusted("[result shortened to save context] "), untrusted(line))
    return Observation(parts=parts)
