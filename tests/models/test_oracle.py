"""The oracle on a hand-made web: it finds the way, and answers only what it has read.

img_1 shows emblems; a crop of one finds the page of its owner (a fleet); each fleet has a
founder, a founder a birthplace:   emblem --look--> fleet --founded by--> person --born in--> town
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import process_time

import pytest

from tests.builders import a_picture, a_task
from vision_deepresearch.agent.limits import Limits
from vision_deepresearch.agent.loop import Researcher, run
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Conversation, Picture, ToolSpec
from vision_deepresearch.core.context import CallContext, SpendKind
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.proof import MATCHING, Constraint, Hop, HopKind, Proof
from vision_deepresearch.core.protocols import Completion, Profile, Sampling, World
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import StopReason, Trajectory
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.oracle_habits import Habits
from vision_deepresearch.models.profiles.native import NativeProfile
from vision_deepresearch.models.profiles.vdr import VdrProfile
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools

_HEADLINE = re.compile(r"\A\[(?P<title>[^\]]+)\]\(")
_SITE = " | Fleet Register"


@dataclass(frozen=True, slots=True)
class Truth:
    """A `TruthSource` over sentences like "X was founded by Y."."""

    proofs: Mapping[str, Proof]

    def proof(self, task_id: str) -> Proof | None:
        return self.proofs.get(task_id)

    def read_value(self, text: str, *, subject: str, hop: Hop) -> str | None:
        if hop.kind is HopKind.LOOK:
            found = _HEADLINE.match(text)
            return found["title"].removesuffix(_SITE) if found else None
        found = re.search(rf"{re.escape(subject)} was {hop.label} ([\w ,]+)\.", text)
        return found[1] if found else None


@dataclass(slots=True)
class Web:
    """A `World` of a few pages; what stands in which box is found by overlap."""

    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Url to title and text."""
    shown: dict[str, Box] = field(default_factory=dict)
    """Url to where its thing stands in the picture."""
    min_iou: float = 0.5
    queries: list[str] = field(default_factory=list)
    num_failing: int = 0
    """The first searches that find nothing."""

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        del picture
        assert origin is not None
        found = [url for url, box in self.shown.items() if box.iou(origin.box) >= self.min_iou]
        return [self.hit(url, EvidenceKind.IMAGE_HIT) for url in found][:limit]

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        self.queries.append(query)
        if len(self.queries) <= self.num_failing:
            return []
        words = set(re.findall(r"\w+", query.casefold()))
        shared = {
            url: len(words & set(re.findall(r"\w+", title.casefold())))
            for url, (title, _) in self.pages.items()
        }
        found = sorted((url for url in shared if shared[url]), key=lambda url: -shared[url])
        return [self.hit(url, EvidenceKind.TEXT_HIT) for url in found][:limit]

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        del cursor
        if url not in self.pages:
            raise WorldError(FailureKind.NOT_FOUND, "no such page")
        title, text = self.pages[url]
        return Page(url=url, final_url=url, title=title, markdown=text)

    async def asset(self, url: str) -> Asset:
        raise WorldError(FailureKind.NOT_FOUND, url)

    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="w", kind="generated", name="toy", format_version=1)

    def hit(self, url: str, kind: EvidenceKind) -> Evidence:
        return Evidence(kind=kind, url=url, title=self.pages[url][0], label="match")


@dataclass(frozen=True, slots=True)
class Case:
    """A task, the web it is about, and what is known about it."""

    task: Task
    web: Web
    truth: Truth
    media: MemoryMediaStore


def a_case(*, num_fleets: int = 3, picks: bool = False, labels: Sequence[str] = ()) -> Case:
    """A chain from the first emblem, or a comparison of all fleets by their founding year.

    Args:
        num_fleets: emblems in the picture.
        picks: ask for the fleet founded earliest; otherwise follow the chain.
        labels: relations of the chain, in order.
    """
    web, hops = Web(), list[Hop]()
    chain = list(labels) or ["founded by", "born in"]
    for number in range(num_fleets):
        row, column = divmod(number, 6)
        box = Box(x0=0.16 * column, y0=0.2 * row, x1=0.16 * column + 0.08, y1=0.2 * row + 0.1)
        url = f"https://register.example/fleet-{number}"
        year = _year(number)
        name = f"Fleet {_word(number)}"
        text = f"{name} was founded in {year}. {name} was {chain[0]} {_person(number, 0)}. It runs."
        web.pages[url] = (name + _SITE, text)
        web.shown[url] = box
        hops.append(_look(number, box, url))
        if picks:
            hops.append(
                Hop(
                    id=f"year{number}",
                    kind=HopKind.FOLLOW,
                    subject=f"look{number}",
                    predicate="founded_in",
                    label="founded in",
                    pages=(url,),
                    expected="SECRET",
                )
            )
    if picks:
        years = tuple(f"year{number}" for number in range(num_fleets))
        hops.append(
            Hop(id="pick", kind=HopKind.PICK, over=years, rule="earliest", expected="SECRET")
        )
        answer = f"Fleet {_word(min(range(num_fleets), key=_year))}"
    else:
        hops = [hops[0], *_chain(web, chain)]
        answer = _person(0, len(chain) - 1)
    media = MemoryMediaStore()
    ref = media.put(a_picture(width=200, height=150))
    task = a_task(question="Which one?", answers=(answer,), images=(ref,))
    proof = Proof(task_id=task.id, hops=tuple(hops))
    return Case(task=task, web=web, truth=Truth({task.id: proof}), media=media)


def _year(number: int) -> int:
    return 1900 - number * 37 % 101


def _word(number: int) -> str:
    return "".join("ABCDEFGHIJ"[int(digit)].lower() * 2 for digit in str(number)).title()


def _person(number: int, step: int) -> str:
    return f"Person {_word(number)} {_word(step)}"


def _look(number: int, box: Box, url: str) -> Hop:
    return Hop(id=f"look{number}", kind=HopKind.LOOK, box=box, pages=(url,), expected="SECRET")


def _chain(web: Web, labels: Sequence[str]) -> list[Hop]:
    hops: list[Hop] = []
    url, subject = "https://register.example/fleet-0", "look0"
    for step, label in enumerate(labels):
        hops.append(
            Hop(
                id=f"step{step}",
                kind=HopKind.FOLLOW,
                subject=subject,
                predicate=label.replace(" ", "_"),
                label=label,
                pages=(url,),
                expected="SECRET",
                aliases=("SECRET",),
            )
        )
        subject, url = f"step{step}", f"https://people.example/{step}"
        if step + 1 < len(labels):
            name = _person(0, step)
            text = f"{name} was {labels[step + 1]} {_person(0, step + 1)}."
            web.pages[url] = (name, text)
    return hops


async def research(
    case: Case,
    *,
    mode_name: str = "cis+ts",
    profile: Profile | None = None,
    world: World | None = None,
    limits: Limits | None = None,
    seen: "Watch | None" = None,
    habits: Habits | None = None,
) -> Trajectory:
    speaks = profile or VdrProfile()
    oracle = OracleModel(case.truth, speaks, habits=habits)
    mode = mode_named(mode_name)
    tools = build_tools(
        mode.tools, world=world or case.web, media=case.media, summariser=PassagePicker()
    )
    if seen is not None:
        seen.oracle = oracle
    researcher = Researcher(
        model=seen or oracle,
        profile=speaks,
        tools=tools,
        mode=mode,
        today="2026-01-01",
        media=case.media,
        limits=limits or Limits(),
    )
    return await run(case.task, researcher)


@dataclass(slots=True)
class Watch:
    """Passes calls on to the oracle, takes the time, and asks a fresh oracle the same."""

    truth: Truth
    profile: Profile
    oracle: OracleModel | None = None
    seconds: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "watched"

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        assert self.oracle is not None
        start = process_time()
        reply = await self.oracle.complete(
            conversation, tools=tools, sampling=sampling, context=context
        )
        self.seconds.append(process_time() - start)
        fresh = OracleModel(self.truth, self.profile)
        assert reply == await fresh.complete(
            conversation, tools=tools, sampling=sampling, context=context
        )
        return reply


def gold(case: Case) -> str:
    assert case.task.gold is not None
    return case.task.gold.answers[0]


# ----------------------------------------------------------------------------------------- right


@pytest.mark.parametrize(
    "profile", [VdrProfile(), VdrProfile(calls_per_turn="one"), NativeProfile()]
)
async def test_it_follows_a_chain_from_the_picture(profile: Profile) -> None:
    case = a_case()
    trajectory = await research(case, profile=profile)
    assert (trajectory.answer, trajectory.stop) == (gold(case), StopReason.ANSWER)
    names = [record.call.name for turn in trajectory.turns for record in turn.calls]
    assert names == ["crop_and_search", "search", "visit", "search", "visit"]
    assert trajectory.turns[0].calls[0].call.arguments["scales"] == [1.0, 1.5]
    assert all(turn.thought for turn in trajectory.turns)
    assert "SECRET" not in trajectory.model_dump_json()


@pytest.mark.parametrize("profile", [VdrProfile(), NativeProfile()])
async def test_it_compares_what_it_read_about_several_things(profile: Profile) -> None:
    case = a_case(num_fleets=7, picks=True)
    trajectory = await research(case, profile=profile)
    assert trajectory.answer == gold(case)


async def test_it_reads_what_a_choice_turns_on_after_all_that_is_chosen_from() -> None:
    """emblems --look--> fleets --founded in--> years, and the year of a thing that is named."""
    case = a_case(num_fleets=3, picks=True)
    old = case.truth.proofs[case.task.id]
    storm = "https://annals.example/storm"
    case.web.pages[storm] = ("Great Storm", f"The Great Storm was dated {_year(1)}.")
    wanted = (
        Hop(
            id="storm",
            kind=HopKind.GIVEN,
            text="Great Storm",
            shown="Great Storm",
            expected="Great Storm",
        ),
        Hop(
            id="wanted",
            kind=HopKind.FOLLOW,
            subject="storm",
            predicate="dated",
            label="dated",
            pages=(storm,),
            expected="SECRET",
        ),
        Hop(
            id="pick",
            kind=HopKind.PICK,
            over=("year0", "year1", "year2"),
            among=("look0", "look1", "look2"),
            like="wanted",
            rule=MATCHING,
            expected="SECRET",
        ),
    )
    task = a_task(
        question="Which fleet was founded in the year of the Great Storm?",
        answers=(f"Fleet {_word(1)}",),
        images=case.task.images,
    )
    proof = Proof(task_id=task.id, hops=(*old.hops[:-1], *wanted))
    case = replace(case, task=task, truth=Truth({task.id: proof}))
    trajectory = await research(case)
    assert trajectory.answer == gold(case)


async def test_a_thing_found_at_another_scale_only_is_found() -> None:
    case = a_case()
    url, box = next(iter(case.web.shown.items()))
    case.web.shown = {url: box.scaled(2.5)}
    case.web.min_iou = 0.9
    trajectory = await research(case)
    assert trajectory.answer == gold(case)
    scales = [
        turn.calls[0].call.arguments["scales"]
        for turn in trajectory.turns
        if turn.calls and turn.calls[0].call.name == "crop_and_search"
    ]
    assert scales == [[1.0, 1.5], [2.5]]


async def test_a_search_that_fails_is_reworded() -> None:
    case = a_case()
    case.web.num_failing = 2
    trajectory = await research(case)
    assert trajectory.answer == gold(case)
    words = ["Fleet Aa founded by", "Person Aa Aa born in", "Person Aa Aa"]
    assert case.web.queries == words, "the first page is known from the picture search"


async def test_a_page_that_is_known_is_read_without_a_search_where_that_is_its_way() -> None:
    case = a_case()
    plain, straight = await research(case), await research(case, habits=Habits(p_straight=1.0))
    assert straight.answer == plain.answer == gold(case)
    assert plain.tool_counts["search"] == 2
    assert straight.tool_counts["search"] == 1, "the second page is not where the picture led"


async def test_the_place_is_said_before_the_box_where_that_is_its_way() -> None:
    case = a_case()
    proof = case.truth.proofs[case.task.id]
    place = Constraint(
        text="leftmost", predicate="position", value="corner top left", candidates_without=2
    )
    told = Truth({case.task.id: proof.model_copy(update={"constraints": (place,)})})
    found = await research(replace(case, truth=told), habits=Habits(says_place=True))
    call = found.turns[0].calls[0].call
    assert call.arguments["goal"] == "identify what is shown at corner top left"
    assert list(call.arguments)[:3] == ["image_id", "goal", "bbox"]
    assert found.answer == gold(case)


async def test_it_looks_again_when_its_answer_comes_too_early() -> None:
    case = a_case()
    trajectory = await research(case, mode_name="cis+ts+mvf")
    assert (trajectory.answer, trajectory.stop) == (gold(case), StopReason.ANSWER)
    assert trajectory.tool_counts["crop_and_search"] == 2


async def test_it_answers_when_an_answer_is_demanded() -> None:
    case = a_case(num_fleets=5, picks=True)
    limits = Limits(max_turns=6, force_answer=True)
    trajectory = await research(case, limits=limits)
    assert trajectory.forced
    assert trajectory.answer is not None
    assert trajectory.answer.startswith("Fleet ")


async def test_what_was_read_is_remembered_after_context_management() -> None:
    case = a_case(num_fleets=12, picks=True)
    limits = Limits(max_context_tokens=6_000, keep_last=1)
    trajectory = await research(case, limits=limits)
    assert any(turn.edit for turn in trajectory.turns)
    assert trajectory.answer == gold(case)


async def test_a_long_task_stays_inside_turns_and_tokens_and_replies_are_pure_and_cheap() -> None:
    case = a_case(num_fleets=24, picks=True)
    watch = Watch(case.truth, VdrProfile())
    trajectory = await research(case, seen=watch)
    assert (trajectory.answer, trajectory.stop) == (gold(case), StopReason.ANSWER)
    assert trajectory.num_turns <= 50
    assert trajectory.peak_prompt_tokens <= 64_000
    watch.seconds.sort()
    assert watch.seconds[len(watch.seconds) // 2] < 0.02, (
        "aim: 2 ms; the bound allows slow machines"
    )


# ------------------------------------------------------------------------------------ not to know


@pytest.mark.parametrize("mode_name", ["direct", "ts", "wis+ts", "direct-blind"])
async def test_without_a_close_look_it_does_not_know(mode_name: str) -> None:
    case = a_case()
    trajectory = await research(case, mode_name=mode_name)
    assert trajectory.answer == "unknown"
    assert len(case.web.queries) == (mode_name == "ts")


async def test_the_whole_picture_is_enough_when_it_matches() -> None:
    case = a_case()
    url = next(iter(case.web.shown))
    case.web.shown = {url: Box.full()}
    trajectory = await research(case, mode_name="wis+ts")
    assert trajectory.answer == gold(case)


async def test_without_a_way_to_read_pages_it_reads_below_the_hits() -> None:
    case = a_case(labels=["founded by"])
    trajectory = await research(case, mode_name="cis")
    assert trajectory.answer == gold(case)
    assert trajectory.num_turns == 2


async def test_a_page_that_is_gone_ends_in_unknown_after_a_few_tries() -> None:
    case = a_case()
    del case.web.pages["https://people.example/0"]
    trajectory = await research(case)
    assert trajectory.answer == "unknown"
    assert trajectory.num_turns <= 12


async def test_a_comparison_is_made_of_what_could_be_read() -> None:
    case = a_case(num_fleets=4, picks=True)
    gone = "https://register.example/fleet-0"
    del case.web.shown[gone]
    trajectory = await research(case)
    assert trajectory.answer == gold(case)


async def test_a_task_from_elsewhere_is_unknown() -> None:
    case = a_case()
    trajectory = await research(replace(case, truth=Truth({})))
    assert trajectory.answer == "unknown"


# -------------------------------------------------------------------------- it reads its answers


@dataclass(slots=True)
class Changed:
    """A world whose texts went through `change` on their way out."""

    web: Web
    how: str
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    def change(self, text: str) -> str:
        if self.how == "blank":
            return ""
        if self.how == "letters":
            return "".join(self.rng.sample(text, len(text)))
        words = text.split()
        return " ".join(self.rng.sample(words, len(words)))

    def hits(self, hits: list[Evidence]) -> list[Evidence]:
        if self.how == "swap":
            urls = self.rng.sample(list(self.web.pages), len(self.web.pages))
            other = dict(zip(self.web.pages, urls, strict=True))
            return [hit.model_copy(update={"url": other[hit.url]}) for hit in hits]
        return [
            hit.model_copy(update={"title": self.change(hit.title), "snippet": ""}) for hit in hits
        ]

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        return self.hits(await self.web.search_image(picture, limit=limit, origin=origin))

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        return self.hits(await self.web.search_text(query, limit=limit))

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        page = await self.web.read(url, cursor=cursor)
        if self.how == "swap":
            title, text = self.web.pages[self.rng.choice(list(self.web.pages))]
            return page.model_copy(update={"title": title, "markdown": text})
        changed = {"title": self.change(page.title), "markdown": self.change(page.markdown)}
        return page.model_copy(update=changed)

    async def asset(self, url: str) -> Asset:
        return await self.web.asset(url)

    def manifest(self) -> WorldManifest:
        return self.web.manifest()


@pytest.mark.parametrize("how", ["blank", "letters", "words", "swap"])
@pytest.mark.parametrize("kind", ["chain", "pick"])
@pytest.mark.parametrize("mode_name", ["cis+ts", "cis"])
async def test_with_results_blanked_or_shuffled_it_does_not_know(
    how: str, kind: str, mode_name: str
) -> None:
    case = a_case(num_fleets=4, picks=kind == "pick", labels=["founded by", "born in", "taught by"])
    trajectory = await research(case, world=Changed(case.web, how), mode_name=mode_name)
    if how == "swap":  # what it reads is wrong but readable: it may answer, not the gold
        assert kind == "pick" or trajectory.answer != gold(case)
    else:
        assert trajectory.answer == "unknown"


async def test_a_wrong_page_gives_a_wrong_answer_never_the_expected_one() -> None:
    case = a_case(labels=["founded by"])
    url = "https://register.example/fleet-0"
    title, text = case.web.pages[url]
    case.web.pages[url] = (title, text.replace(gold(case), "Somebody Else"))
    trajectory = await research(case)
    assert trajectory.answer == "Somebody Else"


async def test_requests_are_counted_as_engine_requests() -> None:
    trajectory = await research(a_case())
    assert trajectory.totals.calls[SpendKind.MODEL_CALL] == trajectory.num_turns
