"""A model behind the wire that plays every role of VQA synthesis from what its prompts show.

    with OpenAiDouble(Player(boxes)) as server: ... vdr synth vqa RECIPE --model server.name ...

It looks at no picture: where things are is told to it, and a hit that the engine calls a match is
believed. Everything else it reads out of the request, as a model must: titles of hits, rows of
tables on pages, words to keep.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from tests.models.openai_double import ChatRequest
from tests.synth.roles.cases import said, texts_of
from vision_deepresearch.synth.prompt_files import prompt_named
from vision_deepresearch.synth.roles.asking import Slot

WHERE = "nearest to the edge"
_PIECE = re.compile(r"BEGIN (.+?) ([0-9a-f]+)\n(.*?)\nEND \1 \2", re.DOTALL)
_ROW = re.compile(r"^\| ([A-Z][a-z ]+) \| \[([^]]+)\]\([^)]*\) \|$", re.MULTILINE)
"""A row of a table whose value is one linked thing."""
CRITERIA = (
    "complex",
    "realistic",
    "several_entities",
    "identifiable",
    "no_screenshot_meme_or_chart",
)


def slot_of(request: ChatRequest) -> Slot | None:
    """Which prompt a request was made by; None: none of the roles'."""
    system = str(request.messages[0].get("content"))
    found = (slot for slot in Slot if prompt_named(slot.value).text[:60] in system)
    return next(found, None)


def pieces_of(request: ChatRequest) -> dict[str, str]:
    """What stands between the marked lines, by name."""
    return {name: text for name, _, text in _PIECE.findall(texts_of(request))}


@dataclass(frozen=True)
class Player:
    """The script."""

    boxes: Sequence[Sequence[float]]
    """Thousandths, of the things in the one picture."""

    def __call__(self, request: ChatRequest) -> str:
        """A good reply to whatever is asked."""
        slot = slot_of(request)
        assert slot is not None, "only prompts of the roles are put to this model"
        return said(self._reply(slot, request, pieces_of(request)))

    def _reply(  # noqa: PLR0911 - one reply for each prompt
        self, slot: Slot, request: ChatRequest, shown: dict[str, str]
    ) -> JsonValue:
        match slot:
            case Slot.SELECT:
                return {"criteria": dict.fromkeys(CRITERIA, True), "reason": "A scene."}
            case Slot.SPOT:
                return {"things": [{"says": "a thing", "box": list(box)} for box in self.boxes]}
            case Slot.RECOGNISE:
                return _recognised(shown, num_crops=len(set(_crops(request))))
            case Slot.ASK:
                return {"question": f"What is the name of the thing {WHERE}?", "where": WHERE}
            case Slot.KEYWORDS_CHAIN | Slot.KEYWORDS_REPLACE:
                return {"queries": [shown["THING"]]}
            case Slot.CHAIN:
                return {"candidates": list(_chains(shown))[:4]}
            case Slot.REPLACE:
                return {"candidates": []}
            case Slot.TOPIC:
                title, _, _ = shown["PAGE TITLE"].partition(" - ")
                is_fit = _ROW.search(shown["PAGE"]) and not re.search(r"[|:(]", title)
                return {"name": title if is_fit else None, "aliases": []}
            case Slot.REPLACE_NAMED:
                return {"candidates": list(_renamed(shown))}
            case Slot.CHOOSE:
                return {"index": 1, "reason": "It is stated."}
            case Slot.ANSWER_BLIND | Slot.ANSWER_FROM_PAGES:
                return {"answer": None}
            case Slot.OBJECT:
                return {"objections": []}
            case Slot.HIT | Slot.DESCRIBE:
                msg = "these are asked in the synthesis of trajectories"
                raise AssertionError(msg)


def _crops(request: ChatRequest) -> list[str]:
    return re.findall(r"\nCROP (\d+) \(picture\)", texts_of(request))


def _recognised(shown: dict[str, str], *, num_crops: int) -> JsonValue:
    """The title of the first hit that is called a match, where all such crops agree."""
    names: dict[int, str] = {}
    for crop in range(1, num_crops + 1):
        hit = shown.get(f"HIT 1 OF CROP {crop}", "")
        if "the engine says: match" in hit:
            names[crop] = hit.partition("title: ")[2].partition("\n")[0].partition(" - ")[0]
    views: list[JsonValue] = []
    for crop in range(1, num_crops + 1):
        name = names.get(crop)
        views.append({"shows_same": [1] if name else [], "name": name})
    return {"views": views, "aliases": []}


def _chains(shown: dict[str, str]) -> Iterator[JsonValue]:
    """Rows of the table on the page about the answer so far, one candidate each."""
    so_far, route = shown["ANSWER SO FAR"], shown["ROUTE"]
    asked, where = "the thing", f" {WHERE}"
    if "START" in shown:
        is_first = "follow" not in route
        asked = shown["START"] if is_first else shown["QUESTION"][len("What is ") : -1]
        where = ""
    elif "follow" in route:
        label = re.findall(r"follow (.+?) -> ", route)[-1]
        asked = f"the {label} of the thing"
    numbers = [name for name in shown if re.fullmatch(r"PAGE \d+", name)]
    for name in numbers:
        if so_far.casefold() not in shown[f"{name} TITLE"].casefold():
            continue
        for row in _ROW.finditer(shown[name]):
            label, answer = row[1].casefold(), row[2]
            if answer in route or "former" in label:
                continue
            yield {
                "evidence": int(name.removeprefix("PAGE ")),
                "relation": label,
                "quote": f"{row[1]} {answer}",
                "answer": answer,
                "aliases": [],
                "answer_type": "name",
                "question": f"What is the {label} of {asked}{where}?",
            }
            return


def _renamed(shown: dict[str, str]) -> Iterator[JsonValue]:
    """The first thing that stands in the table on the page about what the question names."""
    start, route = shown["START"], shown["ROUTE"]
    for name in (name for name in shown if re.fullmatch(r"PAGE \d+", name)):
        if start.casefold() not in shown[f"{name} TITLE"].casefold():
            continue
        for row in _ROW.finditer(shown[name]):
            label, value = row[1].casefold(), row[2]
            if value in route or "former" in label:
                continue
            yield {
                "evidence": int(name.removeprefix("PAGE ")),
                "relation": f"{label} of",
                "quote": f"{row[1]} {value}",
                "value": value,
                "old": start,
                "new": f"the thing whose {label} is {value}",
            }
            return
