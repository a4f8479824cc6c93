"""Writes a trajectory as a Markdown report: question, answer with numbered citations, sources, way there.

The report holds the words of models, pages and users as literal text: every mark of theirs is
escaped, nothing is embedded but the pictures of the run, and only plain public http(s) addresses
become links. The numbers are those of the trace page and of the terminal.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from vision_deepresearch.agent.claims import plain_claim
from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.observation import EvidenceKind, Region
from vision_deepresearch.core.trajectory import (
    Backing,
    CallRecord,
    Support,
    SupportKind,
    Trajectory,
    Turn,
)
from vision_deepresearch.media.store import FolderMediaStore
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
    place_in_page,
    whose_words,
)
from vision_deepresearch.serve.files import write_whole
from vision_deepresearch.serve.markdown import code, inert, link, quoted
from vision_deepresearch.serve.viewer_data import TraceItem, num_boxes, worlds_of
from vision_deepresearch.serve.viewer_text import price, seconds, short

NAME = "report.md"
_THOUGHT_CHARS = 220
_LISTED = 3
"""Pages or hits of one call that are named."""
_PLAINLY = {SupportKind.PARTLY: "in part", SupportKind.UNSUPPORTED: "unsupported"}
_MARK_OPEN, _MARK_CLOSE = "\ue000", "\ue001"
"""Around our numbers until the text is escaped; taken out of foreign text before."""


def write_report(path: Path, item: TraceItem, *, media: Path | None = None) -> Path:
    """Write the report of one trajectory.

    Args:
        path: the file to write; its folder is made.
        item: task, trajectory and verdict. Of a protected task only its name and figures appear.
        media: the run's folder of pictures, linked relative to `path`; None: pictures are named.

    Returns:
        `path`.
    """
    return write_whole(path, "\n".join(_lines(item, path=path, media=media)).rstrip() + "\n")


def write_run_reports(
    folder: Path, items: Iterable[TraceItem], *, media: Path | None = None
) -> Path:
    """Write a report per trajectory and a list of all; return the file to open first.

    A single trajectory needs no list: its report is `report.md` itself.
    """
    listed: list[str] = []
    waiting: TraceItem | None = None
    for number, item in enumerate(items, 1):
        if number == 1:
            waiting = item
        else:
            if waiting is not None:
                listed.append(_listed(folder, waiting, number=1, media=media))
                waiting = None
            listed.append(_listed(folder, item, number=number, media=media))
    if waiting is not None:
        return write_report(folder / NAME, waiting, media=media)
    body = listed or ["This run holds no trajectory yet."]
    return write_whole(folder / NAME, "\n".join(["# Research reports", "", *body]) + "\n")


def _listed(folder: Path, item: TraceItem, *, number: int, media: Path | None) -> str:
    name = f"reports/{number:04d}.md"
    write_report(folder / name, item, media=media)
    task, trajectory = item.task, item.trajectory
    title = inert(task.ref if task.protected else short(task.question, 120))
    answer = "" if task.protected else f": {inert(short(trajectory.answer or 'no answer', 80))}"
    decision = item.verdict.decision.value if item.verdict else "unjudged"
    return f"{number}. [{title}]({name}){answer} ({decision})"


def _lines(item: TraceItem, *, path: Path, media: Path | None) -> Iterator[str]:
    task, trajectory = item.task, item.trajectory
    yield "# Research report"
    yield ""
    if task.protected:
        yield f"The task {inert(task.ref)} is protected: only figures are shown."
        yield ""
        yield from _figures(item)
        return
    yield quoted(task.question)
    yield ""
    for number, ref in enumerate(task.images, 1):
        yield _picture(ref, name=f"img_{number}", path=path, media=media)
        yield ""
    yield "## Answer"
    yield ""
    yield from _answer(item)
    yield "## Sources"
    yield ""
    yield from _sources(trajectory)
    yield "## How it was found"
    yield ""
    for number, turn in enumerate(trajectory.turns, 1):
        yield f"{number}. {_turn(turn)}"
    if not trajectory.turns:
        yield "No turn was made."
    yield ""
    yield "## Figures"
    yield ""
    yield from _figures(item)
    yield "## What did not work as it should"
    yield ""
    yield from _troubles(trajectory)


def _picture(ref: ImageRef, *, name: str, path: Path, media: Path | None) -> str:
    size = f"{ref.width} x {ref.height} pixels"
    file = FolderMediaStore(media).path_of(ref) if media else None
    if file is None:
        return f"{name}: {size}, sha256 {ref.sha256[:16]} (no file beside this report)"
    relative = Path(os.path.relpath(file, path.parent)).as_posix()
    return f"![{name}, {size}]({quote(relative)})"


def _answer(item: TraceItem) -> Iterator[str]:
    trajectory = item.trajectory
    answer = trajectory.answer
    if answer is None:
        detail = f" ({trajectory.stop_detail})" if trajectory.stop_detail else ""
        yield f"No answer: the research ended with {inert(trajectory.stop.value + detail)}."
    else:
        yield _with_marks(answer, trajectory.support)
    yield ""
    if answer and has_own_marks(answer):
        yield f"({OWN_MARKS_NOTE})"
        yield ""
    if answer is not None and not trajectory.support:
        yield "**No claim of this answer has a source on record.**"
        yield ""
    if trajectory.forced:
        yield f"The answer was demanded after a limit was reached: {inert(trajectory.stop.value)}."
        yield ""
    if item.verdict:
        verdict = item.verdict
        yield (
            f"Verdict: **{verdict.decision.value}** - {inert(verdict.reason)} "
            f"({inert(verdict.judge)}, by {verdict.decided_by})"
        )
        yield ""


def _with_marks(answer: str, support: tuple[Support, ...]) -> str:
    """The answer as a quote, each claim followed by its number; an unsupported one says so."""
    clean = answer.replace(_MARK_OPEN, "").replace(_MARK_CLOSE, "")
    pieces = cite(clean, [one.claim for one in support])
    text = "".join(
        piece.text.rstrip("\n")
        + "".join(f" {_MARK_OPEN}{number}{_MARK_CLOSE}" for number in piece.numbers)
        + piece.text[len(piece.text.rstrip("\n")) :]
        for piece in pieces
    )
    told = quoted(text)
    for number, one in enumerate(support, 1):
        is_whole = is_supported(one) and one.kind is not SupportKind.PARTLY
        mark = f"\\[{number}\\]" if is_whole else f"\\[{number}, {_PLAINLY[one.kind]}\\]"
        told = told.replace(f"{_MARK_OPEN}{number}{_MARK_CLOSE}", mark)
    return told


def _sources(trajectory: Trajectory) -> Iterator[str]:
    if not trajectory.support:
        yield "None."
        yield ""
    turns = {turn.index: number for number, turn in enumerate(trajectory.turns, 1)}
    for number, support in enumerate(trajectory.support, 1):
        head = f"{number}. "
        indent = " " * len(head)
        yield f"{head}{inert(plain_claim(support.claim) or support.claim)}"
        yield ""
        if not is_supported(support):
            yield f"{indent}**unsupported**: {NO_SUPPORT}"
            yield ""
            continue
        if support.missing:
            yield f"{indent}**backed in part**: {inert(not_found(support))}"
            yield ""
        for one in support.backings:
            yield indent + _source(one, turn=turns.get(-1 if one.turn is None else one.turn))
            yield ""
            if one.passage:
                yield quoted(one.passage, indent=indent)
                yield ""


def _source(support: Backing, *, turn: int | None) -> str:
    """Where a claim is backed: page, whose words, place; or picture and box."""
    parts = []
    if is_picture(support):
        parts.append(f"picture {inert(corners(support))}".strip())
    if support.url is not None:
        parts.append(link(support.title or support.url, support.url))
        if support.title and link(support.title, support.url).startswith("["):
            parts.append(code(support.url))
    if words := whose_words(support):
        parts.append(f"**{words}**" if is_doubtful(support) else words)
    if place := place_in_page(support.quote):
        parts.append(inert(place))
    if support.handle is not None and not is_picture(support):
        parts.append(f"found with {inert(corners(support))}")
    if turn is not None:
        parts.append(f"turn {turn}")
    return ", ".join(parts) or "no source named"


# ------------------------------------------------------------------------------------- the way there


def _turn(turn: Turn) -> str:
    parts = []
    thought = short(turn.thought or turn.reply.reasoning or "", _THOUGHT_CHARS)
    if thought:
        parts.append(inert(thought))
    parts += [_call(record) for record in turn.calls]
    if turn.fault is not None:
        parts.append(f"the reply could not be used ({turn.fault.kind.value})")
    if turn.answer is not None:
        parts.append("**answer**")
    return " - ".join(parts) or "nothing"


def _call(record: CallRecord) -> str:
    """Tool, what it was asked, what it brought."""
    observation = record.observation
    parts = [code(short(record.call.name, 60)) or "a call without a name"]
    if observation.failure is not None:
        return f"{parts[0]} failed ({observation.failure.kind.value})"
    if observation.regions:
        parts.append(_boxes(observation.regions))
    asked = record.call.arguments.get("query")
    if isinstance(asked, list):
        queries = [code(short(one, 80)) for one in asked if isinstance(one, str)]
        parts.append(", ".join(queries[:_LISTED]))
    hits = [one for one in observation.evidence if one.kind is not EvidenceKind.PAGE]
    pages = [one for one in observation.evidence if one.kind is EvidenceKind.PAGE]
    if hits:
        parts.append(f"{len(hits)} hits, first {inert(short(hits[0].title, 60))}")
    if pages:
        named = [link(short(one.title, 60), one.url) for one in pages[:_LISTED]]
        more = f" and {len(pages) - _LISTED} more" if len(pages) > _LISTED else ""
        parts.append(f"read {', '.join(named)}{more}")
    return f"{', '.join(part for part in parts if part)} ({seconds(record.seconds)})"


def _boxes(regions: tuple[Region, ...]) -> str:
    """Pictures and boxes in thousandths, each with its scales."""
    scales: dict[str, list[str]] = {}
    for region in regions:
        is_whole = region.crop_handle == region.handle
        box = ", ".join(str(one) for one in region.box.thousandths())
        name = f"all of {region.handle}" if is_whole else f"{region.handle} [{box}]"
        scales.setdefault(name, []).append(f"\u00d7{region.scale:g}")
    return "; ".join(
        inert(name) if factors == ["\u00d71"] else f"{inert(name)} at {', '.join(factors)}"
        for name, factors in scales.items()
    )


def _figures(item: TraceItem) -> Iterator[str]:
    task, trajectory = item.task, item.trajectory
    totals = trajectory.totals
    tools = ", ".join(f"{name} {count}" for name, count in trajectory.tool_counts.items())
    forced = ", answer demanded" if trajectory.forced else ""
    rows = {
        "turns": str(trajectory.num_turns),
        "calls": f"{sum(trajectory.tool_counts.values())}{f' ({tools})' if tools else ''}",
        "boxes": str(num_boxes(trajectory)),
        "engine requests": f"{trajectory.num_engine_requests}, "
        f"{trajectory.num_new_engine_requests} not answered by the tape",
        "tokens": f"{totals.prompt_tokens:,} read, {totals.completion_tokens:,} written; "
        f"largest prompt {trajectory.peak_prompt_tokens:,} (counted by {trajectory.counted_by})",
        "time": f"{seconds(totals.seconds)}, of this the model {seconds(totals.model_seconds)}",
        "cost": price(totals),
        "stopped": trajectory.stop.value + forced,
        "model": trajectory.model,
        "world": ", ".join(worlds_of(trajectory)) or "none was asked",
        "profile": trajectory.profile,
        "mode": trajectory.mode,
        "date of the question": trajectory.today,
        "task": task.ref,
        "trajectory": trajectory.id,
    }
    for name, value in rows.items():
        yield f"- {name}: {inert(value)}"
    yield ""


def _troubles(trajectory: Trajectory) -> Iterator[str]:
    """What failed, was cut or degraded; each once, with its number of times."""
    troubles: dict[str, int] = {}

    def note(trouble: str) -> None:
        troubles[trouble] = troubles.get(trouble, 0) + 1

    for turn in trajectory.turns:
        if turn.fault is not None:
            note(f"a reply could not be used: {turn.fault.kind.value}")
        if turn.edit is not None:
            note(f"older results were taken out of the prompt ({turn.edit.policy})")
        for record in turn.calls:
            failure = record.observation.failure
            if failure is not None:
                note(
                    f"{short(record.call.name, 60)} failed: {failure.kind.value}, {failure.message}"
                )
            for region in record.observation.regions:
                if region.failure is not None and failure is None:
                    note(f"the search of a crop failed: {region.failure.value}")
            for found in record.observation.evidence:
                if found.degraded:
                    note("a page was read as an extract, without a summary")
            for notice in record.observation.notices:
                note(notice)
    if not is_plain_end(trajectory):
        note(f"stopped by {trajectory.stop.value}: {trajectory.stop_detail}".rstrip(": "))
    for trouble, times in troubles.items():
        yield f"- {inert(short(trouble, 300))}{f' ({times} times)' if times > 1 else ''}"
    if not troubles:
        yield "Nothing failed and nothing was cut."


def is_plain_end(trajectory: Trajectory) -> bool:
    """Whether it ended with an answer of the model's own accord."""
    return not trajectory.stop.is_anomalous
