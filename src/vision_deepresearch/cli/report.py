"""What is printed when a trajectory is over: answer, citations, verdict, totals."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text as RichText

from vision_deepresearch.agent.claims import plain_claim
from vision_deepresearch.cli.live import plain, prose
from vision_deepresearch.cli.output import counted
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.observation import Region
from vision_deepresearch.core.trajectory import Backing, Support, Trajectory
from vision_deepresearch.serve.citations import (
    NO_SUPPORT,
    OWN_MARKS_NOTE,
    cite,
    corners,
    has_own_marks,
    is_doubtful,
    is_picture,
    is_supported,
    not_found,
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
        for line in _citation(number, support):
            console.print(line, soft_wrap=True)
    if any(not is_supported(support) for support in trajectory.support):
        console.print(RichText(f"  (unsupported: {NO_SUPPORT})", "yellow"), soft_wrap=True)
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


def _citation(number: int, support: Support) -> Iterator[RichText]:
    """A claim with what backs it; further passages on lines of their own."""
    claim = plain(plain_claim(support.claim) or support.claim, width=120)
    mark = (f"  [{number}] ", "bold")
    if not is_supported(support):
        yield RichText.assemble(mark, (f"unsupported: {claim}", "yellow"))
        return
    first, *more = (_where(one) for one in support.backings)
    yield RichText.assemble(mark, "in part: " if support.missing else "", f"{claim} <- ", *first)
    indent = " " * len(mark[0])
    for one in more:
        yield RichText.assemble(f"{indent}and <- ", *one)
    if support.missing:
        yield RichText.assemble(indent, (plain(not_found(support), width=300), "yellow"))


def _where(backing: Backing) -> tuple[str, tuple[str, str]]:
    """Page or picture, its words, and whose they are."""
    where = plain(backing.url or "", width=300) or corners(backing)
    if is_picture(backing):
        where = f"{corners(backing)} {where}".strip()
    quote = f' "{prose(backing.passage, width=300)}"' if backing.passage else ""
    whose = f" ({whose_words(backing)})" if backing.source else ""
    return f"{where}{quote}", (whose, "yellow" if is_doubtful(backing) else "")
