"""Every shape of a reply, as a schema that strict servers take; tapes without one hold."""

from pathlib import Path
from types import ModuleType

import pytest
from pydantic import JsonValue

from tests.models.chat_cases import HELLO
from tests.models.openai_rules import Dialect, find_problem
from vision_deepresearch.core.content import Message, Role, trusted
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Sampling
from vision_deepresearch.core.record import Record
from vision_deepresearch.models.chat_quirks import quirks_of
from vision_deepresearch.models.chat_wire import Wire, request_body
from vision_deepresearch.models.endpoint import EndpointSettings, Provider
from vision_deepresearch.models.scripted import ScriptedModel
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.synth.roles import (
    trajectories_prompted,
    vqa_prompted,
    vqa_prompted_validator,
    vqa_prompted_verifier,
    vqa_prompted_walks,
)
from vision_deepresearch.wiring.config import make_config


def shapes_of(*modules: ModuleType) -> list[type[Record]]:
    return [
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Record) and one.__module__ == module.__name__
    ]


SHAPES = shapes_of(
    vqa_prompted,
    vqa_prompted_verifier,
    vqa_prompted_walks,
    vqa_prompted_validator,
    trajectories_prompted,
)


def a_body(
    schema: dict[str, JsonValue] | None, provider: Provider, *, takes: bool | None = None
) -> dict[str, JsonValue]:
    settings = EndpointSettings(reply_schema=takes)
    wire = Wire(
        model="m",
        settings=settings,
        quirks=quirks_of(provider, model="m", settings=settings),
        data_uri=lambda _: "",
    )
    return request_body(HELLO, tools=(), sampling=Sampling(reply_schema=schema), wire=wire)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.GEMINI, Dialect.VLLM])
def test_a_shape_is_a_schema_that_strict_servers_take(
    shape: type[Record], dialect: Dialect
) -> None:
    body = a_body(shape.model_json_schema(), Provider(dialect.value))
    assert isinstance(body["response_format"], dict)
    assert find_problem(body, dialect=dialect) is None


def test_a_schema_is_sent_only_where_it_is_known_to_be_taken() -> None:
    schema = SHAPES[0].model_json_schema()
    for provider in (Provider.ANTHROPIC, Provider.OTHER):
        assert "response_format" not in a_body(schema, provider)
        assert "response_format" in a_body(schema, provider, takes=True)
    assert "response_format" not in a_body(schema, Provider.VLLM, takes=False)
    assert "response_format" not in a_body(None, Provider.VLLM)


async def test_a_schema_is_a_part_of_the_place_on_a_tape_and_none_changes_nothing(
    tmp_path: Path,
) -> None:
    context = CallContext(task_id="t", trajectory_id="t")
    hello = (Message(role=Role.USER, parts=(trusted("hello"),)),)
    async with Tape.open(tmp_path / "tape.jsonl", mode=TapeMode.AUTO) as tape:
        model = TapedModel(ScriptedModel(["one", "two"]), tape)
        said = [
            await model.complete(hello, tools=(), sampling=sampling, context=context)
            for sampling in (Sampling(), Sampling(reply_schema={"type": "object"}), Sampling())
        ]
    assert [one.text for one in said] == ["one", "two", "one"]
    assert "reply_schema" not in Sampling().model_dump(exclude_none=True)


def test_a_recipe_sets_no_schema() -> None:
    with pytest.raises(ConfigError, match="reply_schema"):
        make_config({"sampling": {"reply_schema": {"type": "object"}}})
