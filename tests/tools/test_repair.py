"""The option of `zoom` to repair what it shows: off unless asked for; crops of it know where they are."""

import pytest
from pydantic import JsonValue

from tests.builders import a_picture
from tests.tools.tiny_world import Desk, TinyWorld, a_call, a_desk, text_of
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Image
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.protocols import Tool
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools


def tools_of(desk: Desk, *, world: TinyWorld, offers_repair: bool) -> dict[str, Tool]:
    return build_tools(
        ["zoom", "crop_and_search"],
        world=world,
        media=desk.media,
        summariser=PassagePicker(),
        offers_repair=offers_repair,
    )


async def zoom(desk: Desk, *, offers_repair: bool, **more: JsonValue) -> Observation:
    tools = tools_of(desk, world=TinyWorld(), offers_repair=offers_repair)
    whole: dict[str, JsonValue] = {"bbox": [0, 0, 1000, 1000]}
    call = a_call("zoom", image_id="img_1", **{**whole, **more})
    return await tools["zoom"].run(call, desk.context)


async def test_who_does_not_ask_is_told_nothing_and_gets_nothing() -> None:
    desk = a_desk(a_picture())
    plain = tools_of(desk, world=TinyWorld(), offers_repair=False)["zoom"].spec
    asked = tools_of(desk, world=TinyWorld(), offers_repair=True)["zoom"].spec
    assert "repair" not in plain.model_dump_json()
    assert "rotate_270" in asked.model_dump_json()
    refused = await zoom(desk, offers_repair=False, repair=["brighten"])
    assert refused.failure is not None
    assert refused.failure.kind is FailureKind.BAD_ARGS
    nothing = await zoom(desk, offers_repair=True)
    assert text_of(nothing) == text_of(await zoom(desk, offers_repair=False))


@pytest.mark.parametrize("repair", [["heal"], ["sharpen"] * 5, 3])
async def test_an_unknown_repair_is_refused(repair: JsonValue) -> None:
    observation = await zoom(a_desk(a_picture()), offers_repair=True, repair=repair)
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.BAD_ARGS


async def test_a_crop_of_a_turned_picture_knows_where_it_is_in_the_question_s() -> None:
    desk, world = a_desk(a_picture(width=1000, height=800)), TinyWorld()
    shown = await zoom(
        desk, offers_repair=True, bbox=[0, 0, 500, 1000], repair=["rotate_90", "sharpen"]
    )
    picture = shown.parts[-1]
    assert isinstance(picture, Image)
    assert (picture.ref.width, picture.ref.height) == (800, 500)  # on its side
    assert "repaired: rotate_90, sharpen" in text_of(shown)
    tools = tools_of(desk, world=world, offers_repair=True)
    # Clockwise: what was at the lower left is at the upper left now.
    call = a_call(
        "crop_and_search", image_id=picture.handle, bbox=[[0, 0, 250, 500]], goal="what is it"
    )
    await tools["crop_and_search"].run(call, desk.context)
    given = desk.context.bank.get("img_1").ref
    assert world.origins == [
        CropOrigin(sha256=given.sha256, box=Box(x0=0.0, y0=0.75, x1=0.25, y1=1.0))
    ]
