"""A failed try and a better one after it are counted; what merely looks like that is not."""

from tests.builders import an_image_ref
from vision_deepresearch.core.content import Message, Role, ToolCall, untrusted
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation, Region
from vision_deepresearch.core.trajectory import CallRecord, StopReason, Trajectory, Turn
from vision_deepresearch.synth.trajectories.recoveries import (
    num_recovered_looks,
    num_recovered_searches,
)

HERE = Box(x0=0.1, y0=0.1, x1=0.3, y1=0.3)


def turn(thought: str, *records: CallRecord) -> Turn:
    reply = Message(role=Role.ASSISTANT, parts=(untrusted(thought),))
    return Turn(index=0, reply=reply, thought=thought, calls=records)


def search(query: str, *urls: str) -> CallRecord:
    hits = tuple(Evidence(kind=EvidenceKind.TEXT_HIT, url=url, title=url) for url in urls)
    return record("search", hits, query=[query])


def visit(url: str) -> CallRecord:
    return record("visit", (Evidence(kind=EvidenceKind.PAGE, url=url, title=url),), url=[url])


def look(scale: float, *titles: str, box: Box = HERE) -> CallRecord:
    hits = tuple(
        Evidence(kind=EvidenceKind.IMAGE_HIT, url=f"u://{title}", title=title, region=0)
        for title in titles
    )
    made = record("crop_and_search", hits, bbox=[list(box.thousandths())], scales=[scale])
    region = Region(
        handle="img_1",
        box=box,
        scale=scale,
        searched=box,
        crop=an_image_ref(),
        crop_handle="img_2",
    )
    seen = made.observation.model_copy(update={"regions": (region,)})
    return made.model_copy(update={"observation": seen})


def record(name: str, evidence: tuple[Evidence, ...], **arguments: object) -> CallRecord:
    call = ToolCall.model_validate({"id": "c", "name": name, "arguments": arguments})
    return CallRecord(call=call, observation=Observation(parts=(), evidence=evidence), seconds=0.0)


def of(*turns: Turn) -> Trajectory:
    return Trajectory(
        id="t",
        task_id="t",
        model="m",
        profile="vdr",
        mode="cis+ts",
        today="2026-01-01",
        prompt=(),
        turns=tuple(one.model_copy(update={"index": n}) for n, one in enumerate(turns)),
        stop=StopReason.ANSWER,
    )


def test_a_search_that_missed_and_a_better_one_are_a_recovery() -> None:
    vague, better = turn("", search("who", "a", "b")), turn("", search("who is Tolm", "c"))
    assert num_recovered_searches(of(vague, better, turn("", visit("c")))) == 1
    unused = of(vague, better, turn("", visit("z")))
    assert num_recovered_searches(unused) == 0, "the better one was not used"
    used = of(vague, better, turn("", visit("c")), turn("", visit("b")))
    assert num_recovered_searches(used) == 0, "the first one was of use after all"
    again = of(vague, vague, turn("", visit("c")))
    assert num_recovered_searches(again) == 0, "the same words once more"
    detour = of(vague, turn("", visit("c")), better)
    assert num_recovered_searches(detour) == 0, "another way is no better search"
    both = turn("", search("who is Tolm", "a", "c"))
    assert num_recovered_searches(of(vague, both, turn("", visit("a")))) == 0, "it was there before"


def test_a_look_that_missed_and_another_framing_are_a_recovery() -> None:
    wide, tight = turn("", look(2.5, "Old Mill")), turn("", look(1.0, "Tolm Works (firm)"))
    said = turn("It is Tolm Works.")
    assert num_recovered_looks(of(wide, tight, said)) == 1
    assert num_recovered_looks(of(wide, tight, turn("Nothing."))) == 0, "nothing came of it"
    first = turn("", look(2.5, "Tolm Works"))
    assert num_recovered_looks(of(first, tight, said)) == 0, "the first look had it"
    there = Box(x0=0.6, y0=0.6, x1=0.8, y1=0.8)
    elsewhere = turn("", look(1.0, "Tolm Works", box=there))
    assert num_recovered_looks(of(wide, elsewhere, said)) == 0, "another thing"
