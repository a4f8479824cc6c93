"""A trajectory as a viewer meets it: crops at two scales, hits, pages, faults, an answer."""

import io
from dataclasses import dataclass, field
from functools import cache

from PIL import Image as PilImage
from PIL import ImageDraw

from vision_deepresearch.core.bank import ImageBank, Origin
from vision_deepresearch.core.content import (
    Image,
    ImageRef,
    Message,
    Role,
    ToolCall,
    trusted,
    untrusted,
)
from vision_deepresearch.core.context import SpendKind
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import FailureKind
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation, Quote, Region
from vision_deepresearch.core.task import AnswerType, Gold, Task, fingerprint
from vision_deepresearch.core.trajectory import (
    Backing,
    CallRecord,
    ContextEdit,
    FaultKind,
    FormatFault,
    StopReason,
    Support,
    SupportKind,
    SupportSource,
    Totals,
    Trajectory,
    Turn,
    Usage,
)
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.serve.viewer_data import TraceItem

HARBOUR = "https://harbour-guild.example/emblems/heron"
GUILD = "https://en.wikipedia.org/wiki/Guild"
FOUNDER = "https://archive-ostrel.example/people/mira-dovane"
EMBLEM = Box(x0=0.08, y0=0.16, x1=0.3, y1=0.5)
TOWER = Box(x0=0.62, y0=0.3, x1=0.86, y1=0.82)
PASSAGE = "Mira Dovane was born in Ostrel in 1871, the daughter of a rope maker."


@dataclass(kw_only=True)
class Sample:
    """A trace item and the store of its pictures."""

    item: TraceItem
    media: MemoryMediaStore = field(default_factory=MemoryMediaStore)

    def load(self, ref: ImageRef) -> bytes | None:
        try:
            return self.media.load(ref)
        except KeyError:
            return None


@cache
def a_scene() -> bytes:
    """A market place with an emblem on a banner and a striped tower."""
    image = PilImage.new("RGB", (960, 640), "#c9dbe6")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 430, 960, 640), fill="#b9a88a")
    for left in range(0, 960, 120):
        draw.rectangle(
            (left, 210, left + 100, 450), fill=("#a4765b", "#c2956b", "#8f9c86")[left // 120 % 3]
        )
        draw.polygon([(left - 5, 212), (left + 50, 150), (left + 105, 212)], fill="#6b3f33")
    draw.rectangle((76, 100, 290, 330), fill="#f4ead2", outline="#3b2d20", width=4)
    an_emblem(draw, (115, 130, 250, 300))
    for row in range(8):
        fill = "#8c2f39" if row % 2 else "#efe6d5"
        draw.rectangle((640, 190 + row * 40, 790, 230 + row * 40), fill=fill)
    draw.polygon([(630, 192), (715, 110), (800, 192)], fill="#3d4a57")
    for left, colour in ((330, "#d8b24a"), (430, "#4a7d8c"), (520, "#b3564e"), (850, "#4a7d8c")):
        draw.polygon(
            [(left, 500), (left + 80, 500), (left + 95, 540), (left - 15, 540)], fill=colour
        )
        draw.rectangle((left, 540, left + 80, 600), fill="#6f5a43")
    return _png(image)


def an_emblem(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    draw.ellipse(box, fill="#23566b")
    draw.polygon(
        [(left + 40, bottom - 40), ((left + right) // 2, top + 25), (right - 30, bottom - 60)],
        fill="#f4ead2",
    )
    draw.ellipse((right - 60, top + 40, right - 36, top + 64), fill="#d8903a")


@cache
def a_cut(box: Box) -> bytes:
    """What a box of the scene shows."""
    return cut(a_scene(), box)


@cache
def a_reference(seed: int) -> bytes:
    """A picture of a reference page: the emblem, or something like it."""
    image = PilImage.new("RGB", (300, 300), ("#f4ead2", "#dfe7e2", "#eee0e0")[seed % 3])
    an_emblem(ImageDraw.Draw(image), (40, 30 + 10 * seed, 250, 270))
    return _png(image)


def _png(image: PilImage.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def a_sample(*, words: str = "") -> Sample:
    """The trajectory; `words` are put into every text a stranger can write."""
    media = MemoryMediaStore()
    scene = media.put(a_scene())
    bank = ImageBank()
    bank.add(scene, Origin(kind="given"))
    question = (
        "The banner on the left of this market place shows the emblem of a guild. "
        f"In which town was the founder of that guild born?{words}"
    )
    gold = Gold(answers=("Ostrel", "Ostrel-on-Vey"), type=AnswerType.NAME)
    task = Task(
        id=fingerprint(ref="generated:small/demo/4", question=question, images=(scene,), gold=gold),
        ref=f"generated:small/demo/4{words}",
        kind="fuzzy",
        question=question,
        images=(scene,),
        gold=gold,
        strata={"hops": "2"},
    )
    looked = _look(media, bank, words=words)
    turns = (
        looked,
        _fault(words),
        _search(words),
        _visit(words),
        _final(words),
    )
    trajectory = Trajectory(
        id=f"{task.id[:16]}-a0",
        task_id=task.id,
        model=f"oracle@1{words}",
        profile="vdr",
        mode=f"cis+ts{words}",
        today="2026-01-01",
        prompt=(
            Message(role=Role.SYSTEM, parts=(trusted("You research questions about pictures.\n"),)),
            Message(
                role=Role.USER,
                parts=(
                    Image(ref=scene, handle="img_1"),
                    trusted("\nQuestion: "),
                    untrusted(question),
                ),
            ),
        ),
        prompt_hash="ab" * 32,
        turns=turns,
        bank=bank.entries,
        stop=StopReason.ANSWER,
        stop_detail=words,
        answer=f"Ostrel; the guild was founded in 1902.{words}",
        support=_support(words),
        totals=Totals(
            seconds=9.31,
            model_seconds=4.2,
            cost_usd=0.0132,
            prompt_tokens=21_840,
            completion_tokens=512,
            calls={
                SpendKind.MODEL_CALL: 5,
                SpendKind.IMAGE_SEARCH: 4,
                SpendKind.TEXT_SEARCH: 2,
                SpendKind.PAGE_READ: 4,
            },
            replayed={SpendKind.IMAGE_SEARCH: 2},
        ),
        peak_prompt_tokens=6_120,
    )
    verdict = Verdict(
        decision=Decision.CORRECT,
        reason=f"the answer holds the gold name 'Ostrel'{words}",
        judge=f"rules/1{words}",
        matched=f"Ostrel{words}",
    )
    return Sample(item=TraceItem(task=task, trajectory=trajectory, verdict=verdict), media=media)


def a_cited_item(sample: Sample) -> TraceItem:
    """The sample with an answer of five sentences, each backed in another way."""
    support = (
        Support(
            claim="Mira Dovane was born in **Ostrel**.",
            kind=SupportKind.PASSAGE,
            url=GUILD,
            title="Mira Dovane",
            passage=PASSAGE,
            source=SupportSource.PAGE,
            turn=3,
            quote=Quote(text=PASSAGE, start=1240, end=1309),
        ),
        Support(
            claim="The emblem is that of the Heron Guild.",
            kind=SupportKind.PICTURE,
            url=FOUNDER,
            title="Heron Guild",
            passage="Heron Guild",
            source=SupportSource.CAPTION,
            handle="img_1",
            box=EMBLEM,
            turn=0,
        ),
        Support(
            claim="She learned her trade in Marrow Bay.",
            kind=SupportKind.PASSAGE,
            url=FOUNDER,
            title="Mira Dovane",
            passage="She learned her trade in Marrow Bay.",
            source=SupportSource.SUMMARY,
            turn=3,
        ),
        Support(claim="The guild was founded in 1902.", kind=SupportKind.UNSUPPORTED),
        Support(
            claim="Only the Heron Guild made ropes, and it stood in Marrow Bay.",
            kind=SupportKind.PARTLY,
            url=FOUNDER,
            title="Heron Guild",
            passage="The Heron Guild made ropes.",
            source=SupportSource.PAGE,
            turn=3,
            more=(
                Backing(
                    url=FOUNDER,
                    title="Heron Guild",
                    passage="Its house stood in Marrow Bay.",
                    source=SupportSource.EXTRACT,
                    turn=3,
                ),
                Backing(
                    url=FOUNDER,
                    title="Heron Guild",
                    passage="Heron Guild",
                    source=SupportSource.CAPTION,
                    handle="img_1",
                    box=EMBLEM,
                    turn=0,
                ),
            ),
            missing=("only",),
        ),
    )
    answer = " ".join(one.claim for one in support)
    trajectory = sample.item.trajectory
    totals = trajectory.totals.model_copy(update={"has_unknown_cost": True, "cost_usd": 0.0})
    changed = {"answer": answer, "support": support, "totals": totals}
    return TraceItem(
        task=sample.item.task,
        trajectory=trajectory.model_copy(update=changed),
        verdict=sample.item.verdict,
    )


def _look(media: MemoryMediaStore, bank: ImageBank, *, words: str) -> Turn:
    regions: list[Region] = []
    evidence: list[Evidence] = []
    for place, (box, scale) in enumerate((
        (EMBLEM, 1.0),
        (EMBLEM, 1.6),
        (TOWER, 1.0),
        (TOWER, 1.4),
    )):
        searched = box.scaled(scale)
        crop = media.put(a_cut(searched))
        handle = bank.add(crop, Origin(kind="crop", handle="img_1", box=searched))
        is_lost = place == 3
        region = Region(
            handle="img_1",
            box=box,
            scale=scale,
            searched=searched,
            crop=crop,
            crop_handle=handle,
            hits=2,
            failure=FailureKind.TIMEOUT if is_lost else None,
        )
        regions.append(region)
        if not is_lost:
            evidence += _hits(media, region=place, words=words)
    evidence.append(
        Evidence(
            kind=EvidenceKind.PAGE,
            url=HARBOUR,
            title=f"Heron Guild of Vey - emblem register{words}",
            snippet="The white sail over a dark disc is the emblem of the **Heron Guild of Vey**, in use "
            f"since 1902. It hangs from banners on market days.{words}",
            query=f"Whose emblem is this?{words}",
            region=0,
            degraded=True,
            world_id=f"generated-7f3a{words}",
        )
    )
    call = ToolCall(
        id="t0c0",
        name="crop_and_search",
        arguments={
            "image_id": "img_1",
            "bbox": [list(EMBLEM.thousandths()), list(TOWER.thousandths())],
            "scales": [1.0, 1.6],
            "goal": f"Whose emblem hangs on the left, and which tower is this?{words}",
            f"more{words}": {"deep": [words, 1, None]},
        },
    )
    observation = Observation(
        parts=(untrusted(f"hits{words}"),),
        evidence=tuple(evidence),
        regions=tuple(regions),
        notices=(f"1 box was left out: it doubles box 1{words}",),
    )
    told = Message(
        role=Role.USER,
        parts=(
            trusted("<tool_response>\n"),
            untrusted(
                f"box 1 at scale 1.0: 2 hits\n1. Heron Guild of Vey - emblem register{words}\n"
            ),
            Image(ref=regions[0].crop, handle=regions[0].crop_handle),
            trusted("\n</tool_response>"),
        ),
    )
    return _turn(
        0,
        thought="Two things stand out: a banner with a white sail on a dark disc, and a striped tower. "
        f"I crop both, tight and with some surroundings.{words}",
        calls=(CallRecord(call=call, observation=observation, seconds=1.62, cost_usd=0.004),),
        results=(told,),
        model_seconds=1.4,
        prompt_tokens=2_130,
        phase=f"vision{words}",
    )


def _hits(media: MemoryMediaStore, *, region: int, words: str) -> list[Evidence]:
    hits = [
        ("Heron Guild of Vey - emblem register", HARBOUR, "match", 148.0),
        ("Regatta pennants of the lower Vey", "https://pennants.example/vey/12", "possible", 17.0),
    ]
    if region >= 2:
        hits = [
            ("Signal towers of the coast", "https://towers.example/list", "visually similar", 6.0)
        ]
    return [
        Evidence(
            kind=EvidenceKind.IMAGE_HIT,
            url=url,
            title=f"{title}{words}",
            snippet=f"Catalogue of signs, plate {rank + 3}.{words}",
            published="2019-05-02",
            image=media.put(a_reference(rank + region)),
            label=label,
            score=score / (1 + region),
            region=region,
            rank=rank,
            world_id=f"generated-7f3a{words}",
        )
        for rank, (title, url, label, score) in enumerate(hits)
    ]


def _fault(words: str) -> Turn:
    fault = FormatFault(
        kind=FaultKind.BAD_JSON,
        message=f"expected an object with name and arguments, got {words or 'a list'}: write one call",
    )
    return _turn(
        1,
        thought="",
        fault=fault,
        results=(Message(role=Role.USER, parts=(trusted("The reply could not be used. "),)),),
        model_seconds=0.7,
        prompt_tokens=4_480,
    )


def _search(words: str) -> Turn:
    queries = [f"founder of the Heron Guild of Vey{words}", f"Heron Guild history{words}"]
    evidence = [
        Evidence(
            kind=EvidenceKind.TEXT_HIT,
            url=url,
            title=f"{title}{words}",
            snippet=f"{snippet}{words}",
            query=query,
            rank=rank,
            score=11.4 - 3 * rank,
            published=None if rank else f"2021-11-30{words}",
            world_id=f"generated-7f3a{words}",
        )
        for query in queries
        for rank, (title, url, snippet) in enumerate((
            ("Mira Dovane, founder and rope maker", FOUNDER, "She founded the Heron Guild of Vey."),
            (
                "Guild days in Marrow Bay",
                GUILD,
                "Guild days are held in June.",
            ),
        ))
    ]
    call = ToolCall(id="t2c0", name="search", arguments={"query": [*queries]})
    other = ToolCall(id="t2c1", name="python", arguments={"code": f"print(1)\n# {words}"})
    return _turn(
        2,
        thought="The register names the Heron Guild of Vey. Who founded it? I search by words."
        + words,
        calls=(
            CallRecord(
                call=call,
                observation=Observation(parts=(untrusted("found"),), evidence=tuple(evidence)),
                seconds=0.2,
            ),
            CallRecord(
                call=other,
                observation=Observation.failed(
                    FailureKind.UNAVAILABLE, f"python is switched off here{words}"
                ),
                seconds=0.0,
            ),
        ),
        results=(
            Message(role=Role.USER, parts=(trusted("1. "), untrusted(f"Mira Dovane{words}"))),
        ),
        model_seconds=0.8,
        prompt_tokens=5_020,
        phase="text",
    )


def _visit(words: str) -> Turn:
    urls = [FOUNDER, f"javascript:alert(1){words}", f"https://gone.example/{words}"]
    call = ToolCall(
        id="t3c0", name="visit", arguments={"url": [*urls], "goal": f"Where was she born?{words}"}
    )
    page = Evidence(
        kind=EvidenceKind.PAGE,
        url=FOUNDER,
        title=f"Mira Dovane, founder and rope maker{words}",
        snippet=f"{PASSAGE} She learned her trade in Marrow Bay. "
        + "The guild grew. " * 40
        + words,
        query=f"Where was she born?{words}",
        world_id=f"generated-7f3a{words}",
    )
    bad = Evidence(kind=EvidenceKind.PAGE, url=urls[1], title=words, snippet=words)
    return _turn(
        3,
        thought="One page is about the founder; I read it for her birthplace." + words,
        calls=(
            CallRecord(
                call=call,
                observation=Observation(
                    parts=(untrusted("page"),),
                    evidence=(page, bad),
                    notices=(f"1 of 3 pages could not be read{words}",),
                ),
                seconds=0.9,
            ),
        ),
        results=(
            Message(role=Role.USER, parts=(trusted("Evidence: "), untrusted(f"{PASSAGE}{words}"))),
        ),
        model_seconds=0.6,
        prompt_tokens=6_120,
        edit=ContextEdit(policy="drop_oldest", turns=(0,), replacement=f"[left out]{words}"),
    )


def _final(words: str) -> Turn:
    return _turn(
        4,
        thought="The page says it plainly: Ostrel." + words,
        answer=f"Ostrel; the guild was founded in 1902.{words}",
        model_seconds=0.7,
        prompt_tokens=4_090,
    )


def _support(words: str) -> tuple[Support, ...]:
    return (
        Support(
            claim=f"Ostrel{words}",
            kind=SupportKind.PASSAGE,
            url=FOUNDER,
            title=f"Mira Dovane, founder and rope maker{words}",
            passage=f"{PASSAGE}{words}",
            turn=3,
        ),
        Support(claim=f"the guild{words}", kind=SupportKind.PICTURE, handle="img_1", box=EMBLEM),
        Support(claim=f"was founded in 1902{words}", kind=SupportKind.UNSUPPORTED),
    )


def _turn(
    index: int,
    *,
    thought: str,
    calls: tuple[CallRecord, ...] = (),
    results: tuple[Message, ...] = (),
    answer: str | None = None,
    fault: FormatFault | None = None,
    edit: ContextEdit | None = None,
    phase: str | None = None,
    model_seconds: float,
    prompt_tokens: int,
) -> Turn:
    text = f"<think>\n{thought}\n</think>\n" + (f"<answer>{answer}</answer>" if answer else "")
    return Turn(
        index=index,
        phase=phase,
        reply=Message(role=Role.ASSISTANT, parts=(untrusted(text),)),
        thought=thought,
        calls=calls,
        answer=answer,
        fault=fault,
        results=results,
        edit=edit,
        usage=Usage(
            prompt_tokens=prompt_tokens,
            cached_tokens=prompt_tokens // 2,
            completion_tokens=96 + index,
            cost_usd=0.001,
        ),
        prompt_tokens=prompt_tokens,
        seconds=model_seconds + sum(record.seconds for record in calls),
        model_seconds=model_seconds,
    )
