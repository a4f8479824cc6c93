"""Profile `native`: tool calls in the API's own fields, observations in messages of role `tool`.

Messages of role `tool` take no pictures, so pictures that tools return follow in a user message.
Every call that stays in the history is answered, faults included: strict endpoints refuse less.
"""

from collections.abc import Sequence

from pydantic import JsonValue

from vision_deepresearch.core.answers import extract_answer
from vision_deepresearch.core.content import (
    Image,
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
from vision_deepresearch.models.profiles.prompt_files import fill, rules_for, scope_of
from vision_deepresearch.models.profiles.render import (
    MAX_CALLS,
    body_parts,
    dropped_notice,
    picture_parts,
    question_parts,
)
from vision_deepresearch.models.profiles.strict_json import UnreadableJsonError, read_object
from vision_deepresearch.models.profiles.tags import Scan, scan


class NativeProfile:
    """Speaks through the tool fields of a chat API."""

    @property
    def name(self) -> str:
        """Always `native`."""
        return "native"

    @property
    def stop(self) -> tuple[str, ...]:
        """None: the server ends a turn at its calls."""
        return ()

    @property
    def sends_tool_specs(self) -> bool:
        """True: the prompt holds no schemas."""
        return True

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
        if tools:
            system = fill(
                "native_system",
                scope=scope_of(task, mode=mode),
                rules=rules_for(tools, mode=mode),
                today=today,
            )
        else:
            system = fill("native_system_no_tools", today=today)
        question = question_parts(task, handles=handles, mode=mode)
        return (
            Message(role=Role.SYSTEM, parts=(trusted(system),)),
            Message(role=Role.USER, parts=question),
        )

    def parse(self, completion: Completion, *, turn: int) -> ParsedReply:
        r"""Read a reply: calls win; otherwise the answer tag, `\boxed{}` or the text less thinking.

        Calls beyond the fourth are left out of the history, for each call there must be answered.
        Of a reply with a fault nothing is executed.
        """
        found = scan(completion.text)
        calls, fault = _read_calls(completion.native_calls[:MAX_CALLS], turn=turn)
        answer = None
        if completion.finish is FinishReason.LENGTH:
            calls, fault = (), fault_of(FaultKind.TRUNCATED)
        elif not completion.native_calls:
            answer, fault = _read_answer(found)
        message = Message(
            role=Role.ASSISTANT,
            parts=(untrusted(found.kept),) if found.kept else (),
            reasoning=completion.reasoning,
            tool_calls=calls,
            sampled=completion.tokens if found.kept == completion.text else None,
        )
        return ParsedReply(
            message=message,
            thought=(completion.reasoning or "").strip() or _thought_of(found, answer),
            calls=calls if fault is None else (),
            dropped=max(0, len(completion.native_calls) - MAX_CALLS) if calls else 0,
            answer=answer,
            fault=fault,
        )

    def results(self, shown: Sequence[Shown], *, dropped: int = 0) -> tuple[Message, ...]:
        """One `tool` message per call, then the pictures of all of them in one user message."""
        messages: list[Message] = []
        pictures: list[Part] = []
        for position, item in enumerate(shown):
            images = [part for part in item.observation.parts if isinstance(part, Image)]
            parts = body_parts(item.observation, pictures=False)
            if images:
                handles = ", ".join(image.handle or "a picture" for image in images)
                parts.append(trusted(f"\n[pictures below: {handles}]"))
            if dropped and position == len(shown) - 1:
                parts.append(trusted(dropped_notice(dropped, cap=MAX_CALLS)))
            messages.append(Message(role=Role.TOOL, parts=tuple(parts), tool_call_id=item.call.id))
            for image in images:
                pictures += picture_parts(image)
        if pictures:
            intro = trusted("Pictures returned by the tools:\n")
            messages.append(Message(role=Role.USER, parts=(intro, *pictures)))
        return tuple(messages)

    def explain(self, fault: FormatFault, *, reply: Message) -> tuple[Message, ...]:
        """What was wrong: as the answer to each call of the reply, or as a user message."""
        parts = (
            trusted(fill("explain_native") + "\nReason: "),
            untrusted(neutralise(fault.message)),
        )
        if not reply.tool_calls:
            return (Message(role=Role.USER, parts=parts),)
        return tuple(
            Message(role=Role.TOOL, parts=parts, tool_call_id=call.id) for call in reply.tool_calls
        )

    def demand_answer(self) -> tuple[Message, ...]:
        """Ask for the final answer."""
        return (Message(role=Role.USER, parts=(trusted(fill("demand_answer")),)),)

    def write(
        self, *, thought: str, calls: Sequence[ToolCall] = (), answer: str | None = None
    ) -> Completion:
        """Write a reply that parses back to the same; the thought goes into its own field.

        Raises:
            ValueError: calls and an answer at once: the calls would win.
        """
        if calls and answer is not None:
            msg = "a reply holds calls or an answer, got both: write them as two turns"
            raise ValueError(msg)
        return Completion(
            text="" if answer is None else f"<answer>{neutralise(answer).strip()}</answer>",
            reasoning=neutralise(thought).strip() or None,
            native_calls=tuple(
                NativeCall(id=call.id, name=call.name, arguments=_dump(call)) for call in calls
            ),
            finish=FinishReason.TOOL_CALLS if calls else FinishReason.STOP,
            usage=FREE,
        )


def _dump(call: ToolCall) -> str:
    return call.model_dump_json(include={"arguments"})[len('{"arguments":') : -1]


def _read_calls(
    native: Sequence[NativeCall], *, turn: int
) -> tuple[tuple[ToolCall, ...], FormatFault | None]:
    """Calls in canonical form with ids of their own, and what could not be read of them.

    A call with unreadable arguments stays in the history without them.
    """
    calls: list[ToolCall] = []
    fault: FormatFault | None = None
    taken: set[str] = set()
    for position, wire in enumerate(native):
        call_id = wire.id
        if not call_id or call_id in taken:
            call_id = f"t{turn}c{position}"
        taken.add(call_id)
        try:
            arguments = read_object(wire.arguments) if wire.arguments.strip() else {}
        except UnreadableJsonError as error:
            arguments = dict[str, JsonValue]()
            fault = fault or fault_of(FaultKind.BAD_JSON, f"call {position + 1}: {error}")
        calls.append(ToolCall(id=call_id, name=wire.name, arguments=arguments))
    return tuple(calls), fault


def _read_answer(found: Scan) -> tuple[str | None, FormatFault | None]:
    if found.fault is not None:
        return None, fault_of(found.fault)
    if found.calls:
        return None, fault_of(FaultKind.NO_TAGS, "tools are called through the API's own field")
    if len(set(found.answers)) > 1:
        return None, fault_of(FaultKind.SEVERAL_ANSWERS)
    answer = found.answers[0] if found.answers else extract_answer("".join(found.prose)).answer
    return (answer, None) if answer else (None, fault_of(FaultKind.EMPTY))


def _thought_of(found: Scan, answer: str | None) -> str:
    thought = found.thought
    return "" if thought == answer else thought
