"""The set of tools: what the model is told, what is refused, and the tools that search nothing."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from pydantic import JsonValue

from tests.builders import a_picture
from tests.tools.tiny_world import (
    SITE,
    Desk,
    TinyWorld,
    a_call,
    a_desk,
    a_hit,
    a_page_of,
    text_of,
    trusted_text,
)
from vision_deepresearch.core.content import Image
from vision_deepresearch.core.errors import ConfigError, FailureKind, SandboxError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.mode import MODES
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Sandbox, SandboxResult, SandboxStatus, Tool
from vision_deepresearch.media.testcard import draw_testcard
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools

ALL = ["crop_and_search", "image_search", "search", "visit", "zoom", "python"]


@dataclass(kw_only=True)
class TinySandbox:
    """Gives one result to every program."""

    result: SandboxResult | None = None
    """None: no sandbox can run here."""
    programs: list[str] = field(default_factory=list)

    async def run(
        self,
        code: str,
        *,
        timeout: float,  # noqa: ASYNC109 - the protocol's argument
        inputs: dict[str, bytes] | None = None,
        collect: Sequence[str] = (),
    ) -> SandboxResult:
        assert timeout > 0
        assert not inputs
        assert all(name.startswith("*.") for name in collect)
        self.programs.append(code)
        if self.result is None:
            raise SandboxError(FailureKind.UNAVAILABLE, "planted")
        return self.result


def tools_of(
    names: Sequence[str],
    *,
    desk: Desk,
    world: TinyWorld | None = None,
    sandbox: Sandbox | None = None,
    include_unavailable: bool = False,
) -> dict[str, Tool]:
    return build_tools(
        names,
        world=world or TinyWorld(),
        media=desk.media,
        summariser=PassagePicker(),
        sandbox=sandbox,
        include_unavailable=include_unavailable,
    )


async def use(
    name: str,
    arguments: dict[str, JsonValue],
    *,
    desk: Desk,
    world: TinyWorld | None = None,
    sandbox: Sandbox | None = None,
) -> Observation:
    tools = tools_of([name], desk=desk, world=world, sandbox=sandbox, include_unavailable=True)
    return await tools[name].run(a_call(name, **arguments), desk.context)


def test_every_mode_gets_its_tools_in_order_and_python_only_with_a_sandbox() -> None:
    desk = a_desk(a_picture())
    for mode in MODES.values():
        without = tools_of(mode.tools, desk=desk)
        assert list(without) == [name for name in mode.tools if name != "python"]
        assert list(tools_of(mode.tools, desk=desk, sandbox=TinySandbox())) == list(mode.tools)


def test_an_unknown_tool_is_a_mistake_of_the_user_and_the_known_ones_are_named() -> None:
    with pytest.raises(ConfigError, match=r"'crop'.*crop_and_search"):
        tools_of(["search", "crop"], desk=a_desk(a_picture()))


def test_specs_state_the_scale_and_refuse_other_arguments() -> None:
    specs = {
        name: tool.spec
        for name, tool in tools_of(ALL, desk=a_desk(), sandbox=TinySandbox()).items()
    }
    arguments = {name: spec.parameters["properties"] for name, spec in specs.items()}
    listed = {
        name: list(properties) if isinstance(properties, dict) else []
        for name, properties in arguments.items()
    }
    assert listed == {
        "crop_and_search": ["image_id", "bbox", "goal", "scales"],
        "image_search": ["image_id", "goal"],
        "search": ["query"],
        "visit": ["url", "goal", "cursor"],
        "zoom": ["image_id", "bbox"],
        "python": ["code"],
    }
    for name, spec in specs.items():
        assert spec.name == name
        assert spec.parameters["additionalProperties"] is False
        assert ("(1000, 1000)" in spec.model_dump_json()) is ("bbox" in listed[name])


@pytest.mark.pitfall("P17")
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "arguments", [{}, {"nonsense": 1}, {"image_id": {}, "bbox": {}, "code": 1}]
)
async def test_a_call_that_does_not_fit_the_schema_is_bad_args(
    name: str, arguments: dict[str, JsonValue]
) -> None:
    observation = await use(name, arguments, desk=a_desk(), sandbox=TinySandbox())
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.BAD_ARGS
    assert f"{name} takes {{" in observation.failure.message


async def test_a_misfit_is_told_in_short_words() -> None:
    arguments: dict[str, JsonValue] = {"image_id": "img_1", "box": ["x" * 500], "goal": ""}
    observation = await use("crop_and_search", arguments, desk=a_desk())
    assert observation.failure is not None
    message = observation.failure.message
    assert "bbox: is required" in message
    assert "box: no such argument" in message
    assert len(message) < 500


# ------------------------------------------------------------------------------------ image_search


async def test_a_whole_picture_is_searched_as_it_is() -> None:
    desk = a_desk(a_picture(width=300, height=200))
    world = TinyWorld(find_image=lambda _: [a_hit("a")], pages={f"{SITE}/a": a_page_of("A tower.")})
    observation = await use(
        "image_search", {"image_id": "img_1", "goal": "x"}, desk=desk, world=world
    )
    [region] = observation.regions
    assert region.crop == desk.context.bank.get("img_1").ref
    assert region.crop_handle == "img_1"
    assert world.origins[0].box == Box.full()
    assert "Region 1: img_1 [0, 0, 1000, 1000] at scale 1: 1 hit" in text_of(observation)
    assert "A tower." in text_of(observation)


async def test_a_whole_picture_search_refuses_a_box() -> None:
    world = TinyWorld()
    arguments: dict[str, JsonValue] = {"image_id": "img_1", "goal": "x", "bbox": [[0, 0, 9, 9]]}
    observation = await use("image_search", arguments, desk=a_desk(), world=world)
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.BAD_ARGS
    assert not world.asked


# -------------------------------------------------------------------------------------------- zoom


@pytest.mark.parametrize("bbox", [[0, 0, 500, 500], [[0, 0, 500, 500]], "[0,0,500,500]"])
async def test_zoom_shows_the_region_and_searches_nothing(bbox: JsonValue) -> None:
    desk, world = a_desk(), TinyWorld()
    observation = await use("zoom", {"image_id": "img_1", "bbox": bbox}, desk=desk, world=world)
    [shown] = [part for part in observation.parts if isinstance(part, Image)]
    assert shown.handle == "img_2"
    assert desk.context.bank.get("img_2").ref == shown.ref
    assert (shown.ref.width, shown.ref.height) == (768, 640), "small regions are enlarged"
    assert text_of(observation) == (
        "img_2: img_1 [0, 0, 500, 500], 768 x 640 pixels, enlarged from 120 x 100\n"
    )
    assert not world.asked


@pytest.mark.parametrize("bbox", [[0, 0, 0, 0], [1, 2, 3], [2000, 0, 3000, 5], [[1, 2, 3, 4]] * 2])
async def test_zoom_refuses_what_is_no_box(bbox: JsonValue) -> None:
    observation = await use("zoom", {"image_id": "img_1", "bbox": bbox}, desk=a_desk())
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.BAD_ARGS


# ------------------------------------------------------------------------------------------ python


async def test_python_without_a_sandbox_says_that_it_is_switched_off() -> None:
    observation = await use("python", {"code": "1"}, desk=a_desk())
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.UNAVAILABLE
    assert "python is switched off here" in text_of(observation)


@pytest.mark.pitfall("P50")
@pytest.mark.parametrize(
    ("result", "kind", "told"),
    [
        (SandboxResult(status=SandboxStatus.OK, stdout="42\n", tier="A"), None, "[Output]\n42\n"),
        (SandboxResult(status=SandboxStatus.OK, tier="A"), None, "[Success] Nothing was printed."),
        (
            SandboxResult(status=SandboxStatus.ERROR, stdout="4", stderr="ValueError", tier="A"),
            FailureKind.GUEST_ERROR,
            "[Error]\nValueError\n[Output]\n4",
        ),
        (
            SandboxResult(status=SandboxStatus.TIMEOUT, tier="A"),
            FailureKind.TIMEOUT,
            "[Timeout]\nthe program took too long",
        ),
        (
            SandboxResult(status=SandboxStatus.OOM, tier="A"),
            FailureKind.GUEST_ERROR,
            "[Error]\nthe program used too much memory",
        ),
        (None, FailureKind.UNAVAILABLE, "[unavailable] it is switched off here"),
    ],
)
async def test_how_a_program_ends_is_typed(
    result: SandboxResult | None, kind: FailureKind | None, told: str
) -> None:
    sandbox = TinySandbox(result=result)
    observation = await use("python", {"code": "print(42)"}, desk=a_desk(), sandbox=sandbox)
    assert (observation.failure.kind if observation.failure else None) is kind
    assert text_of(observation) == told
    assert sandbox.programs == ["print(42)"]


async def test_output_is_capped_at_both_ends_and_never_trusted() -> None:
    printed = "EVIL start" + "x" * 100_000 + "end EVIL"
    sandbox = TinySandbox(
        result=SandboxResult(status=SandboxStatus.ERROR, stdout=printed, stderr=printed, tier="A")
    )
    observation = await use("python", {"code": "1"}, desk=a_desk(), sandbox=sandbox)
    text = text_of(observation)
    assert len(text) <= 24_000
    assert text.count("EVIL start") == text.count("end EVIL") == 2
    assert "EVIL" not in trusted_text(observation.parts)


async def test_pictures_that_a_program_saved_get_handles_and_other_files_are_named() -> None:
    files = {"plot.png": draw_testcard(random.Random(1))[0], "torn.png": b"\x89PNG"}
    sandbox = TinySandbox(
        result=SandboxResult(status=SandboxStatus.OK, stdout="done", artifacts=files, tier="A")
    )
    observation = await use("python", {"code": "1"}, desk=a_desk(), sandbox=sandbox)
    shown = [part for part in observation.parts if isinstance(part, Image)]
    assert len(shown) == 1
    assert shown[0].handle is not None
    text = text_of(observation)
    assert f"{shown[0].handle}: plot.png" in text
    assert "[File] torn.png cannot be shown" in text
    assert "torn" not in trusted_text(observation.parts)
