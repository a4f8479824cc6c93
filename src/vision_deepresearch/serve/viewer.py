"""Writes trace pages: one HTML file per trajectory, and a table of a run that leads to them.

A page opens from disk, asks the network for nothing and runs no code but ours: the policy in its
head allows one style and one script by hash, and pictures as data. Text of models, pages and users
is escaped by the template engine, after `visible` has replaced what hides or reorders text.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.serve.citations import OWN_MARKS_NOTE, cite, has_own_marks
from vision_deepresearch.serve.files import write_whole
from vision_deepresearch.serve.viewer_chain import trace_claims
from vision_deepresearch.serve.viewer_data import TraceItem, num_boxes, view_trace, worlds_of
from vision_deepresearch.serve.viewer_pictures import ROW_SIDE, Figure, Load, Shelf
from vision_deepresearch.serve.viewer_text import dollars, price, seconds, short, shown

MAX_ROW_PICTURES = 400
"""Rows of a table that show their picture."""

STOPS: dict[StopReason, str] = {
    StopReason.ANSWER: "the model gave its answer",
    StopReason.TURN_LIMIT: "the last allowed turn brought no answer",
    StopReason.CONTEXT_LIMIT: "the next prompt would not have fitted",
    StopReason.REPETITION: "the model repeated itself",
    StopReason.FORMAT_FAULTS: "several replies in a row could not be parsed",
    StopReason.TOOL_FAULTS: "several turns in a row had no call that worked",
    StopReason.MODEL_ERROR: "the model could not be reached, or its endpoint refused the request",
    StopReason.REFUSED: "the model's provider would not answer",
    StopReason.DEADLINE: "the time limit passed",
    StopReason.BUDGET: "a cap of dollars or calls was reached",
    StopReason.PROMPT_INTEGRITY: "a prompt held a forged control token and was not sent",
    StopReason.CANCELLED: "it was cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One figure of the header."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trajectory in the table of a run."""

    number: int
    href: str
    question: str
    ref: str
    mode: str
    note: str
    answer: str
    decision: str
    stop: str
    turns: int
    boxes: int
    requests: int
    seconds: float
    cost: str
    cost_usd: float
    """To sort by; what is known of it."""
    tokens: int
    picture: Figure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Pages before and behind this one, and the table they stand in."""

    index: str | None = None
    before: str | None = None
    after: str | None = None


def write_trace_page(path: Path, item: TraceItem, *, load: Load, title: str = "") -> Path:
    """Write the page of one trajectory.

    Args:
        path: the file to write; its folder is made.
        item: task, trajectory and verdict. Of a protected task only its name and figures appear.
        load: gives the bytes of a picture, or None where they are gone.
        title: of the browser's window; empty: the question.

    Returns:
        `path`.
    """
    return _write_trace(path, item, load=load, title=title, neighbours=Neighbours())


def write_run_pages(
    folder: Path, items: Iterable[TraceItem], *, load: Load, title: str = "Run"
) -> Path:
    """Write a page per trajectory and a table of all; return the page to open first.

    Items are taken one at a time, so a run may be larger than memory. A single trajectory needs
    no table: its page is `index.html` itself.
    """
    rows: list[Row] = []
    shelf = Shelf(load)
    waiting: tuple[int, TraceItem] | None = None
    for number, item in enumerate(items, 1):
        rows.append(_row(item, number=number, shelf=shelf))
        if waiting:
            _write_numbered(folder, waiting, is_last=False, load=load)
        waiting = (number, item)
    if waiting and len(rows) == 1:
        return write_trace_page(folder / "index.html", waiting[1], load=load)
    if waiting:
        _write_numbered(folder, waiting, is_last=True, load=load)
    decisions = Counter(row.decision for row in rows)
    html = render(
        "run.html",
        title=title,
        rows=rows,
        decisions=[(name, decisions[name]) for name in _DECISIONS if decisions[name]],
        stops=sorted({row.stop for row in rows}),
        modes=sorted({row.mode for row in rows}),
        pictures=shelf.embedded,
    )
    return write_whole(folder / "index.html", html)


_DECISIONS = (*(decision.value for decision in Decision), "unjudged")


def _write_numbered(
    folder: Path, numbered: tuple[int, TraceItem], *, is_last: bool, load: Load
) -> None:
    number, item = numbered
    neighbours = Neighbours(
        index="../index.html",
        before=f"{number - 1:04d}.html" if number > 1 else None,
        after=None if is_last else f"{number + 1:04d}.html",
    )
    path = folder / "traces" / f"{number:04d}.html"
    _write_trace(path, item, load=load, title="", neighbours=neighbours)


def _write_trace(
    path: Path, item: TraceItem, *, load: Load, title: str, neighbours: Neighbours
) -> Path:
    task, trajectory = item.task, item.trajectory
    shelf = Shelf(load)
    name = task.ref if task.protected else task.question
    given = {
        "title": title or short(name, 70),
        "item": item,
        "neighbours": neighbours,
        "decision": _decision(item.verdict),
        "stop_reason": STOPS[trajectory.stop],
    }
    if task.protected:
        facts = _facts(trajectory, boxes=num_boxes(trajectory), scales=())
        return write_whole(path, render("protected.html", facts=facts, **given))
    view = view_trace(item, shelf=shelf)
    claims = trace_claims(view, shelf=shelf)
    answer = trajectory.answer or ""
    html = render(
        "trace.html",
        view=view,
        worlds=worlds_of(trajectory),
        claims=claims,
        cited=cite(answer, [claim.text for claim in claims]) if answer else (),
        marks_note=OWN_MARKS_NOTE if has_own_marks(answer) else "",
        facts=_facts(trajectory, boxes=view.num_boxes, scales=view.scales),
        pictures=shelf.embedded,
        **given,
    )
    return write_whole(path, html)


def _decision(verdict: Verdict | None) -> str:
    return verdict.decision.value if verdict else "unjudged"


def _facts(trajectory: Trajectory, *, boxes: int, scales: tuple[float, ...]) -> list[Fact]:
    totals = trajectory.totals
    tools = ", ".join(f"{name} {count}" for name, count in trajectory.tool_counts.items())
    replayed = sum(totals.replayed.values())
    at = ", ".join(f"\u00d7{scale:g}" for scale in scales)
    return [
        Fact(name="turns", value=str(trajectory.num_turns)),
        Fact(name="calls", value=str(sum(trajectory.tool_counts.values())), note=tools),
        Fact(name="boxes", value=str(boxes), note=f"scales {at}" if at else ""),
        Fact(
            name="engine requests",
            value=str(trajectory.num_engine_requests),
            note=f"{replayed} calls answered by the tape" if replayed else "",
        ),
        Fact(
            name="tokens",
            value=f"{totals.prompt_tokens + totals.completion_tokens:,}",
            note=f"{totals.completion_tokens:,} written, largest prompt "
            f"{trajectory.peak_prompt_tokens:,} (counted by {trajectory.counted_by})",
        ),
        Fact(
            name="time",
            value=seconds(totals.seconds),
            note=f"model {seconds(totals.model_seconds)}",
        ),
        Fact(name="cost", value=price(totals)),
    ]


def _row(item: TraceItem, *, number: int, shelf: Shelf) -> Row:
    task, trajectory = item.task, item.trajectory
    has_picture = bool(task.images) and not task.protected and number <= MAX_ROW_PICTURES
    picture = shelf.show(task.images[0], side=ROW_SIDE, alt="") if has_picture else None
    totals = trajectory.totals
    return Row(
        number=number,
        href=f"traces/{number:04d}.html",
        question=task.ref if task.protected else short(task.question, 160),
        ref=task.ref,
        mode=trajectory.mode,
        note=item.note,
        answer="" if task.protected else short(trajectory.answer or "", 60),
        decision=_decision(item.verdict),
        stop=trajectory.stop.value + (" (forced)" if trajectory.forced else ""),
        turns=trajectory.num_turns,
        boxes=num_boxes(trajectory),
        requests=trajectory.num_engine_requests,
        seconds=totals.seconds,
        cost=price(totals),
        cost_usd=totals.cost_usd,
        tokens=totals.prompt_tokens + totals.completion_tokens,
        picture=picture,
    )


def render(template: str, **values: object) -> str:
    """A page from a template of ours, with style, script and the policy that allows only these."""
    style, script = _asset("viewer.css"), _asset("viewer.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    page = _environment().get_template(template)
    return page.render(style=style, script=script, policy=policy, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("vision_deepresearch.serve"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every value passes here, so no template can forget it; `|safe` marks our own text.
        finalize=_finalize,
    )
    environment.filters |= {
        "seconds": seconds,
        "dollars": dollars,
        "short": short,
    }
    return environment


def _finalize(value: object) -> object:
    return shown(value) if type(value) is str else value


def _asset(name: str) -> str:
    """A file beside the templates, with the line ends a browser hashes."""
    folder = resources.files("vision_deepresearch.serve").joinpath("templates")
    return folder.joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n").strip()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
