"""The scripted model: the public double."""

import asyncio
from pathlib import Path

import pytest

from vision_deepresearch.core.content import Conversation, Message, Role, untrusted
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError, FailureKind, ModelError, WorldError
from vision_deepresearch.core.protocols import Completion, FinishReason, Sampling
from vision_deepresearch.models.scripted import ScriptedModel

QUESTION = (Message(role=Role.USER, parts=(untrusted("why?"),)),)


async def ask(model: ScriptedModel, *, trajectory_id: str = "a") -> Completion:
    context = CallContext(task_id="t", trajectory_id=trajectory_id)
    return await model.complete(QUESTION, tools=(), sampling=Sampling(), context=context)


async def test_each_kind_of_reply_is_given_in_order() -> None:
    def echo(conversation: Conversation) -> Completion:
        return Completion(text=f"you said {conversation[-1].text}")

    error = WorldError(FailureKind.TIMEOUT, "slow")
    model = ScriptedModel(["one", Completion(text="two", finish=FinishReason.LENGTH), error, echo])
    assert (await ask(model)).text == "one"
    assert (await ask(model)).finish is FinishReason.LENGTH
    with pytest.raises(WorldError, match="slow"):
        await ask(model)
    assert (await ask(model)).text == "you said why?"


async def test_a_resumed_trajectory_goes_on_at_its_turn() -> None:
    model = ScriptedModel(["one", "two", "three"])
    context = CallContext(task_id="t", trajectory_id="t-a0", turn=1)
    replies = [
        await model.complete((), tools=(), sampling=Sampling(), context=context.at(turn=turn))
        for turn in (1, 2)
    ]
    assert [reply.text for reply in replies] == ["two", "three"]


async def test_a_finished_script_is_a_model_error_that_says_so() -> None:
    model = ScriptedModel(["one"])
    await ask(model)
    with pytest.raises(ModelError, match="has 1 replies and turn 2") as caught:
        await ask(model)
    assert caught.value.kind is FailureKind.BAD_REQUEST


async def test_the_last_reply_can_be_repeated() -> None:
    model = ScriptedModel(["one", "two"], repeat_last=True)
    assert [(await ask(model)).text for _ in range(4)] == ["one", "two", "two", "two"]


async def test_an_empty_script_fails_even_when_it_repeats() -> None:
    with pytest.raises(ModelError):
        await ask(ScriptedModel([], repeat_last=True))


async def test_a_thousand_trajectories_share_one_script() -> None:
    model = ScriptedModel([str(turn) for turn in range(3)])

    async def run(trajectory_id: str) -> list[str]:
        texts: list[str] = []
        for _ in range(3):
            texts.append((await ask(model, trajectory_id=trajectory_id)).text)
            await asyncio.sleep(0)
        return texts

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(str(number))) for number in range(1000)]
    assert all(task.result() == ["0", "1", "2"] for task in tasks)


async def test_a_file_of_json_lines_is_a_script(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(
        '{"text": "hi", "reasoning": "r", "finish": "length"}\n\n{"error": "rate_limited"}\n'
    )
    model = ScriptedModel.from_file(path)
    assert model.name == "scripted:script.jsonl"
    first = await ask(model)
    assert (first.text, first.reasoning, first.finish) == ("hi", "r", FinishReason.LENGTH)
    with pytest.raises(ModelError) as caught:
        await ask(model)
    assert caught.value.kind is FailureKind.RATE_LIMITED


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"text": "a"}\n{"txt": "b"}', "script.jsonl:2 .*txt"),
        ('{"text": "a", "error": "timeout"}', 'either "text" or "error"'),
        ('{"error": "gremlins"}', "script.jsonl:1 .*error"),
        ("hello", "script.jsonl:1 .*no JSON"),
        ("[]", "script.jsonl:1"),
        ("\n\n", "holds no reply"),
    ],
)
def test_a_bad_script_file_is_refused_with_its_line(
    tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match=told):
        ScriptedModel.from_file(path)


def test_a_missing_script_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        ScriptedModel.from_file(tmp_path / "none.jsonl")
