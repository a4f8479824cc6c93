"""The seat: another program by files, a person by commands."""

import asyncio
import io
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import pytest
from typing_extensions import override

from tests.builders import a_picture, a_task, an_image_ref
from vision_deepresearch.core.content import (
    Conversation,
    ImageRef,
    Message,
    ToolCall,
    ToolSpec,
    untrusted,
)
from vision_deepresearch.core.context import CallContext, Deadline
from vision_deepresearch.core.errors import FailureKind, ModelError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Completion, ParsedReply, Sampling, Shown
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.models.seat import DirectorySeat, SeatRequest, TerminalSeat

PROFILE = VdrProfile()
SPECS = [
    ToolSpec(name=name, description=name, parameters={"type": "object"})
    for name in ("crop_and_search", "search", "visit", "zoom", "image_search", "python")
]


def a_conversation(*, question: str = "Who?", tools: Sequence[ToolSpec] = SPECS) -> list[Message]:
    task = a_task(question=question, images=(an_image_ref(),))
    return list(
        PROFILE.prompt(
            task, handles=["img_1"], tools=tools, mode=mode_named("agent"), today="2026-01-01"
        )
    )


def after_a_result(conversation: Conversation) -> list[Message]:
    call = ToolCall(id="", name="search", arguments={"query": ["a"]})
    reply = PROFILE.parse(PROFILE.write(thought="", calls=[call]), turn=0)
    shown = [Shown(call=call, observation=Observation(parts=(untrusted("seen as img_12"),)))]
    return [*conversation, reply.message, *PROFILE.results(shown)]


def a_context(
    *, trajectory_id: str = "a", turn: int = 0, seconds: float | None = 20
) -> CallContext:
    deadline = None if seconds is None else Deadline.after(seconds)
    return CallContext(task_id="t", trajectory_id=trajectory_id, turn=turn, deadline=deadline)


def no_path(ref: ImageRef) -> Path | None:
    del ref


# ------------------------------------------------------------------------------------- directory


def a_seat(folder: Path) -> DirectorySeat:
    return DirectorySeat(folder, profile=PROFILE, path_of=no_path, poll_s=0.01)


async def sit(seat: DirectorySeat, conversation: Conversation, context: CallContext) -> ParsedReply:
    completion = await seat.complete(conversation, tools=(), sampling=Sampling(), context=context)
    return PROFILE.parse(completion, turn=context.turn)


async def appears(path: Path) -> Path:
    is_there = path.exists
    while not is_there():  # noqa: ASYNC110 - a file is what the seat's other side waits for
        await asyncio.sleep(0.01)
    return path


async def test_a_request_is_answered_by_a_file(tmp_path: Path) -> None:
    async def replier() -> None:
        path = await appears(tmp_path / "a" / "request-0003.json")
        request = SeatRequest.model_validate_json(path.read_bytes())
        assert request.handles == ("img_1", "img_12")
        assert [tool.name for tool in request.tools] == [spec.name for spec in SPECS]
        assert request.seconds_left is not None
        assert request.seconds_left <= 20
        assert "[picture img_1]" in request.messages[1].text
        call = {"name": "search", "arguments": {"query": ["b"]}}
        reply = {"thought": "look <tool_call>", "calls": [call]}
        (path.parent / request.reply_to).write_text(json.dumps(reply))

    async with asyncio.TaskGroup() as group:
        group.create_task(replier())
        context = a_context(turn=3)
        task = group.create_task(sit(a_seat(tmp_path), after_a_result(a_conversation()), context))
    reply = task.result()
    assert reply.fault is None
    assert reply.calls[0].arguments == {"query": ["b"]}


async def test_several_trajectories_are_served_at_once_and_apart(tmp_path: Path) -> None:
    seat = a_seat(tmp_path)
    names = ["a", "b/../c", "d"]

    async def replier() -> None:
        for folder in ("a", "b_.._c", "d"):
            path = await appears(tmp_path / folder / "request-0000.json")
            answer = {"answer": f"for {folder}"}
            (path.parent / "reply-0000.json").write_text(json.dumps(answer))

    async with asyncio.TaskGroup() as group:
        group.create_task(replier())
        tasks = [
            group.create_task(sit(seat, a_conversation(), a_context(trajectory_id=name)))
            for name in names
        ]
    assert [task.result().answer for task in tasks] == ["for a", "for b_.._c", "for d"]


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        "{}",
        '{"calls": [], "answer": null}',
        '{"text": "x", "answer": "y"}',
        "\xff",
        '{"calls": [{"name": "search", "arguments": {"n": NaN}}]}',
    ],
)
async def test_a_bad_reply_is_explained_and_waited_for(tmp_path: Path, bad: str) -> None:
    home = tmp_path / "a"

    async def replier() -> None:
        await appears(home / "request-0000.json")
        reply = home / "reply-0000.json"
        reply.write_text(bad, "latin-1")
        error = json.loads((await appears(home / "error-0000.json")).read_text())
        assert error["wrong"]
        reply.write_text('{"text": "<answer>mended</answer>"}')

    async with asyncio.TaskGroup() as group:
        group.create_task(replier())
        task = group.create_task(sit(a_seat(tmp_path), a_conversation(), a_context()))
    assert task.result().answer == "mended"
    assert not (home / "error-0000.json").exists()


async def test_a_resumed_run_uses_the_reply_that_is_there(tmp_path: Path) -> None:
    home = tmp_path / "a"
    with pytest.raises(ModelError):
        await sit(a_seat(tmp_path), a_conversation(), a_context(seconds=0.02))
    (home / "reply-0000.json").write_text('{"answer": "kept"}')
    reply = await sit(a_seat(tmp_path), a_conversation(), a_context(seconds=5))
    assert reply.answer == "kept"


async def test_a_reply_to_another_request_is_set_aside(tmp_path: Path) -> None:
    home = tmp_path / "a"
    with pytest.raises(ModelError):
        await sit(a_seat(tmp_path), a_conversation(), a_context(seconds=0.02))
    (home / "reply-0000.json").write_text('{"answer": "stale"}')
    with pytest.raises(ModelError) as caught:
        await sit(a_seat(tmp_path), a_conversation(question="Other?"), a_context(seconds=0.05))
    assert caught.value.kind is FailureKind.TIMEOUT
    assert "stale" in (home / "stale-0000.json").read_text()


async def test_pictures_lie_beside_the_request(tmp_path: Path) -> None:
    source = tmp_path / "store.png"
    source.write_bytes(a_picture())
    seat = DirectorySeat(tmp_path / "seat", profile=PROFILE, path_of=lambda _: source, poll_s=0.01)
    with pytest.raises(ModelError):
        await sit(seat, a_conversation(), a_context(seconds=0.02))
    home = tmp_path / "seat" / "a"
    request = SeatRequest.model_validate_json((home / "request-0000.json").read_bytes())
    (picture,) = request.messages[1].pictures
    assert picture.handle == "img_1"
    assert picture.path is not None
    assert (home / picture.path).read_bytes() == source.read_bytes()


# -------------------------------------------------------------------------------------- terminal


async def play(
    typed: str | TextIO, *, conversation: Conversation | None = None, path: Path | None = None
) -> tuple[Completion, str]:
    sink = io.StringIO()
    source = io.StringIO(typed) if isinstance(typed, str) else typed
    seat = TerminalSeat(PROFILE, source=source, sink=sink, path_of=lambda _: path)
    talk = a_conversation() if conversation is None else conversation
    completion = await seat.complete(talk, tools=(), sampling=Sampling(), context=a_context())
    return completion, sink.getvalue()


async def test_a_person_types_a_call(tmp_path: Path) -> None:
    completion, shown = await play("crop img_1 1 2 300 400 x 1 1.5\n", path=tmp_path / "p.png")
    (call,) = PROFILE.parse(completion, turn=0).calls
    assert call.name == "crop_and_search"
    assert call.arguments["bbox"] == [[1, 2, 300, 400]]
    assert call.arguments["scales"] == [1, 1.5]
    assert f"img_1: 96 x 64 px, {tmp_path / 'p.png'}" in shown
    assert "Question: Who?" in shown
    assert "deep-research agent" not in shown, "the system prompt is for models"


async def test_mistakes_are_explained_until_a_line_fits() -> None:
    completion, shown = await play("fly\nhelp\ncrop img_9 1 2 3 4\nanswer\nanswer Ostrel\n")
    assert PROFILE.parse(completion, turn=0).answer == "Ostrel"
    assert "unknown command 'fly'" in shown
    assert "known are img_1" in shown
    assert shown.count("> ") == 5


async def test_only_what_is_new_is_shown() -> None:
    conversation = after_a_result(a_conversation())
    _, shown = await play("answer x\n", conversation=conversation)
    assert "seen as img_12" in shown
    assert "Question: Who?" not in shown


async def test_when_the_answer_is_demanded_no_tool_can_be_called() -> None:
    conversation = [*a_conversation(), *PROFILE.demand_answer()]
    _, shown = await play("search x\nanswer y\n", conversation=conversation)
    assert "unknown command 'search': use one of answer, help" in shown


async def test_the_end_of_the_input_leaves_the_seat() -> None:
    with pytest.raises(ModelError) as caught:
        await play("")
    assert caught.value.kind is FailureKind.UNAVAILABLE


async def test_waiting_for_a_person_can_be_cancelled() -> None:
    class Silent(io.StringIO):
        @override
        def readline(self, size: int = -1, /) -> str:
            del size
            threading.Event().wait(1.0)
            return ""

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await play(Silent())
