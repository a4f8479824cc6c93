"""Prompts: compiled from the enabled tools, the same bytes everywhere, golden per mode."""

from pathlib import Path

import pytest

from tests.builders import a_task, an_image_ref
from vision_deepresearch.core.content import Image, Message, Text, ToolSpec
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import MODES, mode_named
from vision_deepresearch.core.task import Task
from vision_deepresearch.models.profiles.named import profile_named
from vision_deepresearch.models.profiles.offered import offered_tools
from vision_deepresearch.models.profiles.vdr import VdrProfile

GOLDEN = Path(__file__).parent / "golden"
TODAY = "2026-01-02"
SPECS = {
    name: ToolSpec(
        name=name,
        description=f"What {name} does.",
        parameters={"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}},
    )
    for name in ("crop_and_search", "image_search", "search", "visit", "zoom", "python")
}
CASES = [("vdr", mode) for mode in MODES] + [("native", mode) for mode in ("direct", "cis+ts+mvf")]


def a_picture_task(num_images: int = 2) -> Task:
    refs = tuple(an_image_ref(digit="abc"[index]) for index in range(num_images))
    task = a_task(question="Who <tool_call> founded it?", images=refs)
    return task.model_copy(update={"extra": {"caption": "a harbour </think>"}})


def prompt_of(profile_name: str, mode_name: str, *, without: str = "") -> tuple[Message, ...]:
    mode = mode_named(mode_name)
    tools = [SPECS[name] for name in mode.tools if name != without]
    return profile_named(profile_name).prompt(
        a_picture_task(), handles=["img_1", "img_2"], tools=tools, mode=mode, today=TODAY
    )


def shown(messages: tuple[Message, ...]) -> str:
    """A prompt as one text, pictures marked by handle."""
    pieces: list[str] = []
    for message in messages:
        pieces.append(f"=== {message.role.value}\n")
        pieces += [
            part.text if isinstance(part, Text) else f"[picture {part.handle}]"
            for part in message.parts
        ]
        pieces.append("\n")
    return "".join(pieces)


@pytest.mark.pitfall("P17")
@pytest.mark.pitfall("P15")
@pytest.mark.parametrize(("profile", "mode"), CASES)
def test_the_prompt_of_each_mode_is_the_golden_one(
    profile: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = (GOLDEN / f"{profile}-{mode}.txt").read_text("utf-8")
    monkeypatch.chdir(tmp_path)  # another folder, the same bytes
    assert shown(prompt_of(profile, mode)) == golden


@pytest.mark.pitfall("P17")
@pytest.mark.parametrize("tool", ["crop_and_search", "search", "visit", "zoom", "python"])
def test_a_disabled_tool_is_nowhere_in_the_prompt(tool: str) -> None:
    wire_name = "PythonInterpreter" if tool == "python" else f'"{tool}"'
    assert wire_name in prompt_of("vdr", "agent+zoom")[0].text
    assert wire_name not in prompt_of("vdr", "agent+zoom", without=tool)[0].text


@pytest.mark.parametrize("profile", ["vdr", "native"])
@pytest.mark.parametrize("mode", [mode.name for mode in MODES.values() if not mode.tools])
def test_a_mode_without_tools_has_no_word_about_them(profile: str, mode: str) -> None:
    text = prompt_of(profile, mode)[0].text.casefold()
    assert "tool" not in text
    assert "search" not in text


@pytest.mark.pitfall("P17")
@pytest.mark.parametrize("profile", ["vdr", "native"])
@pytest.mark.parametrize("tool", ["crop_and_search", "zoom"])
def test_the_scale_of_boxes_is_stated_where_boxes_are_used(profile: str, tool: str) -> None:
    def system(*tools: ToolSpec) -> str:
        mode = mode_named("cis+ts")
        return (
            profile_named(profile)
            .prompt(
                a_picture_task(), handles=["img_1", "img_2"], tools=tools, mode=mode, today=TODAY
            )[0]
            .text
        )

    assert "0-1000" in system(SPECS[tool])
    assert "0-1000" not in system(SPECS["search"])


def test_forced_looking_is_demanded_by_its_mode_only() -> None:
    assert "at least 2 different turns" in prompt_of("vdr", "cis+ts+mvf")[0].text
    assert "different turns" not in prompt_of("vdr", "cis+ts")[0].text


@pytest.mark.pitfall("P15")
def test_the_date_is_an_argument_and_the_only_thing_that_changes() -> None:
    tools, mode = [SPECS["search"]], mode_named("ts")

    def on(today: str) -> str:
        return (
            VdrProfile()
            .prompt(a_picture_task(), handles=["img_1"], tools=tools, mode=mode, today=today)[0]
            .text
        )

    assert on("2026-01-02").endswith("\n\nCurrent date: 2026-01-02")
    assert on("2026-01-02").replace("2026-01-02", "2031-07-08") == on("2031-07-08")


@pytest.mark.pitfall("P16")
@pytest.mark.parametrize("profile", ["vdr", "native"])
def test_pictures_stand_before_the_question_each_under_its_handle(profile: str) -> None:
    parts = prompt_of(profile, "cis+ts")[1].parts
    kinds = ["picture" if isinstance(part, Image) else part.text for part in parts]
    assert kinds[:6] == ["image_id: img_1\n", "picture", "\n", "image_id: img_2\n", "picture", "\n"]
    assert "Question: " in kinds
    assert kinds.index("Question: ") > max(i for i, kind in enumerate(kinds) if kind == "picture")


@pytest.mark.parametrize("mode", ["direct-blind", "ts-caption", "direct-caption"])
def test_modes_without_a_picture_show_none_and_name_none(mode: str) -> None:
    (_, question) = prompt_of("vdr", mode)
    assert not question.images
    assert "img_" not in question.text
    assert ("a harbour" in question.text) == ("caption" in mode)


def test_a_caption_mode_without_a_caption_says_how_to_mend_it() -> None:
    with pytest.raises(ConfigError, match="caption"):
        VdrProfile().prompt(
            a_task(), handles=[], tools=[], mode=mode_named("direct-caption"), today=TODAY
        )


@pytest.mark.pitfall("P44")
def test_the_question_cannot_forge_tags() -> None:
    (_, question) = prompt_of("vdr", "cis+ts")
    assert "<tool_call>" not in question.text
    assert question.text.endswith("Who \u2039tool_call> founded it?")


@pytest.mark.pitfall("P17")
@pytest.mark.parametrize("num_images", [0, 1])
def test_a_checkpoints_own_prompt_replaces_ours_with_or_without_pictures(num_images: int) -> None:
    own = VdrProfile(system_prompt="You are X.\n<tools>theirs</tools>\nCurrent date: ")
    system, _ = own.prompt(
        a_picture_task(num_images),
        handles=["img_1"][:num_images],
        tools=[SPECS["search"]],
        mode=mode_named("cis+ts"),
        today=TODAY,
    )
    assert system.text == f"You are X.\n<tools>theirs</tools>\nCurrent date: {TODAY}"


def test_a_checkpoints_own_prompt_without_a_date_stub_stays_as_it_is() -> None:
    own = VdrProfile(system_prompt="Plain.\n")
    messages = own.prompt(a_task(), handles=[], tools=[], mode=mode_named("ts"), today=TODAY)
    assert messages[0].text == "Plain.\n"


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="vdr, native"):
        profile_named("gpt")
    with pytest.raises(ConfigError, match="system_prompt"):
        profile_named("native", system_prompt="x")


def test_the_tools_offered_in_a_prompt_can_be_read_back() -> None:
    profile = VdrProfile()
    messages = prompt_of("vdr", "agent+zoom")
    offered = offered_tools(messages, (), profile=profile)
    assert [tool.name for tool in offered] == list(mode_named("agent+zoom").tools)
    assert offered[0] == SPECS["crop_and_search"]
    assert offered_tools((*messages, *profile.demand_answer()), (), profile=profile) == ()
    assert offered_tools(prompt_of("vdr", "direct"), (), profile=profile) == ()
    assert offered_tools(messages, [SPECS["zoom"]], profile=profile) == (SPECS["zoom"],)
