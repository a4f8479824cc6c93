"""Stage 11: which valid questions make the set: hard ones first, none too often, none of a benchmark.

All questions are compared with each other; what is given is in the order of the pictures.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.stage import Kept, Rejected, WholeStage, whole_stage
from vision_deepresearch.synth.vqa.decontaminate import Benchmarks
from vision_deepresearch.synth.vqa.settings import SelectSettings
from vision_deepresearch.synth.vqa_records import Draft


class _Config(Record):
    settings: SelectSettings
    same_bits: int


def select(settings: SelectSettings, benchmarks: Benchmarks, *, same_bits: int) -> WholeStage:
    """Caps are shares of what is kept, so they are drawn tighter until all of them hold."""

    def apply(drafts: Sequence[Draft]) -> list[Kept[Draft] | Rejected]:
        reasons = dict(_refused(drafts, benchmarks, same_bits=same_bits))
        ranked = sorted(
            (number for number in range(len(drafts)) if number not in reasons),
            key=lambda number: (*_difficulty(drafts[number]), -number),
            reverse=True,
        )
        num_kept = len(ranked) + 1
        late: dict[int, str] = {}
        while len(ranked) - len(late) < num_kept:
            num_kept = len(ranked) - len(late)
            late = _capped(drafts, ranked, settings, num_kept=num_kept)
        reasons |= late
        return [
            Rejected(reason=reasons[number]) if number in reasons else Kept((draft,))
            for number, draft in enumerate(drafts)
        ]

    return whole_stage(
        apply,
        name="select",
        takes=Draft,
        gives=Draft,
        config=_Config(settings=settings, same_bits=same_bits),
    )


def template_of(draft: Draft) -> str:
    """Its relations and the sentence it is put in."""
    return f"{draft.strata.get('path', '')} {draft.strata.get('frame', '')}"


def _refused(
    drafts: Sequence[Draft], benchmarks: Benchmarks, *, same_bits: int
) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for number, draft in enumerate(drafts):
        photo = draft.photo
        words = f"{draft.question.casefold()} {photo.image.sha256 if photo is not None else ''}"
        if benchmarks.has_words_of(draft.question):
            yield number, "benchmark_words"
        elif photo is not None and benchmarks.shows(photo.look, same_bits=same_bits):
            yield number, "benchmark_picture"
        elif words in seen:
            yield number, "double"
        seen.add(words)


def _difficulty(draft: Draft) -> tuple[int, ...]:
    """The greater the harder: relations, names replaced, pages to be read."""
    names = ("hops", "obfuscation", "pages")
    return tuple(int(draft.strata.get(name, "0")) for name in names)


def _capped(
    drafts: Sequence[Draft], ranked: Sequence[int], settings: SelectSettings, *, num_kept: int
) -> dict[int, str]:
    """What goes beyond a cap when about so many are kept, the easiest first."""
    most_alike = max(1, int(settings.max_template_frac * num_kept))
    most_answers = max(1, int(settings.max_answer_frac * num_kept))
    pictures: Counter[str] = Counter()
    templates: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    late: dict[int, str] = {}
    for number in ranked:
        draft = drafts[number]
        picture, template = draft.source_id, template_of(draft)
        answer = draft.gold.answers[0].casefold()
        if pictures[picture] >= settings.max_per_picture:
            late[number] = "picture_full"
        elif templates[template] >= most_alike:
            late[number] = "template_full"
        elif answers[answer] >= most_answers:
            late[number] = "answer_full"
        elif settings.max_tasks is not None and templates.total() >= settings.max_tasks:
            late[number] = "enough"
        else:
            pictures[picture] += 1
            templates[template] += 1
            answers[answer] += 1
    return late
