"""One-line commands of a person in the seat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from vision_deepresearch.core.content import ToolSpec
from vision_deepresearch.models.seat_commands import CommandError, help_text, read_command

SPECS = [
    ToolSpec(name=name, description=name, parameters={})
    for name in ("crop_and_search", "search", "visit", "zoom", "image_search", "python")
]
HANDLES = ("img_1", "img_2")


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        (
            "crop img_2 0 0 10 10 20 20 40 40 x 1 2.5 for who owns it",
            "crop_and_search",
            {
                "image_id": "img_2",
                "bbox": [[0, 0, 10, 10], [20, 20, 40, 40]],
                "goal": "who owns it",
                "scales": [1, 2.5],
            },
        ),
        (
            "CROP img_1 [1, 2, 3, 4]",
            "crop_and_search",
            {"image_id": "img_1", "bbox": [[1, 2, 3, 4]], "goal": "identify what is shown"},
        ),
        ("zoom img_1 1 2 3 4", "zoom", {"image_id": "img_1", "bbox": [1, 2, 3, 4]}),
        ("image img_1 for the ship", "image_search", {"image_id": "img_1", "goal": "the ship"}),
        ("search red ship | red boat", "search", {"query": ["red ship", "red boat"]}),
        (
            "visit https://a.example/x for its founder",
            "visit",
            {"url": ["https://a.example/x"], "goal": "its founder"},
        ),
        ("python print(1)", "python", {"code": "print(1)"}),
    ],
)
def test_a_line_is_a_call(line: str, name: str, arguments: dict[str, JsonValue]) -> None:
    move = read_command(line, tools=SPECS, handles=HANDLES)
    assert move.answer is None
    assert move.call is not None
    assert (move.call.name, move.call.arguments) == (name, arguments)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("fly", "use one of crop"),
        ("answer", "got no text"),
        ("crop img_1 1 2 3", "four numbers per box, got 3"),
        ("crop img_1", "four numbers per box, got 0"),
        ("crop img_3 1 2 3 4", "known are img_1, img_2"),
        ("crop img_1 a b c d", "are not numbers"),
        ("crop img_1 nan 2 3 4", "must be finite"),
        ("search | |", "no words"),
        ("visit", "no single url"),
        ("visit two words", "no single url"),
        ("python", "no code"),
    ],
)
def test_a_line_that_does_not_fit_says_what_was_expected(line: str, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        read_command(line, tools=SPECS, handles=HANDLES)


def test_commands_of_tools_that_are_off_are_unknown_and_not_offered() -> None:
    with pytest.raises(CommandError, match="use one of search, answer, help"):
        read_command("crop img_1 1 2 3 4", tools=[SPECS[1]], handles=HANDLES)
    assert "crop" not in help_text([SPECS[1]])
    assert "crop" in help_text(SPECS)


@given(st.text(max_size=60))
def test_any_line_is_a_move_or_a_command_error(line: str) -> None:
    try:
        move = read_command(line, tools=SPECS, handles=HANDLES)
    except CommandError:
        return
    assert (move.call is None) != (move.answer is None)
