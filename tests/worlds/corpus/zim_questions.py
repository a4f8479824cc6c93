"""Eight questions about pictures of a real encyclopedia, played through the tools.

Source: the README beside the shared ZIM; every answer was read in the pages named. No model plays:
the boxes are given, a page is read on from window to window until its words are found.
"""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue

from tests.tools.tiny_world import Desk, a_call, a_desk
from vision_deepresearch.core.observation import Evidence, EvidenceKind, Observation
from vision_deepresearch.core.protocols import Tool, World
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools

MAX_WINDOWS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """A page that must come up, and words of the answer that must be read in it."""

    page: str
    words: tuple[str, ...] = ()
    goal: str = ""
    query: str = ""
    """Text search that is to find the page if the crop does not; "": the crop must."""
    absent: tuple[str, ...] = ()
    """Words that no window of it may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A picture, a box, and what should follow from it."""

    number: str
    picture: str
    box: tuple[int, int, int, int]
    """Thousandths of the picture."""
    shows: str
    """The picture that the crop should find."""
    goal: str
    needed: tuple[Needed, ...]


SLEEVES = "SoulBrothersSoulMeeting_RayCharlesMiltJackson.jpg"
GUITARIST = "Which guitarist is credited on the album?"

QUESTIONS = (
    Question(
        number="1 lower",
        picture=SLEEVES,
        box=(555, 445, 982, 782),
        shows="SoulBrothers_RayCharlesMiltJackson.jpg",
        goal=GUITARIST,
        needed=(Needed(page="Soul_Brothers.html", words=("Skeeter Best", "Kenny Burrell")),),
    ),
    Question(
        number="1 upper",
        picture=SLEEVES,
        box=(555, 114, 982, 418),
        shows="SoulMeeting_RayCharlesMiltJackson.jpg",
        goal=GUITARIST,
        needed=(
            Needed(page="Soul_Meeting.html", words=("Kenny Burrell",), absent=("Skeeter Best",)),
        ),
    ),
    Question(
        number="2",
        picture="ItsMrFathead_DavidNewman.jpg",
        box=(273, 183, 627, 569),
        shows="Fathead_RayCharlesPresentsDavidNewman.jpg",
        goal="Who plays the baritone saxophone on this record?",
        needed=(
            Needed(page="Fathead_(album).html", words=("Crawford", "baritone")),
            Needed(
                page="Hank_Crawford.html",
                words=("Memphis", "Tennessee"),
                goal="In which city was the saxophonist Hank Crawford born?",
                query="Hank Crawford baritone saxophonist born",
            ),
        ),
    ),
    Question(
        number="3",
        picture="EleanorRigbyStatue.jpg",
        box=(50, 100, 750, 1000),
        shows="EleanorRigbyStatue.jpg",
        goal="How many string players - violins, violas, cellos - were in the studio for the song?",
        needed=(Needed(page="Eleanor_Rigby.html", words=("four violins", "two violas")),),
    ),
    Question(
        number="4",
        picture="KermitBeinGreen.jpg",
        box=(300, 300, 850, 750),
        shows="KermitBeinGreen.jpg",
        goal="On which 1975 album did Ray Charles record the song?",
        needed=(Needed(page="Bein'_Green.html", words=("Ray Charles", "1975", "Renaissance")),),
    ),
    Question(
        number="5",
        picture="Daley_Plaza_060716.jpg",
        box=(680, 200, 1000, 850),
        shows="Daley_Plaza_060716.jpg",
        goal="What did the damage to the Daley Center cost when a car was driven through its lobby "
        "past the Picasso sculpture?",
        needed=(Needed(page="The_Blues_Brothers_(film).html", words=("$7,650", "Picasso")),),
    ),
    Question(
        number="6",
        picture="Baby_Grand_Billy_Joel.jpg",
        box=(170, 220, 860, 780),
        shows="Baby_Grand_Billy_Joel.jpg",
        goal="What is the daughter called whom the singer named after the other singer?",
        needed=(Needed(page="Baby_Grand.html", words=("Alexa Ray",)),),
    ),
    Question(
        number="7",
        picture="Americathebeautiful.jpg",
        box=(150, 100, 900, 1000),
        shows="Americathebeautiful.jpg",
        goal="For which hymn had Samuel Ward first composed the tune Materna in 1882?",
        needed=(
            Needed(
                page="America_the_Beautiful.html",
                words=("O Mother dear, Jerusalem", "Materna", "1882"),
            ),
        ),
    ),
    Question(
        number="8",
        picture="RayCharlesLive_1987AtlanticRecords.jpg",
        box=(0, 0, 1000, 1000),
        shows="RayCharlesLive_1987AtlanticRecords.jpg",
        goal="Which two concerts are joined on this album, and where was each?",
        needed=(
            Needed(page="Ray_Charles_Live.html", words=("Herndon Stadium", "Newport")),
            Needed(
                page="Ray_Charles_in_Person.html",
                words=("Herndon Stadium", "Morris Brown College"),
                goal="In which stadium was the concert recorded, and to which college did it "
                "belong?",
                query="Ray Charles concert Herndon Stadium Atlanta 1959",
            ),
            Needed(
                page="Ray_Charles_at_Newport.html",
                words=("1958", "Newport"),
                goal="When was the Newport concert?",
                query="Ray Charles at the Newport Jazz Festival",
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of a needed page."""

    page: str
    found_by: str
    """crop or search."""
    rank: int | None
    """0 is first; None: it did not come up."""
    visits: int | None
    """Windows visited until all words were read; 0: the search itself had read them; None: never."""
    intruders: tuple[str, ...] = ()
    """Words found that may not stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a question."""

    question: Question
    rank: int | None
    """Of the picture that the crop shows among the hits of the crop."""
    inliers: int
    stranger: int
    """Best of any other picture, near-duplicates aside."""
    whole_inliers: int | None
    """Of the same picture when the whole picture is searched; None: not among its ten hits."""
    whole_stranger: int
    """Best of any picture but the one given, when that is searched whole."""
    whole_page_rank: int | None
    """Of the first needed page among the ten hits of the whole picture, by whatever picture."""
    whole_page_by: str
    """The picture that brought it."""
    readings: tuple[Reading, ...]


async def play(question: Question, *, world: World, given: bytes) -> Played:
    """Crop and search, search the whole picture, find and read what is needed."""
    desk = a_desk(given)
    tools = build_tools(
        ["crop_and_search", "image_search", "search", "visit"],
        world=world,
        media=desk.media,
        summariser=PassagePicker(),
    )
    crop = await _call(
        tools, desk, "crop_and_search", image_id="img_1", bbox=[list(question.box)],
        goal=question.goal,
    )  # fmt: skip
    whole = await _call(tools, desk, "image_search", image_id="img_1", goal=question.goal)
    hits = [one for one in crop.evidence if one.kind is EvidenceKind.IMAGE_HIT]
    own = [one for one in hits if name_of(one.image_url) == question.shows]
    others = [one for one in hits if name_of(one.image_url) != question.shows]
    listed = [one for one in whole.evidence if one.kind is EvidenceKind.IMAGE_HIT]
    in_whole = [one for one in listed if name_of(one.image_url) == question.shows]
    by_page = [one for one in listed if name_of(one.url) == question.needed[0].page]
    return Played(
        question=question,
        rank=own[0].rank if own else None,
        inliers=_inliers(own),
        stranger=_inliers(others),
        whole_inliers=_inliers(in_whole) if in_whole else None,
        whole_stranger=_inliers([
            one for one in listed if name_of(one.image_url) != question.picture
        ]),
        whole_page_rank=by_page[0].rank if by_page else None,
        whole_page_by=name_of(by_page[0].image_url) if by_page else "",
        readings=tuple([
            await _look_up(needed, question=question, tools=tools, desk=desk, crop=crop)
            for needed in question.needed
        ]),
    )


def table(played: list[Played]) -> str:
    """The rows as Markdown, for docs/real-pictures.md. Ranks are counted from 1."""
    columns = (
        "#",
        "box",
        "the crop finds: picture, rank, inliers (best other)",
        "the whole picture finds: that picture (best stranger); the page",
        "evidence: how, rank; words read",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for one in played:
        asked = one.question
        whole = "-" if one.whole_inliers is None else f"{one.whole_inliers} inliers"
        page = f"page at {_rank(one.whole_page_rank)}"
        if one.whole_page_by not in {"", asked.shows}:
            page += f" by `{one.whole_page_by}`"
        pages = "; ".join(
            f"`{reading.page}`: {reading.found_by} {_rank(reading.rank)}, {_visits(reading)}"
            for reading in one.readings
        )
        box = ", ".join(map(str, asked.box))
        lines.append(
            f"| {asked.number} | {box} | `{asked.shows}`: {_rank(one.rank)}, {one.inliers} "
            f"({one.stranger}) | {whole} ({one.whole_stranger}); {page} | {pages} |"
        )
    return "\n".join(lines)


def name_of(url: str | None) -> str:
    """The last part of an address, as the archive spells it."""
    return unquote(urlsplit(url or "").path.rpartition("/")[2])


async def _look_up(
    needed: Needed,
    *,
    question: Question,
    tools: dict[str, Tool],
    desk: Desk,
    crop: Observation,
) -> Reading:
    found_by, hits = "crop", _hits_of(crop, EvidenceKind.IMAGE_HIT, page=needed.page)
    if needed.query and not hits:
        found = await _call(tools, desk, "search", query=[needed.query])
        found_by, hits = "search", _hits_of(found, EvidenceKind.TEXT_HIT, page=needed.page)
    if not hits:
        return Reading(page=needed.page, found_by=found_by, rank=None, visits=None)
    read_already = [one for one in crop.evidence if one.kind is EvidenceKind.PAGE]
    told = "\n".join(one.snippet for one in read_already if one.url == hits[0].url)
    missing = _missing(needed, told)
    visits, cursor = 0, None
    while missing and visits < MAX_WINDOWS:
        more: dict[str, JsonValue] = {"cursor": cursor} if cursor else {}
        goal = needed.goal or question.goal
        read = await _call(tools, desk, "visit", url=[hits[0].url], goal=goal, **more)
        if read.failure is not None:
            break
        visits += 1
        told += "\n".join(one.snippet for one in read.evidence)
        missing = _missing(needed, told)
        cursor = str(visits)
    return Reading(
        page=needed.page,
        found_by=found_by,
        rank=hits[0].rank,
        visits=None if missing else visits,
        intruders=tuple(words for words in needed.absent if words in told),
    )


async def _call(
    tools: dict[str, Tool], desk: Desk, name: str, **arguments: JsonValue
) -> Observation:
    return await tools[name].run(a_call(name, **arguments), desk.context)


def _hits_of(shown: Observation, kind: EvidenceKind, *, page: str) -> list[Evidence]:
    return [one for one in shown.evidence if one.kind is kind and name_of(one.url) == page]


def _missing(needed: Needed, told: str) -> set[str]:
    return {words for words in needed.words if words.casefold() not in told.casefold()}


def _visits(reading: Reading) -> str:
    if reading.visits is None:
        return "words not found"
    return f"visit {reading.visits}" if reading.visits else "at once"


def _inliers(hits: list[Evidence]) -> int:
    return max((int(one.score or 0) for one in hits), default=0)


def _rank(rank: int | None) -> str:
    return "none" if rank is None else str(rank + 1)
