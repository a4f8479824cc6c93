"""What the terminal prints when a trajectory is over."""

import io

from rich.console import Console

from tests.serve.trace_sample import a_cited_item, a_sample
from vision_deepresearch.cli.report import figures, print_report
from vision_deepresearch.serve.viewer_data import TraceItem


def printed(item: TraceItem) -> str:
    target = io.StringIO()
    console = Console(file=target, width=100, highlight=False, markup=False)
    print_report(console, item.trajectory, item.verdict)
    return target.getvalue()


def test_numbers_stand_behind_the_claims_and_lead_to_their_sources() -> None:
    text = printed(a_cited_item(a_sample()))
    answer = next(line for line in text.splitlines() if line.startswith("answer"))
    assert "was born in **Ostrel**. [1] The emblem is that of the Heron Guild. [2] She" in answer
    lines = {line[:6].strip(): line for line in text.splitlines() if line.startswith("  [")}
    assert "https://en.wikipedia.org/wiki/Guild" in lines["[1]"]
    assert "words of the page" in lines["[1]"]
    assert "img_1 [80, 160, 300, 500]" in lines["[2]"]
    assert "only a model's summary says so" in lines["[3]"]
    assert "unsupported: The guild was founded in 1902." in lines["[4]"]
    assert "in so many words" in text


def test_all_passages_of_a_claim_stand_under_its_number_and_what_is_missing_is_named() -> None:
    lines = printed(a_cited_item(a_sample())).splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("  [5]"))
    told = lines[first : first + 4]
    assert "in part: Only the Heron Guild made ropes" in told[0]
    assert "The Heron Guild made ropes." in told[0].split("<-")[1]
    assert told[1].strip().startswith("and <- ")
    assert "Its house stood in Marrow Bay." in told[1]
    assert "img_1 [80, 160, 300, 500]" in told[2]
    assert told[3].strip() == 'not found in what was read: "only"'


def test_an_unknown_price_is_not_nothing() -> None:
    item = a_cited_item(a_sample())
    assert "price unknown" in printed(item)
    assert "$0" not in printed(item)
    told = figures(item.trajectory)
    assert (told["cost_usd"], told["known_cost_usd"]) == (None, 0.0)
    known = figures(a_sample().item.trajectory)
    assert (known["cost_usd"], known["known_cost_usd"]) == (0.0132, 0.0132)
