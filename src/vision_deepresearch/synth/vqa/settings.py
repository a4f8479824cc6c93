"""What can be set of the stages of VQA synthesis; the source of each default is said.

"paper": arXiv 2601.22060, section 2.2. "ours": the paper gives no value.
"""

from pydantic import Field

from vision_deepresearch.core.record import Record
from vision_deepresearch.synth.vqa_records import Move

_C, _R = Move.CHAIN, Move.REPLACE


class PictureSettings(Record):
    """Which pictures are worth asking about."""

    min_side_px: int = Field(default=224, ge=1)
    """Shorter side. Paper."""
    same_bits: int = Field(default=6, ge=0, le=64)
    """Pictures that differ in so many bits of 64 are the same. Ours."""
    whole_hits: int = Field(default=10, ge=1)
    """Hits looked at of a search of the whole picture. Ours."""


class RegionSettings(Record):
    """How things are framed and cut."""

    max_boxes: int = Field(default=8, ge=1)
    """Ours."""
    min_area: float = Field(default=0.002, ge=0, le=1)
    max_area: float = Field(default=0.6, ge=0, le=1)
    """Fractions of the picture. Ours."""
    scales: tuple[float, ...] = (1.0, 1.5, 2.5)
    """Factors about the middle of a box. Several: paper; which: ours."""
    min_side_px: int = Field(default=64, ge=1)
    """Ours."""
    max_iou: float = Field(default=0.85, ge=0, le=1)
    """Boxes and crops that overlap more show the same. Ours."""


class VerifySettings(Record):
    """When searches agree on what a thing is."""

    hits: int = Field(default=6, ge=1)
    """Per crop. Ours."""
    min_scales: int = Field(default=2, ge=1)
    min_domains: int = Field(default=2, ge=1)
    """One of both is enough. Ours."""


class AskSettings(Record):
    """Entity-level questions."""

    blind_samples: int = Field(default=4, ge=0)
    """Answers without evidence; one that is right and the thing is too well known. Ours."""
    per_entity: int = Field(default=2, ge=1)
    """Questions that begin at a thing; each is made harder in rounds of its own. Ours."""


class ObfuscateSettings(Record):
    """How questions are made harder."""

    plans: tuple[tuple[Move, ...], ...] = (
        (_C, _C),
        (_C, _R, _C),
        (_C, _R, _C, _R),
        (_C, _C, _R),
        (_C, _R, _C, _C),
        (_C, _C, _C, _R),
    )
    """Moves of the rounds, dealt out by the number of the question. Interleaved: paper; 2-4: ours."""
    candidates: int = Field(default=4, ge=1)
    """Per round. Ours."""
    hits: int = Field(default=3, ge=1)
    """Pages opened of a text search."""
    walk: int = Field(default=2, ge=0, le=3)
    """Links followed from the first page, one after the other. 1-3: ours."""


class ValidateSettings(Record):
    """What a question must pass."""

    min_hops: int = Field(default=2, ge=1)
    """Relations between picture and answer. "Multi-hop": paper; two: ours."""
    search_rank: int = Field(default=10, ge=1)
    """A page must be among so many hits of a search for its subject. Ours."""
    look_rank: int = Field(default=3, ge=1)
    """A crop must find its page among so many hits."""
    blind_pages: int = Field(default=3, ge=0)
    """Pages that a reader without the picture opens. Ours."""
    samples: int = Field(default=1, ge=1)
    """Answers of each baseline; one that is right and the question falls. Ours."""


class SelectSettings(Record):
    """Which valid questions make the set."""

    max_tasks: int | None = None
    max_per_picture: int = Field(default=3, ge=1)
    max_template_frac: float = Field(default=0.05, gt=0, le=1)
    """Share of questions with the same relations and the same sentence."""
    max_answer_frac: float = Field(default=0.02, gt=0, le=1)
    """Share of questions with the same answer."""
    benchmarks: tuple[str, ...] = ()
    """Files (JSONL: question, image) that no question may come near."""
    ngram_words: int = Field(default=13, ge=2)
    """Words in a row that count as copied. Ours, after common practice."""


class EvolutionSettings(Record):
    """New questions around those that a policy half solves; see `evolve`."""

    run: str
    """Run folder with several graded attempts per task."""
    min_attempts: int = Field(default=2, ge=2)
    """Graded; tasks with fewer say nothing. Ours."""
    min_frac: float = Field(default=0.0, ge=0, le=1)
    max_frac: float = Field(default=1.0, ge=0, le=1)
    """Share of right attempts, both exclusive. (0, 1): paper, for RL tasks."""


class VqaSettings(Record):
    """All stages, in order."""

    pictures: PictureSettings = PictureSettings()
    regions: RegionSettings = RegionSettings()
    verify: VerifySettings = VerifySettings()
    ask: AskSettings = AskSettings()
    obfuscate: ObfuscateSettings = ObfuscateSettings()
    validation: ValidateSettings = ValidateSettings()
    selection: SelectSettings = SelectSettings()
    evolution: EvolutionSettings | None = None
    """None: things are asked about whatever a policy can do."""
