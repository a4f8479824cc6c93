"""Profile `vdr`: ReAct with XML tags, as released Qwen3-VL research checkpoints speak.

A turn is `<think>...</think>` and then either `<tool_call>{"name", "arguments"}</tool_call>` blocks
or `<answer>...</answer>`. Observations come back as one user message of `<tool_response>` blocks.
A call is dispatched by the `name` in its JSON and by nothing else.

Source: wire protocol of arXiv 2601.22060 and its public code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from vision_deepresearch.core.content import (
    Message,
    Part,
    Role,
    ToolCall,
    ToolSpec,
    trusted,
    untrusted,
)
from vision_deepresearch.core.mode import Mode
from vision_deepresearch.core.protocols import (
    Completion,
    FinishReason,
    NativeCall,
    ParsedReply,
    Shown,
)
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import FREE, FaultKind, FormatFault
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.models.profiles.faults import fault_of
from vision_deepresearch.models.profiles.prompt_files import fill, rules_for, schema_line, scope_of
from vision_deepresearch.models.profiles.render import (
    MAX_CALLS,
    body_parts,
    dropped_notice,
    question_parts,
)
from vision_deepresearch.models.profiles.strict_json import UnreadableJsonError, read_object
from vision_deepresearch.models.profiles.tags import (
    Scan,
    call_block,
    inert_json,
    scan,
    without_tags,
)

_WIRE_PYTHON = "PythonInterpreter"
_PYTHON_DESCRIPTION = (
    "Run Python code and get what it prints. The arguments are empty; the code follows the JSON "
    "object inside <code></code>."
)
_DATE_STUB = "Current date:"
"""A prompt of a checkpoint that ends so gets the date appended, as it was trained."""
_THINK_TAG = re.compile(r"<(?=/?think>)")
_CODE_BREAKERS = ("</code>", "<code>", "</tool_call>", "<tool_response>", "</answer>")


class VdrProfile:
    """Speaks with tags.

    Args:
        calls_per_turn: `many` runs up to four calls of a turn; `one` (released checkpoints) the
            first, and says so of the rest.
        system_prompt: a checkpoint's own prompt, which replaces ours with its tool block.
    """

    def __init__(
        self,
        *,
        calls_per_turn: Literal["one", "many"] = "many",
        system_prompt: str | None = None,
    ) -> None:
        self._cap = 1 if calls_per_turn == "one" else MAX_CALLS
        self._system_prompt = system_prompt

    @property
    def name(self) -> str:
        """Always `vdr`."""
        return "vdr"

    @property
    def stop(self) -> tuple[str, ...]:
        """Ends a reply before it invents an observation."""
        ends = ("<tool_response>", "</answer>")
        return (*ends, "</tool_call>") if self._cap == 1 else ends

    @property
    def sends_tool_specs(self) -> bool:
        """False: the tools stand in the prompt."""
        return False

    def prompt(
        self,
        task: Task,
        *,
        handles: Sequence[str],
        tools: Sequence[ToolSpec],
        mode: Mode,
        today: str,
    ) -> tuple[Message, ...]:
        """System message and question.

        Raises:
            ConfigError: the mode needs a caption and the task has none.
        """
        system = self._system_text(task, tools, mode=mode, today=today)
        question = question_parts(task, handles=handles, mode=mode)
        return (
            Message(role=Role.SYSTEM, parts=(trusted(system),)),
            Message(role=Role.USER, parts=question),
        )

    def _system_text(self, task: Task, tools: Sequence[ToolSpec], *, mode: Mode, today: str) -> str:
        if self._system_prompt is not None:
            own = self._system_prompt
            if own.rstrip().endswith(_DATE_STUB):
                return f"{own.rstrip()} {today}"
            return own
        if not tools:
            return fill("vdr_system_no_tools", today=today)
        calls = fill("calls_one") if self._cap == 1 else fill("calls_many", cap=self._cap)
        if any(tool.name == "python" for tool in tools):
            calls += "\n" + fill("calls_python")
        return fill(
            "vdr_system",
            scope=scope_of(task, mode=mode),
            rules=rules_for(tools, mode=mode),
            tools="\n".join(_schema_of(tool) for tool in tools),
            calls=calls,
            today=today,
        )

    def parse(self, completion: Completion, *, turn: int) -> ParsedReply:
        """Read a reply; nothing of a reply with a fault is executed.

        Checked in this order: empty, cut at the token limit, unclosed thought, calls (an unclosed
        one among several spoils the turn), unclosed tags, answers. A complete call wins over an
        answer. Of a reply that is cut here the sampled tokens are not kept: they no longer stand
        for its text.
        """
        text = _whole_text(completion)
        found = scan(text)
        is_whole = found.kept == text
        if completion.native_calls and not found.calls:
            # A server with a tool parser took the calls out of the text: they go back in.
            blocks = [_native_block(call) for call in completion.native_calls]
            found, is_whole = scan("\n".join([found.kept, *blocks]).lstrip()), False
        message = Message(
            role=Role.ASSISTANT,
            parts=(untrusted(found.kept),),
            sampled=completion.tokens if is_whole else None,
        )
        read = self._read(found, completion=completion, turn=turn)
        return ParsedReply(
            message=message,
            thought=found.thought,
            calls=read.calls,
            dropped=read.dropped,
            answer=read.answer,
            fault=read.fault,
        )

    def _read(self, found: Scan, *, completion: Completion, turn: int) -> "_Reading":
        if not found.kept.strip():
            return _faulty(FaultKind.EMPTY)
        if completion.finish is FinishReason.LENGTH:
            return _faulty(FaultKind.TRUNCATED)
        if found.fault is FaultKind.UNCLOSED_THINK:
            return _faulty(FaultKind.UNCLOSED_THINK)
        if found.calls and not (found.is_call_open and self._cap > 1):
            return self._read_calls(found.calls, turn=turn)
        if found.fault is not None:
            return _faulty(found.fault)
        return _read_answers(found.answers)

    def _read_calls(self, bodies: Sequence[str], *, turn: int) -> "_Reading":
        calls = []
        for position, body in enumerate(bodies[: self._cap]):
            try:
                calls.append(_call_of(body, call_id=f"t{turn}c{position}"))
            except UnreadableJsonError as error:
                return _faulty(FaultKind.BAD_JSON, f"call {position + 1}: {error}")
        return _Reading(calls=tuple(calls), dropped=max(0, len(bodies) - self._cap))

    def results(self, shown: Sequence[Shown], *, dropped: int = 0) -> tuple[Message, ...]:
        """One user message with a `<tool_response>` per call, in call order."""
        parts: list[Part] = []
        for position, item in enumerate(shown):
            is_last = position == len(shown) - 1
            parts.append(trusted("<tool_response>\n"))
            parts += body_parts(item.observation)
            if is_last and dropped:
                parts.append(trusted(dropped_notice(dropped, cap=self._cap)))
            parts.append(trusted("\n</tool_response>" if is_last else "\n</tool_response>\n"))
        return (Message(role=Role.USER, parts=tuple(parts)),) if parts else ()

    def explain(self, fault: FormatFault, *, reply: Message) -> tuple[Message, ...]:  # noqa: ARG002 - answers native call ids in the other profile
        """A plain user message: what was wrong, and what a reply must hold."""
        parts = (trusted(fill("explain_vdr") + "\nReason: "), untrusted(neutralise(fault.message)))
        return (Message(role=Role.USER, parts=parts),)

    def demand_answer(self) -> tuple[Message, ...]:
        """Ask for the final answer."""
        return (Message(role=Role.USER, parts=(trusted(fill("demand_answer")),)),)

    def write(
        self, *, thought: str, calls: Sequence[ToolCall] = (), answer: str | None = None
    ) -> Completion:
        """Write a reply that parses back to the same; tags inside the thought are neutralised.

        Raises:
            ValueError: calls and an answer at once: the calls would win.
        """
        if calls and answer is not None:
            msg = "a reply holds calls or an answer, got both: write them as two turns"
            raise ValueError(msg)
        pieces = [f"<think>\n{neutralise(thought).strip()}\n</think>"]
        pieces += [_call_text(call) for call in calls]
        if answer is not None:
            pieces.append(f"<answer>{neutralise(answer).strip()}</answer>")
        return Completion(text="\n".join(pieces), usage=FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What a scanned reply asks for."""

    calls: tuple[ToolCall, ...] = ()
    dropped: int = 0
    answer: str | None = None
    fault: FormatFault | None = None


def _faulty(kind: FaultKind, detail: str = "") -> _Reading:
    return _Reading(fault=fault_of(kind, detail))


def _read_answers(answers: Sequence[str]) -> _Reading:
    if not answers:
        return _faulty(FaultKind.NO_TAGS)
    if len(set(answers)) > 1:
        return _faulty(FaultKind.SEVERAL_ANSWERS)
    if not answers[0]:
        return _faulty(FaultKind.EMPTY, "the answer is empty")
    return _Reading(answer=answers[0])


def _schema_of(tool: ToolSpec) -> str:
    if tool.name == "python":
        return schema_line(
            name=_WIRE_PYTHON,
            description=_PYTHON_DESCRIPTION,
            parameters={"type": "object", "properties": {}},
        )
    return schema_line(name=tool.name, description=tool.description, parameters=tool.parameters)


def _whole_text(completion: Completion) -> str:
    """The reply with thinking from a field of its own put back into its tags."""
    if completion.reasoning is None:
        return completion.text
    thought = _THINK_TAG.sub("\u2039", completion.reasoning)
    return f"<think>\n{thought}\n</think>\n\n{completion.text}"


def _call_of(body: str, *, call_id: str) -> ToolCall:
    """Read the body of a call.

    Raises:
        UnreadableJsonError: no JSON object with exactly `name` and `arguments`.
    """
    code: str | None = None
    if body.rstrip().endswith("</code>"):
        head, _, rest = body.partition("<code>")
        body, code = head, _without_frame(rest.rstrip().removesuffix("</code>"))
    content = read_object(body)
    name, arguments = content.pop("name", None), content.pop("arguments", None)
    if arguments is None and code is not None:
        arguments = dict[str, JsonValue]()
    if not isinstance(name, str) or not isinstance(arguments, dict) or content:
        msg = 'the object needs exactly "name" (a string) and "arguments" (an object)'
        raise UnreadableJsonError(msg)
    if name == _WIRE_PYTHON:
        name = "python"
    if code is not None:
        if name != "python" or "code" in arguments:
            msg = f"a <code> block belongs to {_WIRE_PYTHON} alone, and once"
            raise UnreadableJsonError(msg)
        arguments = {**arguments, "code": code}
    return ToolCall(id=call_id, name=name, arguments=arguments)


def _native_block(call: NativeCall) -> str:
    """A call from a field of the API's own as this profile writes it; bad JSON stays bad."""
    arguments = without_tags(call.arguments) if call.arguments.strip() else "{}"
    head = inert_json(call.name)
    return f'<tool_call>\n{{"name": {head}, "arguments": {arguments}}}\n</tool_call>'


def _without_frame(code: str) -> str:
    """Code without the one line break on each side that sets it apart from its tags."""
    return code.removeprefix("\n").removesuffix("\n")


def _call_text(call: ToolCall) -> str:
    if call.name == "python" and list(call.arguments) == ["code"]:
        code = call.arguments["code"]
        if isinstance(code, str) and not any(tag in code for tag in _CODE_BREAKERS):
            head = inert_json({"name": _WIRE_PYTHON, "arguments": {}})
            return f"<tool_call>\n{head}\n<code>\n{code}\n</code>\n</tool_call>"
    name = _WIRE_PYTHON if call.name == "python" else call.name
    return call_block({"name": name, "arguments": call.arguments})
