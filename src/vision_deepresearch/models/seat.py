"""The model's seat for somebody else: a program that exchanges files, or a person at a terminal.

Both see what a model sees and answer through the profile, so tools, limits and records are the
same as for any other model.
"""

import asyncio
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self, TextIO

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from vision_deepresearch.core.content import (
    Conversation,
    Image,
    ImageRef,
    Message,
    Role,
    Text,
    ToolCall,
    ToolSpec,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.protocols import Completion, Profile, Sampling
from vision_deepresearch.core.record import Record
from vision_deepresearch.core.trajectory import FREE
from vision_deepresearch.models.profiles.offered import offered_tools
from vision_deepresearch.models.seat_commands import CommandError, help_text, read_command

PathOf = Callable[[ImageRef], Path | None]
"""Where the file of a picture lies, if it lies anywhere."""

_HANDLE = re.compile(r"\bimg_[0-9]{1,4}\b", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


# ------------------------------------------------------------------------------------- directory


class SeatCall(Record):
    """A tool call as the program in the seat writes it."""

    name: str
    arguments: dict[str, JsonValue] = {}

    @field_validator("arguments")
    @classmethod
    def _holds_json_numbers_only(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        json.dumps(value, allow_nan=False)  # a ValueError for NaN and Infinity, told to the seat
        return value


class SeatReply(Record):
    """A reply file: `{"text": ...}` as a model would write it, or its content in fields.

    Example: `{"thought": "The emblem first.", "calls": [{"name": "search", "arguments":
    {"query": ["emblem with three keys"]}}]}`.
    """

    text: str | None = None
    """The whole reply in the wire form of the profile; nothing else then."""
    thought: str = ""
    calls: tuple[SeatCall, ...] = ()
    answer: str | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        given = (self.text is not None) + bool(self.calls) + (self.answer is not None)
        if given != 1 or (self.text is not None and self.thought):
            msg = 'a reply needs either "text" alone, or "calls", or "answer"'
            raise ValueError(msg)
        return self


class SeatPicture(Record):
    """A picture of a message."""

    handle: str | None
    path: str | None
    """Relative to the folder of the request; None: no file at hand."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""


class SeatMessage(Record):
    """A message as text, with pictures marked where they stand."""

    role: Role
    text: str
    pictures: tuple[SeatPicture, ...] = ()


class SeatRequest(Record):
    """A request file: everything a model would be given for this turn."""

    schema_version: int = 1
    task_id: str
    trajectory_id: str
    attempt: int
    turn: int
    reply_to: str
    """Name of the file the reply is expected in, beside the request."""
    seconds_left: float | None = None
    handles: tuple[str, ...] = Field(description="names that may be used as image_id")
    tools: tuple[ToolSpec, ...] = ()
    messages: tuple[SeatMessage, ...] = ()


class DirectorySeat:
    """Asks for each turn with a file and waits for a file in return.

        FOLDER/<trajectory>/request-0003.json   written by us, whole or not at all
        FOLDER/<trajectory>/reply-0003.json     written by the program in the seat
        FOLDER/<trajectory>/error-0003.json     what was wrong with the reply; mend it, we wait
        FOLDER/<trajectory>/pictures/           the pictures the requests show

    A reply that is already there when the same request is made again is used again, so a run can
    be resumed; for a different request it is set aside as `stale-0003.json`.

    Args:
        folder: where the files go; made when missing.
        profile: writes replies given in fields.
        path_of: finds picture files, which are copied beside the requests.
        poll_s: seconds between two looks for the reply.
    """

    def __init__(
        self, folder: Path, *, profile: Profile, path_of: PathOf, poll_s: float = 0.2
    ) -> None:
        self._folder = folder
        self._profile = profile
        self._path_of = path_of
        self._poll_s = poll_s

    @property
    def name(self) -> str:
        """Always `seat`: who sits there is not known."""
        return "seat"

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,  # noqa: ARG002 - nobody in the seat can be told how to sample
        context: CallContext,
    ) -> Completion:
        """Write the request and wait for its reply.

        Raises:
            ModelError: the deadline passed (timeout).
        """
        home = self._folder / (_UNSAFE.sub("_", context.trajectory_id).strip(".") or "trajectory")
        number = f"{context.turn:04d}" + (f"-{context.index}" if context.index else "")
        reply_path = home / f"reply-{number}.json"
        error_path = home / f"error-{number}.json"
        offered = offered_tools(conversation, tools, profile=self._profile)
        request = self._request(conversation, tools=offered, context=context, home=home)
        _put_request(home, request.model_copy(update={"reply_to": reply_path.name}), number=number)
        refused: bytes | None = None
        while True:
            data = _read_if_there(reply_path)
            if data is not None and data != refused:
                try:
                    reply = SeatReply.model_validate_json(data)
                except ValidationError as error:
                    refused = data
                    _write_whole(error_path, json.dumps(_explanation(error), indent=1))
                else:
                    error_path.unlink(missing_ok=True)
                    return self._completion(reply)
            if context.deadline is not None and context.deadline.is_over:
                raise ModelError(
                    FailureKind.TIMEOUT, f"nobody wrote {reply_path.name} before the deadline"
                )
            await asyncio.sleep(self._poll_s)

    def _request(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        context: CallContext,
        home: Path,
    ) -> SeatRequest:
        return SeatRequest(
            task_id=context.task_id,
            trajectory_id=context.trajectory_id,
            attempt=context.attempt,
            turn=context.turn,
            reply_to="",
            seconds_left=context.deadline.remaining_s if context.deadline else None,
            handles=known_handles(conversation),
            tools=tuple(tools),
            messages=tuple(
                SeatMessage(
                    role=message.role,
                    text=text_of(message),
                    pictures=tuple(self._picture(image, home=home) for image in message.images),
                )
                for message in conversation
            ),
        )

    def _picture(self, image: Image, *, home: Path) -> SeatPicture:
        path = self._path_of(image.ref)
        shown: str | None = None
        if path is not None and path.is_file():
            suffix = "." + image.ref.media_type.rpartition("/")[2]
            target = home / "pictures" / f"{image.ref.sha256[:16]}{suffix}"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            shown = f"pictures/{target.name}"
        return SeatPicture(
            handle=image.handle, path=shown, width=image.ref.width, height=image.ref.height
        )

    def _completion(self, reply: SeatReply) -> Completion:
        if reply.text is not None:
            return Completion(text=reply.text, model=self.name, usage=FREE)
        calls = [
            ToolCall(id=f"s{position}", name=call.name, arguments=call.arguments)
            for position, call in enumerate(reply.calls)
        ]
        return self._profile.write(thought=reply.thought, calls=calls, answer=reply.answer)


def known_handles(conversation: Conversation) -> tuple[str, ...]:
    """Names of pictures that the conversation mentions outside the model's own words."""
    handles = dict.fromkeys(
        handle
        for message in conversation
        if message.role not in {Role.ASSISTANT, Role.SYSTEM}
        for handle in (
            *(image.handle for image in message.images if image.handle),
            *_HANDLE.findall(message.text),
        )
    )
    return tuple(handles)


def text_of(message: Message) -> str:
    """A message as text, pictures marked where they stand, thinking and native calls included."""
    pieces = [f"<think>\n{message.reasoning}\n</think>\n"] if message.reasoning else []
    for part in message.parts:
        if isinstance(part, Text):
            pieces.append(part.text)
        else:
            pieces.append(f"[picture {part.handle or part.ref.sha256[:12]}]")
    pieces += [
        f"\n[call {call.name} {json.dumps(call.arguments, ensure_ascii=False)}]"
        for call in message.tool_calls
    ]
    return "".join(pieces)


def _put_request(home: Path, request: SeatRequest, *, number: str) -> None:
    """Write the request; set a reply to another request of the same number aside."""
    home.mkdir(parents=True, exist_ok=True)
    path, reply = home / f"request-{number}.json", home / f"reply-{number}.json"
    former = _read_if_there(path)
    if former is not None and reply.exists() and not _is_same(former, request):
        reply.replace(home / f"stale-{number}.json")
    _write_whole(path, request.model_dump_json(indent=1))


def _is_same(former: bytes, request: SeatRequest) -> bool:
    try:
        earlier = SeatRequest.model_validate_json(former)
    except ValidationError:
        return False
    return earlier.model_copy(update={"seconds_left": request.seconds_left}) == request


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text(text, "utf-8")
    draft.replace(path)


def _read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _explanation(error: ValidationError) -> dict[str, JsonValue]:
    wrong = [
        f"{'.'.join(str(part) for part in item['loc']) or 'reply'}: {item['msg']}"
        for item in error.errors(include_url=False)
    ]
    return {
        "expected": '{"thought": "...", "calls": [{"name": "...", "arguments": {}}]} or '
        '{"thought": "...", "answer": "..."} or {"text": "..."}',
        "wrong": list[JsonValue](wrong),
        "mend": "write the reply file again; we are waiting",
    }


# -------------------------------------------------------------------------------------- terminal


class TerminalSeat:
    """Lets a person play the model with one-line commands.

    One question at a time: several trajectories wait for each other. The blocking read runs in a
    daemon thread, so that a cancelled run does not wait for the Enter key.

    Args:
        profile: writes the person's move as a model of this family would.
        source: where lines are read.
        sink: where text goes.
        path_of: finds picture files, whose paths are shown.
    """

    def __init__(self, profile: Profile, *, source: TextIO, sink: TextIO, path_of: PathOf) -> None:
        self._profile = profile
        self._source = source
        self._sink = sink
        self._path_of = path_of
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """Always `seat`."""
        return "seat"

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,  # noqa: ARG002 - a person cannot be told how to sample
        context: CallContext,
    ) -> Completion:
        """Show what is new and read commands until one is a move.

        Raises:
            ModelError: the input ended (unavailable).
        """
        tools = offered_tools(conversation, tools, profile=self._profile)
        async with self._turn:
            self._show(conversation, turn=context.turn, tools=tools)
            while True:
                self._sink.write("> ")
                self._sink.flush()
                line = await _read_line(self._source)
                if not line:
                    raise ModelError(FailureKind.UNAVAILABLE, "the person left the seat")
                if line.strip() in {"help", "?", ""}:
                    self._sink.write(help_text(tools))
                    continue
                try:
                    move = read_command(line, tools=tools, handles=known_handles(conversation))
                except CommandError as error:
                    self._sink.write(f"{error}\n")
                    continue
                calls = () if move.call is None else (move.call,)
                return self._profile.write(thought="", calls=calls, answer=move.answer)

    def _show(self, conversation: Conversation, *, turn: int, tools: Sequence[ToolSpec]) -> None:
        self._sink.write(f"\n--- turn {turn + 1} ---\n")
        for message in _news(conversation):
            self._sink.write(text_of(message).strip() + "\n")
            for image in message.images:
                path = self._path_of(image.ref)
                self._sink.write(
                    f"  {image.handle or 'picture'}: {image.ref.width} x {image.ref.height} px, "
                    f"{path or 'no file at hand'}\n"
                )
        if turn == 0:
            self._sink.write(help_text(tools))


def _news(conversation: Conversation) -> Iterator[Message]:
    """Messages since the model last spoke, without the system prompt."""
    start = 0
    for position, message in enumerate(conversation):
        if message.role is Role.ASSISTANT:
            start = position + 1
    return (message for message in conversation[start:] if message.role is not Role.SYSTEM)


async def _read_line(source: TextIO) -> str:
    """One line with its line break; "" at the end of the input."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[str] = loop.create_future()

    def deliver(line: str) -> None:
        if not arrived.done():
            arrived.set_result(line)

    def read() -> None:
        line = source.readline()
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, line)

    threading.Thread(target=read, name="seat", daemon=True).start()
    return await arrived
