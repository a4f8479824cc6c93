"""The live view is readable, lets no control code through, and leaves machine output clean."""

import io

import pytest
from rich.console import Console

from tests.builders import a_turn
from vision_deepresearch.cli.live import LiveView, plain, prose, readable
from vision_deepresearch.cli.output import counted, progress_bars
from vision_deepresearch.core.content import ToolCall, trusted
from vision_deepresearch.core.events import CallFinished, ModelReplied, TurnFinished, TurnStarted
from vision_deepresearch.core.observation import Observation
from vision_deepresearch.core.trajectory import Usage


def watched(*, terminal: bool = False, width: int = 60) -> tuple[Console, io.StringIO]:
    sink = io.StringIO()
    return Console(file=sink, force_terminal=terminal, width=width, color_system=None), sink


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ('h3 | "Ostrel", population: "1,689"', "Read: Ostrel, population = 1,689."),
        ('h1 | shown in the picture: "Ostrel" (https://a.example/x)', "Seen: Ostrel."),
        (r'h2 | "The \"Old\" Inn", year: "1901"', 'Read: The "Old" Inn, year = 1901.'),
        ("h2 | something else", "h2 | something else"),
        ("I think that a | b.", "I think that a | b."),
    ],
)
def test_the_oracles_notes_are_put_into_words(note: str, said: str) -> None:
    assert readable(note) == said
    assert readable(f"{note}\nNext.") == f"{said}\nNext."


def test_cells_of_a_table_are_set_apart_by_dots() -> None:
    assert prose("| Ostrel | | | Region | Alm | x") == "Ostrel \u00b7 Region \u00b7 Alm \u00b7 x"


def test_no_control_code_reaches_the_terminal() -> None:
    assert plain("a\x1b[31mb\x07\u202ec\nd") == "a [31mb c d"


def test_a_thought_is_printed_as_it_is_and_an_empty_one_is_named() -> None:
    console, sink = watched()
    live = LiveView(console)
    live.listen(TurnStarted(trajectory_id="t", turn=0, prompt_tokens=7))
    for thought in ("[bold]no markup[/bold]", ""):
        live.listen(ModelReplied(trajectory_id="t", turn=0, thought=thought, calls=()))
    assert "[bold]no markup[/bold]" in sink.getvalue()
    assert "(no thought)" in sink.getvalue()


def test_an_unknown_price_is_never_shown_as_nothing() -> None:
    console, sink = watched(terminal=True, width=120)
    live = LiveView(console)
    turn = a_turn().model_copy(update={"usage": Usage(prompt_tokens=7, cost_usd=None)})
    with live.watching():
        live.listen(TurnFinished(trajectory_id="t", turn=turn))
        live.listen(TurnStarted(trajectory_id="t", turn=1, prompt_tokens=9))
    assert "9 tokens, price unknown" in sink.getvalue()
    assert "$0.0000" not in sink.getvalue()


def test_the_same_notice_is_shown_once() -> None:
    console, sink = watched()
    live = LiveView(console)
    call = ToolCall(id="1", name="search", arguments={"query": ["x"]})
    observation = Observation(parts=(trusted("none"),), notices=("evidence is an extract",))
    for turn in range(3):
        live.listen(
            CallFinished(
                trajectory_id="t", turn=turn, call=call, observation=observation, seconds=0.1
            )
        )
    assert sink.getvalue().count("evidence is an extract") == 1


def test_on_a_terminal_a_long_call_stays_on_one_line() -> None:
    console, sink = watched(terminal=True, width=40)
    call = ToolCall(id="1", name="search", arguments={"query": ["long " * 30]})
    LiveView(console).listen(
        CallFinished(
            trajectory_id="t",
            turn=0,
            call=call,
            observation=Observation(parts=(trusted("none"),)),
            seconds=0.1,
        )
    )
    assert len(sink.getvalue().splitlines()) == 1


def test_bars_that_are_never_shown_leave_nothing_behind() -> None:
    console, sink = watched(terminal=True)
    with progress_bars(console):
        pass
    assert sink.getvalue() == ""


def test_without_a_terminal_long_work_says_when_it_is_done() -> None:
    console, sink = watched()
    with progress_bars(console) as advance:
        advance("pages", 1, 2)
        advance("pages", 2, 2)
    assert sink.getvalue() == "pages: 2 of 2\n"


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [(1, "turn", "1 turn"), (0, "box", "0 boxes"), (2000, "page", "2,000 pages")],
)
def test_numbers_agree_with_their_nouns(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said
