"""The independent checker of trajectories: clean ones pass, each planted flaw is found and named."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.synth.trajectories.making import made
from vision_deepresearch.core.content import Image, Message, Role, untrusted
from vision_deepresearch.core.proof import HopKind
from vision_deepresearch.evals.checker.trajectories import Flaw, TrajectoryReport, check_trajectory
from vision_deepresearch.evals.checker.transcript import read_transcript
from vision_deepresearch.synth.trajectories.records import Accepted

Plant = Callable[[list[Message], Accepted], list[Message]]


@pytest.fixture(scope="module")
def records(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Accepted]:
    assert tiny_world.is_dir()
    out = tmp_path_factory.mktemp("runs") / "run"
    return asyncio.run(made(out, tasks=3))  # noqa: TID251 - made once for all tests of the file


def messages_of(record: Accepted) -> list[Message]:
    turns = [one for turn in record.trajectory.turns for one in (turn.reply, *turn.results)]
    return [*record.trajectory.prompt, *turns]


def check(record: Accepted, messages: list[Message]) -> TrajectoryReport:
    assert record.proof is not None
    return check_trajectory(record.id, messages, task=record.task, proof=record.proof)


def edited(messages: list[Message], place: int, change: Callable[[str], str]) -> list[Message]:
    """The messages with another text in one place; pictures stay."""
    old = messages[place]
    text = change(old.text)
    assert text != old.text, "nothing was planted"
    parts = (untrusted(text), *old.images)
    return [*messages[:place], old.model_copy(update={"parts": parts}), *messages[place + 1 :]]


def replies(messages: list[Message]) -> list[int]:
    return [n for n, one in enumerate(messages) if one.role is Role.ASSISTANT]


def results(messages: list[Message]) -> list[int]:
    return [
        n
        for n, one in enumerate(messages)
        if n > replies(messages)[0] and one.role is not Role.ASSISTANT
    ]


def thinking(words: Callable[[Accepted], str], *, reply: int = 0) -> Plant:
    """Words put into a thought."""

    def plant(messages: list[Message], record: Accepted) -> list[Message]:
        said = words(record)
        place = replies(messages)[reply]
        return edited(messages, place, lambda text: text.replace("</think>", f" {said}</think>", 1))

    return plant


def replacing(old: str, new: Callable[[Accepted], str], *, reply: int = 0) -> Plant:
    """Other words in a reply."""

    def plant(messages: list[Message], record: Accepted) -> list[Message]:
        place = replies(messages)[reply]
        return edited(messages, place, lambda text: text.replace(old, new(record), 1))

    return plant


def boxing(box: str) -> Plant:
    """Another first box in the first call."""

    def plant(messages: list[Message], record: Accepted) -> list[Message]:
        del record

        def change(text: str) -> str:
            head, _, tail = text.partition('"bbox": [')
            end = tail.index("]")
            return f'{head}"bbox": [{box}{tail[end + 1 :]}'

        return edited(messages, replies(messages)[0], change)

    return plant


def gold(record: Accepted) -> str:
    assert record.task.gold is not None
    return record.task.gold.answers[0]


def thing(record: Accepted) -> str:
    assert record.proof is not None
    return next(hop.expected for hop in record.proof.hops if hop.kind is HopKind.LOOK)


def its_page(record: Accepted) -> str:
    assert record.proof is not None
    return next(hop.pages[0] for hop in record.proof.hops if hop.kind is HopKind.LOOK)


def in_results(change: Callable[[str], str], *, place: int = 0) -> Plant:
    def plant(messages: list[Message], record: Accepted) -> list[Message]:
        del record
        return edited(messages, results(messages)[place], change)

    return plant


def without_picture(messages: list[Message], record: Accepted) -> list[Message]:
    del record
    parts = tuple(part for part in messages[1].parts if not isinstance(part, Image))
    return [messages[0], messages[1].model_copy(update={"parts": parts}), *messages[2:]]


def with_words(messages: list[Message], record: Accepted) -> list[Message]:
    del record
    return edited(messages, 1, lambda text: f"(In words: a crowded scene.)\n{text}")


def without_result(messages: list[Message], record: Accepted) -> list[Message]:
    del record
    place = results(messages)[1]
    return [*messages[:place], *messages[place + 1 :]]


def twice_the_result(messages: list[Message], record: Accepted) -> list[Message]:
    del record
    return edited(messages, results(messages)[1], lambda text: f"{text}\n{text}")


def swapped_results(messages: list[Message], record: Accepted) -> list[Message]:
    del record
    first, last = results(messages)[0], results(messages)[-1]
    swapped = list(messages)
    swapped[first], swapped[last] = messages[last], messages[first]
    return swapped


def answered_early(messages: list[Message], record: Accepted) -> list[Message]:
    first = replies(messages)[0]
    rest = [messages[-1], messages[results(messages)[0]]]
    del record
    return [*messages[: first + 2], *rest, *messages[first + 2 :]]


def without_answer(messages: list[Message], record: Accepted) -> list[Message]:
    del record
    return messages[:-1]


def with_more_behind(messages: list[Message], record: Accepted) -> list[Message]:
    del record
    return [*messages, messages[results(messages)[0]]]


PLANTED: dict[Flaw, dict[str, Plant]] = {
    Flaw.TRUTH_UNSEEN: {
        "gold in a thought": thinking(lambda one: f"It may well be {gold(one)}."),
        "gold shouting": thinking(lambda one: f"PERHAPS {gold(one).upper()}?"),
        "thing in a thought": thinking(lambda one: f"This looks like {thing(one)}."),
        "thing in a goal": replacing("identify what is shown", thing),
        "thing with underscores": thinking(lambda one: f"See {thing(one).replace(' ', '_')}."),
        "page of the thing": thinking(its_page),
        "answer never shown": replacing(
            "<answer>", lambda _: "<answer>Quorvax Institute of ", reply=-1
        ),
    },
    Flaw.BRIDGE_REFERENCE: {
        "by the description": thinking(lambda _: "Going by the description, I read on.", reply=1),
        "as described": thinking(lambda _: "As described above, there are two ships.", reply=1),
        "blind": thinking(lambda _: "I cannot see the picture.", reply=1),
        "in words": thinking(lambda _: "I was told in words what it shows.", reply=1),
        "caption": thinking(lambda _: "The caption above names no one.", reply=1),
        "phase": thinking(lambda _: "The text phase begins.", reply=1),
        "stand-in": with_words,
        "crop stand-in": in_results(lambda text: f"{text}\n(a crop, not shown)"),
        "picture gone": without_picture,
    },
    Flaw.BAD_BOX: {
        "left of it": boxing("[-5, 10, 200, 300]"),
        "right of it": boxing("[10, 10, 1001, 300]"),
        "turned": boxing("[300, 10, 200, 300]"),
        "empty": boxing("[300, 10, 300, 300]"),
        "three numbers": boxing("[1, 2, 3]"),
        "words": boxing('["a", 1, 2, 3]'),
        "truth values": boxing("[false, 1, true, 3]"),
        "no number": boxing("[NaN, 1, 2, 3]"),
        "unknown picture": replacing('"image_id": "img_1"', lambda _: '"image_id": "img_77"'),
    },
    Flaw.BAD_EXCHANGE: {
        "no result": without_result,
        "two results": twice_the_result,
        "swapped": swapped_results,
        "answered early": answered_early,
        "no answer": without_answer,
        "goes on": with_more_behind,
        "broken call": replacing('"arguments"', lambda _: '"arguments', reply=0),
        "no thought": replacing("<think>", lambda _: "<thank>"),
        "another page": in_results(lambda text: text.replace("http", "ftp"), place=-1),
    },
}


def test_clean_ones_pass_and_something_was_looked_at(records: list[Accepted]) -> None:
    assert len(records) == 3
    for record in records:
        report = check(record, messages_of(record))
        assert report.found == ()
        assert report.num_boxes
        assert report.num_truths >= 2
        assert report.num_calls == sum(len(turn.calls) for turn in record.trajectory.turns)


@pytest.mark.parametrize("flaw", list(Flaw))
def test_planted_flaws_are_found(records: list[Accepted], flaw: Flaw) -> None:
    assert len(PLANTED[flaw]) >= 5
    for name, plant in PLANTED[flaw].items():
        for record in records:
            report = check(record, plant(messages_of(record), record))
            assert flaw in {one.flaw for one in report.found}, (name, report)


def test_a_conversation_is_read_from_its_text_alone() -> None:
    reply = (
        "<think>Hm.</think>\n"
        '<tool_call>\n{"name": "search", "arguments": {"query": ["a"]}}\n</tool_call>\n'
        '<tool_call>{"name": "python", "arguments": {}}\n<code>print(1)</code></tool_call>'
    )
    back = "<tool_response>\none\n</tool_response>\n<tool_response>two</tool_response>"
    read = read_transcript([
        Message(role=Role.USER, parts=(untrusted("Who?"),)),
        Message(role=Role.ASSISTANT, parts=(untrusted(reply),)),
        Message(role=Role.USER, parts=(untrusted(back),)),
        Message(role=Role.ASSISTANT, parts=(untrusted("<answer>no thought</answer>"),)),
    ])
    step, last = read.steps
    assert [call.name for call in step.calls] == ["search", "python"]
    assert list(step.calls[1].texts()) == ["print(1)"]
    assert step.responses == ["one", "two"]
    assert not last.is_readable
