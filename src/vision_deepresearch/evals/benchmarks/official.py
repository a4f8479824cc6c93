r"""The evaluation pack of the paper's authors: ten tables, among them the six columns of the main table.

    {"id": "7", "question": "image_id: a.png \n Question: Which mill is shown?", "answer": "Elm Mill",
     "images": ["/old/a.png"], "image_caption": "a mill by a river",
     "image_packed": "[{\"filename\": \"a.png\", \"data\": \"<base64>\"}]"}

`images` are paths of the authors' machine and ignored. The question comes with the name of its picture, and
LiveVQA's with the choices: both are cut off, what was shipped is kept in `extra.question_as_shipped`.
A picture without data makes the row a reject, never a question without a picture.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from vision_deepresearch.evals.benchmarks.cells import (
    as_json,
    gold_of,
    id_of,
    optional_text,
    strata_of,
    text_of,
    without_choices,
)
from vision_deepresearch.evals.benchmarks.draft import Draft, MissingPictureError, Place, Source
from vision_deepresearch.evals.benchmarks.mmsearch_plus import PASSWORD
from vision_deepresearch.media.odd_bytes import picture_bytes
from vision_deepresearch.store.tables import BadRowError, TableRow

CONFIGS: Mapping[str, str] = {
    "testmini500_v1": "vdr-bench",
    "fvqa_300": "fvqa",
    "MMSearch-Plus_221": "mmsearch-plus",
    "mmsearch_vision_171": "mmsearch",
    "livevqa_webwatcher_subset_300": "livevqa",
    "bcvl_level1_199": "bc-vl-level1",
    "bcvl_level2_200": "bc-vl-level2",
    "simplevqa_300": "simplevqa",
    "infoseek_300": "infoseek",
    "worldvqa_sampled_300": "worldvqa",
}
"""Files of the pack, and how their sets are called here."""
SIZES: Mapping[str, int] = {
    "vdr-bench": 500,
    "fvqa": 300,
    "mmsearch-plus": 221,
    "mmsearch": 171,
    "livevqa": 300,
    "bc-vl-level1": 199,
    "bc-vl-level2": 200,
    "simplevqa": 300,
    "infoseek": 300,
    "worldvqa": 300,
}
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_PREFIX = re.compile(r"\s*(?:image_id\s*:[^\n]*\n\s*)+(?:Question\s*:\s*)?", re.IGNORECASE)
_PAPER = (
    "vdr-bench",
    "fvqa",
    "mmsearch-plus",
    "mmsearch",
    "livevqa",
    "bc-vl-level1",
    "bc-vl-level2",
)


def drafts(row: TableRow, place: Place) -> Sequence[Draft]:
    """One question."""
    stem = _SHARD.sub("", place.file.stem)
    config = CONFIGS.get(stem)
    if config is None:
        raise BadRowError("file", f"{stem} is no file of the pack: {', '.join(CONFIGS)}")
    is_open = config == "livevqa" and place.variant == "livevqa-open"
    if not place.wants("livevqa-open" if is_open else config):
        return []
    packed = list(_packed(row.get("image_packed")))
    missing = [name for name, data in packed if not data]
    if missing or not packed:
        msg = f"the pack holds no data of {', '.join(missing) or 'any picture'}: get the row again"
        raise MissingPictureError(msg)
    shipped = text_of(row, "question")
    asked = without_choices(
        _pristine(optional_text(row, "question_original") or shipped, [name for name, _ in packed])
    )
    caption = optional_text(row, "image_caption")
    level = {"level": config[-1]} if config.startswith("bc-vl") else {}
    return [
        Draft(
            config="livevqa-open" if is_open else config,
            source_id=id_of(row, "id", "idx", "_id", number=place.number),
            question=asked.question,
            gold=gold_of(row.get("answer"), choices=() if is_open else asked.choices),
            pictures=tuple(picture_bytes(data) for _, data in packed),
            strata={**level, **strata_of(row, "category", "domain")},
            is_protected=config == "mmsearch-plus",
            canary=PASSWORD if config == "mmsearch-plus" else None,
            extra={
                "question_as_shipped": shipped,
                **({"caption": caption} if caption else {}),
            },
        )
    ]


def _tables(configs: Sequence[str]) -> str:
    """Pattern of the tables of some sets."""
    wanted = {one.removesuffix("-open") for one in configs}
    stems = "|".join(re.escape(stem) for stem, config in CONFIGS.items() if config in wanted)
    return rf"(^|/)({stems})(-\d{{5}}-of-\d{{5}})?\.parquet$"


_SUBSETS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in (*SIZES, "livevqa-open")},
    "bc-vl": ("bc-vl-level1", "bc-vl-level2"),
    "paper": _PAPER,
}


def _packed(cell: object) -> Iterator[tuple[str, object]]:
    """Names and bytes of the official pack's cells.

    Raises:
        BadRowError: no list of {"filename", "data"}.
    """
    told = as_json(cell)
    if not isinstance(told, Sequence) or isinstance(told, str | bytes):
        raise BadRowError("bad_image", "image_packed is no list of filename and data")
    for one in told:
        if not isinstance(one, Mapping):
            raise BadRowError("bad_image", "image_packed is no list of filename and data")
        yield str(one.get("filename") or ""), one.get("data")


def _pristine(text: str, names: Sequence[str]) -> str:
    """Without the prefix; a name of a file that the text still holds becomes the picture's handle.

    Raises:
        BadRowError: nothing is left.
    """
    text = _PREFIX.sub("", text, count=1) if _PREFIX.match(text) else text
    # Longest first: "a.png" stands inside "aa.png".
    for name, number in sorted(
        ((name, number) for number, name in enumerate(names, start=1) if name),
        key=lambda pair: -len(pair[0]),
    ):
        text = text.replace(name, f"img_{number}")
    if not text.strip():
        raise BadRowError("question", "nothing but the name of the picture: get the row again")
    return text.strip()


SOURCE = Source(
    name="official",
    title="the official evaluation pack",
    columns=(("question",), ("answer",), ("image_packed",)),
    drafts=drafts,
    sizes={**SIZES, "livevqa-open": 300},
    defaults=tuple(SIZES),
    subsets=_SUBSETS,
    files=(_tables(tuple(SIZES)),),
    subset_files={name: _tables(configs) for name, configs in _SUBSETS.items()},
    home="Hugging Face Osilly/Vision-DeepResearch-Eval",
    licence="MIT (pack); its parts keep their own, VDR-Bench and LiveVQA are non-commercial",
    protects=frozenset({"mmsearch-plus"}),
    notes=":paper takes the seven tables of the paper's six columns; one set: :fvqa, :bc-vl ...",
)
