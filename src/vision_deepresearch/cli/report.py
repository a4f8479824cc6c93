"""What is printed when a trajectory is over: answer, citations, verdict, totals."""

from rich.console import Console
from rich.text import Text as RichText

from vision_deepresearch.cli.live import plain
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.trajectory import Support, SupportKind, Trajectory

_STYLES = {
    Decision.CORRECT: "bold green",
    Decision.INCORRECT: "bold red",
    Decision.ABSTAIN: "bold yellow",
}


def figures(trajectory: Trajectory) -> dict[str, object]:
    """Totals of a trajectory under the names that `--json` prints."""
    regions = [
        region
        for turn in trajectory.turns
        for record in turn.calls
        for region in record.observation.regions
    ]
    return {
        "turns": trajectory.num_turns,
        "boxes": len({(region.handle, region.box) for region in regions}),
        "scales": len({region.scale for region in regions}),
        "crops": len(regions),
        "calls": dict(trajectory.tool_counts),
        "engine_requests": trajectory.num_engine_requests,
        "peak_prompt_tokens": trajectory.peak_prompt_tokens,
        "counted_by": trajectory.counted_by,
        "seconds": round(trajectory.totals.seconds, 3),
        "cost_usd": trajectory.totals.cost_usd,
        "stop": trajectory.stop.value,
        "stop_detail": trajectory.stop_detail,
        "forced": trajectory.forced,
    }


def print_report(console: Console, trajectory: Trajectory, verdict: Verdict | None) -> None:
    """Answer with numbered citations, verdict, totals."""
    console.print()
    answer = trajectory.answer if trajectory.answer is not None else "(no answer)"
    console.print(RichText.assemble(("answer   ", "bold"), plain(answer, width=2000)))
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
    total = figures(trajectory)
    stop = trajectory.stop.value + (
        f" ({trajectory.stop_detail})" if trajectory.stop_detail else ""
    )
    console.print(
        RichText.assemble(
            ("totals   ", "bold"),
            f"{total['turns']} turns, {total['boxes']} boxes at {total['scales']} scales, "
            f"{total['engine_requests']} engine requests, "
            f"{trajectory.peak_prompt_tokens:,} tokens at most ({trajectory.counted_by}), "
            f"{trajectory.totals.seconds:.1f} s, ${trajectory.totals.cost_usd:.4f}; stopped: {stop}",
        ),
        soft_wrap=True,
    )


def _citation(number: int, support: Support) -> RichText:
    claim = plain(support.claim, width=120)
    if support.kind is SupportKind.UNSUPPORTED:
        return RichText.assemble((f"  [{number}] ", "bold"), (f"unsupported: {claim}", "yellow"))
    where = support.url or support.handle or ""
    quote = f' "{plain(support.passage, width=200)}"' if support.passage else ""
    return RichText.assemble((f"  [{number}] ", "bold"), f"{claim} <- {where}{quote}")
