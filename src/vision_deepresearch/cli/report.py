"""What is printed when a trajectory is over: answer, citations, verdict, totals."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text as RichText

from vision_deepresearch.agent.claims import plain_claim
from vision_deepresearch.cli.live import plain, prose
from vision_deepresearch.cli.output import counted
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.observation import Region
from vision_deepresearch.core.trajectory import Support, SupportKind, Trajectory
from vision_deepresearch.serve.citations import (
    OWN_MARKS_NOTE,
    cite,
    corners,
    has_own_marks,
    is_doubtful,
    is_supported,
    whose_words,
)
from vision_deepresearch.serve.viewer_text import price

_ANSWER_CHARS = 4000
_STYLES = {
    Decision.CORRECT: "bold green",
    Decision.INCORRECT: "bold red",
    Decision.ABSTAIN: "bold yellow",
}


def figures(trajectory: Trajectory) -> dict[str, object]:
    """Totals of a trajectory under the names that `--json` prints."""
    regions = _all_regions(trajectory)
    return {
        "turns": trajectory.num_turns,
        "boxes": _num_boxes(regions),
        "scales": _num_scales(regions),
        "crops": len(regions),
        "calls": dict(trajectory.tool_counts),
        "engine_requests": trajectory.num_engine_requests,
        "new_engine_requests": trajectory.num_new_engine_requests,
        "peak_prompt_tokens": trajectory.peak_prompt_tokens,
        "counted_by": trajectory.counted_by,
        "seconds": round(trajectory.totals.seconds, 3),
        "cost_usd": None if trajectory.totals.has_unknown_cost else trajectory.totals.cost_usd,
        "known_cost_usd": trajectory.totals.cost_usd,
        "stop": trajectory.stop.value,
        "stop_detail": trajectory.stop_detail,
        "forced": trajectory.forced,
    }


def _all_regions(trajectory: Trajectory) -> list[Region]:
    return [
        region
        for turn in trajectory.turns
        for record in turn.calls
        for region in record.observation.regions
    ]


def _num_boxes(regions: Sequence[Region]) -> int:
    return len({(region.handle, region.box) for region in regions})


def _num_scales(regions: Sequence[Region]) -> int:
    return len({region.scale for region in regions})


def _regions(trajectory: Trajectory) -> str:
    regions = _all_regions(trajectory)
    boxes = counted(_num_boxes(regions), "box")
    return f"{boxes} at {counted(_num_scales(regions), 'scale')}" if regions else boxes


def print_report(console: Console, trajectory: Trajectory, verdict: Verdict | None) -> None:
    """Answer with numbered citations, verdict, totals."""
    console.print()
    answer = "(no answer)" if trajectory.answer is None else _with_marks(trajectory)
    console.print(RichText.assemble(("answer   ", "bold"), answer), soft_wrap=True)
    for number, support in enumerate(trajectory.support, start=1):
        console.print(_citation(number, support), soft_wrap=True)
    if verdict is not None:
        console.print(
            RichText.assemble(
                ("verdict  ", "bold"),
                (verdict.decision.value, _STYLES[verdict.decision]),
                f"  ({verdict.judge}: {plain(verdict.reason, width=200)})",
            ),
            soft_wrap=True,
        )
    stop = trajectory.stop.value + (
        f" ({trajectory.stop_detail})" if trajectory.stop_detail else ""
    )
    console.print(
        RichText.assemble(
            ("totals   ", "bold"),
            f"{counted(trajectory.num_turns, 'turn')}, {_regions(trajectory)}, "
            f"{counted(trajectory.num_engine_requests, 'engine request')}, "
            f"{trajectory.peak_prompt_tokens:,} tokens at most ({trajectory.counted_by}), "
            f"{trajectory.totals.seconds:.1f} s, {price(trajectory.totals)}; stopped: {stop}",
        ),
        soft_wrap=True,
    )


def _with_marks(trajectory: Trajectory) -> str:
    """The answer on one line with the number of each claim behind it; a single claim needs none."""
    answer, support = trajectory.answer or "", trajectory.support
    if len(support) < 2:
        return plain(answer, width=_ANSWER_CHARS)
    pieces = cite(answer, [one.claim for one in support])
    told = (piece.text + "".join(f" [{one}]" for one in piece.numbers) for piece in pieces)
    text = plain(" ".join("".join(told).split()), width=_ANSWER_CHARS)
    return f"{text} ({OWN_MARKS_NOTE})" if has_own_marks(answer) else text


def _citation(number: int, support: Support) -> RichText:
    claim = plain(plain_claim(support.claim) or support.claim, width=120)
    mark = (f"  [{number}] ", "bold")
    if not is_supported(support):
        return RichText.assemble(mark, (f"unsupported: {claim}", "yellow"))
    where = plain(support.url or "", width=300) or corners(support)
    if support.kind is SupportKind.PICTURE:
        where = f"{corners(support)} {where}".strip()
    quote = f' "{prose(support.passage, width=200)}"' if support.passage else ""
    whose = f" ({whose_words(support)})" if support.source else ""
    style = "yellow" if is_doubtful(support) else ""
    return RichText.assemble(mark, f"{claim} <- {where}{quote}", (whose, style))
