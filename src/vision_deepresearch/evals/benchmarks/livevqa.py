"""LiveVQA: items of news, papers and videos with two questions each about one picture.

    {"id": "0_x", "img_path": "n.png", "source": "X", "time": "2025-04-01",
     "level1_qa": {"question": "What event is this?", "options": ["A. Kite Fair", "B. Boat Fair"],
                   "Ground_Truth": "B", "Ground_Truth_List": ["Boat Fair"], "img_path": "n.png"},
     "level2_qa": {... the same keys}}

Variants: `choices` shows the options and is a choice, `open` shows none. The papers' 300 are
multiple choice, where blind guessing gives some 22 %. Both levels share the picture: an item is a cluster.
"""

from collections.abc import Iterator, Mapping, Sequence

from vision_deepresearch.core.task import Gold
from vision_deepresearch.evals.benchmarks.cells import (
    answers_in,
    gold_of,
    id_of,
    name_of_address,
    optional_text,
    options_in,
    strata_of,
    text_of,
)
from vision_deepresearch.evals.benchmarks.draft import Draft, Place, Source
from vision_deepresearch.store.tables import BadRowError, TableRow

_LEVELS = (1, 2)


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """Both levels of an item."""
    return list(_drafts(row, place))


def _drafts(row: TableRow, place: Place) -> Iterator[Draft]:
    variant = "open" if place.variant == "open" else "choices"
    topic = next(
        (name for name in ("News", "Paper", "Video") if name in place.file.parts), ""
    ).lower()
    item = id_of(row, "id", number=place.number)
    name = f"{topic}-{item}" if topic else item
    for level in _LEVELS:
        asked = row.get(f"level{level}_qa")
        if asked is None:
            continue
        if not isinstance(asked, Mapping):
            raise BadRowError("question", f"level{level}_qa is no object")
        yield Draft(
            config=variant,
            source_id=f"{name}-{level}",
            question=text_of(asked, "question"),
            gold=_gold(asked, variant=variant),
            pictures=_pictures(row, asked, place),
            strata={
                **strata_of(asked, "question_type"),
                **strata_of(row, "source"),
                **({"topic": topic} if topic else {}),
                "level": str(level),
            },
            cluster=f"livevqa-{name}",
            as_of=optional_text(row, "time") or None,
        )


def _pictures(row: TableRow, asked: TableRow, place: Place) -> tuple[bytes, ...]:
    """The file beside the table, or what was fetched from the address."""
    path = optional_text(asked, "img_path") or optional_text(row, "img_path")
    url = optional_text(asked, "img_url")
    return (place.named(path, name_of_address(url) if url else "", path.rpartition("/")[2]),)


def _addresses(row: TableRow) -> Sequence[str]:
    asked = (row.get(f"level{level}_qa") for level in _LEVELS)
    urls = [optional_text(one, "img_url") for one in asked if isinstance(one, Mapping)]
    return [url for url in dict.fromkeys(urls) if url]


def _gold(asked: Mapping[str, object], *, variant: str) -> Gold:
    choices = options_in(_list(asked.get("options")))
    label = optional_text(asked, "Ground_Truth").rstrip(".").upper()
    golds = asked.get("Ground_Truth_List")
    if not choices:
        return gold_of(golds if answers_in(golds) else asked.get("Ground_Truth"))
    with_choices = gold_of(golds, label, choices=choices, label=label)
    return with_choices if variant == "choices" else gold_of(with_choices.answers)


def _list(cell: object) -> Sequence[object]:
    return cell if isinstance(cell, Sequence) and not isinstance(cell, str | bytes) else ()


SOURCE = Source(
    name="livevqa",
    title="LiveVQA",
    columns=(("img_path",), ("level1_qa",), ("level2_qa",)),
    drafts=drafts,
    sizes={"choices": 2384, "open": 2384},
    defaults=("choices",),
    subsets={"choices": ("choices",), "open": ("open",)},
    files=(r"benchmark\.json$",),
    addresses=_addresses,
    home="GitHub fumingyang2004/LIVEVQA (liveVQA_benchmarks), Hugging Face ONE-Lab/LiveVQA-new",
    licence="cc-by-nc-4.0",
    notes="Choices unless :open is said; a figure of one is none of the other.",
)
