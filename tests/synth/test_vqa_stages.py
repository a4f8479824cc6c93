"""Single stages of VQA synthesis: what agrees, what is stated, what is selected, what is benchmark."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vision_deepresearch.core.content import ImageRef
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Hop, HopKind
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.media.look import look_of
from vision_deepresearch.synth.roles.vqa import Recognition
from vision_deepresearch.synth.stage import Item, Kept, Rejected
from vision_deepresearch.synth.vqa.decontaminate import Benchmarks
from vision_deepresearch.synth.vqa.filter_images import drop_doubles
from vision_deepresearch.synth.vqa.select import select
from vision_deepresearch.synth.vqa.settings import PictureSettings, SelectSettings, VerifySettings
from vision_deepresearch.synth.vqa.validate import stands_in, states
from vision_deepresearch.synth.vqa.verify import agreed
from vision_deepresearch.synth.vqa_records import (
    Crop,
    CutRegion,
    Draft,
    Hit,
    Photo,
    Region,
    Verified,
    View,
)

Decided = Sequence[Kept[Item] | Rejected]
BOX = Box(x0=0.1, y0=0.1, x1=0.4, y1=0.4)


def a_photo(number: int = 0, *, look: str = "0" * 16) -> Photo:
    ref = ImageRef(sha256=f"{number:064x}", width=640, height=480, media_type="image/jpeg")
    return Photo(id=f"p{number}", image=ref, ref=f"p{number}", look=look)


def a_region(photo: Photo) -> CutRegion:
    crops = tuple(Crop(scale=scale, box=BOX.scaled(scale)) for scale in (1.0, 1.5, 2.5))
    return CutRegion(id=f"{photo.id}.0", photo=photo, number=0, box=BOX, crops=crops)


def views_of(region: CutRegion, *urls: str) -> list[View]:
    return [
        View(crop=crop, hits=(Hit(url=url, title="Kvarn"),))
        for crop, url in zip(region.crops, urls, strict=True)
    ]


# ------------------------------------------------------------------------------------------ verify

SAME = ("https://a.example/k", "https://a.example/k", "https://a.example/k")


@pytest.mark.parametrize(
    ("names", "urls", "reason"),
    [
        ((None, None, None), SAME, "not_recognised"),
        (("Kvarn", None, None), SAME, "weak_agreement"),
        (("Kvarn", "Tolm", None), SAME, "disagreement"),
        (("Kvarn", " kvarn", None), SAME, ""),
        (("Kvarn", "Tolm", "Kvarn"), SAME, ""),
    ],
    ids=["nobody", "one view", "two names", "spellings", "majority"],
)
def test_a_thing_is_what_enough_views_agree_on(
    names: tuple[str | None, ...], urls: tuple[str, ...], reason: str
) -> None:
    region = a_region(a_photo())
    seen = Recognition(
        names=names, urls=tuple((url,) if n else () for n, url in zip(names, urls, strict=True))
    )
    outcome = agreed(region, views_of(region, *urls), seen, settings=VerifySettings())
    assert (outcome.reason if isinstance(outcome, Rejected) else "") == reason


def test_two_sites_are_enough_at_one_scale() -> None:
    region = a_region(a_photo())
    hits = (Hit(url="https://a.example/k", title="K"), Hit(url="https://b.example/k", title="K"))
    views = [View(crop=crop, hits=hits if n == 0 else ()) for n, crop in enumerate(region.crops)]
    told = tuple(hit.url for hit in hits)
    seen = Recognition(names=("Kvarn", None, None), urls=(told, (), ()))
    outcome = agreed(region, views, seen, settings=VerifySettings())
    assert isinstance(outcome, Kept)
    assert outcome.records[0].domains == ("a.example", "b.example")


def test_a_verifier_is_not_believed_about_pages_that_no_search_gave() -> None:
    region = a_region(a_photo())
    seen = Recognition(names=("Kvarn",) * 3, urls=(("https://made.up/k",),) * 3)
    outcome = agreed(region, views_of(region, *SAME), seen, settings=VerifySettings())
    assert isinstance(outcome, Rejected)


# ---------------------------------------------------------------------------------------- validate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("| tonnage | 17,314 t |", "17314"),
        ("built on 12 May 1874 by", "12 May 1874"),
        ("born May 12, 1874", "12 May 1874"),
        ("the **River Karn** flows", "River Karn"),
    ],
)
def test_a_page_states_a_value_however_it_writes_it(text: str, value: str) -> None:
    assert states(text, value)


def test_parts_of_words_and_figures_are_no_values() -> None:
    assert not states("The Karnites of 18740", "1874")
    assert not stands_in("Karn", "the karnites")


@given(st.text(min_size=1).filter(str.strip), st.text())
@example("*", "")
def test_a_text_that_holds_a_name_states_it(name: str, around: str) -> None:
    """Marks of Markdown around words are no part of a name, and nothing else is lost."""
    bare = " ".join(name.translate(dict.fromkeys(map(ord, "*_\\`"))).split())
    if stands_in(bare, bare.casefold()):
        assert states(f"{around} {name} {around}", name)


# ------------------------------------------------------------------------------------------ select


def a_draft(
    number: int, *, photo: int = 0, path: str = "", answer: str = "", **strata: str
) -> Draft:
    shown = a_photo(photo, look=f"{photo * 0x0101_0101_0101_0101:016x}")
    region = Region(id=f"p{photo}.{number}", photo=shown, number=number, box=BOX)
    subject = Verified(
        id=region.id,
        region=region,
        name="Kvarn",
        page="https://a.example/k",
        urls=("https://a.example/k",),
        scales=(1.0,),
        domains=("a.example",),
    )
    return Draft(
        id=f"p{photo}.{number}.0",
        subject=subject,
        seed_question="What is it called?",
        question=f"Question number {number} of picture {photo}?",
        gold=Gold(answers=(answer or f"Answer {photo} {number}",), type=AnswerType.NAME),
        hops=(Hop(id="h1", kind=HopKind.LOOK, box=BOX, expected="Kvarn"),),
        strata={"path": path or f"path {photo} {number}", "frame": "f", "hops": "2", **strata},
    )


def selected(
    drafts: list[Draft], settings: SelectSettings, benchmarks: Benchmarks | None = None
) -> Decided:
    stage = select(settings, benchmarks or Benchmarks(), same_bits=6)
    return stage.apply(drafts)


def reasons(decided: Decided) -> Counter[str]:
    return Counter(one.reason if isinstance(one, Rejected) else "kept" for one in decided)


def test_no_template_has_more_than_its_share_of_what_is_kept() -> None:
    drafts = [a_draft(0, photo=n, path="same" if n < 60 else "") for n in range(100)]
    decided = selected(drafts, SelectSettings(max_answer_frac=1.0))
    kept = [d for d, one in zip(drafts, decided, strict=True) if isinstance(one, Kept)]
    alike = sum(draft.strata["path"] == "same" for draft in kept)
    assert alike <= max(1, 0.05 * len(kept))
    assert reasons(decided)["template_full"] == 60 - alike


def test_harder_questions_of_a_picture_come_first() -> None:
    drafts = [a_draft(n, hops=str(1 + n % 4)) for n in range(8)]
    decided = selected(drafts, SelectSettings(max_per_picture=2, max_template_frac=1.0))
    kept = [d for d, one in zip(drafts, decided, strict=True) if isinstance(one, Kept)]
    assert [draft.strata["hops"] for draft in kept] == ["4", "4"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_all_caps_hold_at_once(shape: list[tuple[int, int, int]]) -> None:
    drafts = [
        a_draft(n, photo=photo, path=f"path {path}", answer=f"answer {answer}")
        for n, (photo, path, answer) in enumerate(shape)
    ]
    settings = SelectSettings(max_template_frac=0.3, max_answer_frac=0.4)
    decided = selected(drafts, settings)
    kept = [d for d, one in zip(drafts, decided, strict=True) if isinstance(one, Kept)]
    paths = Counter(draft.strata["path"] for draft in kept)
    answers = Counter(draft.gold.answers[0] for draft in kept)
    assert all(count <= max(1, 0.3 * len(kept)) for count in paths.values())
    assert all(count <= max(1, 0.4 * len(kept)) for count in answers.values())
    assert all(count <= 3 for count in Counter(draft.source_id for draft in kept).values())


# -------------------------------------------------------------------------------------- benchmarks


def a_benchmark(folder: Path, *, question: str) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    pixels = cv2.resize(pixels, (320, 240), interpolation=cv2.INTER_CUBIC)
    (folder / "one.png").write_bytes(bytes(cv2.imencode(".png", pixels)[1]))
    path = folder / "bench.jsonl"
    path.write_text(json.dumps({"question": question, "image": "one.png", "id": 7}) + "\n")
    return path


def test_words_and_pictures_of_a_benchmark_are_kept_out(tmp_path: Path) -> None:
    words = "in which year was the building to the left of the old town hall finished"
    path = a_benchmark(tmp_path, question=f"Tell me: {words}?")
    benchmarks = Benchmarks.read([str(path)], num_words=13)
    look = look_of((tmp_path / "one.png").read_bytes())
    near, copied, free = a_draft(0, photo=1), a_draft(0, photo=2), a_draft(0, photo=3)
    assert near.photo is not None
    assert isinstance(near.subject, Verified)
    shown = near.photo.model_copy(update={"look": look})
    region = near.subject.region.model_copy(update={"photo": shown})
    near = near.model_copy(update={"subject": near.subject.model_copy(update={"region": region})})
    copied = copied.model_copy(update={"question": f"So, {words.upper()} again?"})
    decided = selected([near, copied, free], SelectSettings(max_answer_frac=1.0), benchmarks)
    assert [one.reason if isinstance(one, Rejected) else "" for one in decided] == [
        "benchmark_picture",
        "benchmark_words",
        "",
    ]


@pytest.mark.parametrize(
    "line", ["no json", "[1]", '{"answer": "x"}', '{"question": "q", "image": "gone.png"}']
)
def test_a_benchmark_that_cannot_be_read_stops_the_run(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bench.jsonl"
    path.write_text(f'{{"question": "fine"}}\n{line}\n')
    with pytest.raises(ConfigError, match="line 2"):
        Benchmarks.read([str(path)], num_words=13)


# ---------------------------------------------------------------------------------------- doubles


def test_of_pictures_that_look_alike_the_first_is_kept() -> None:
    stage = drop_doubles(PictureSettings())
    photos = [a_photo(0, look="f" * 16), a_photo(1, look="f" * 15 + "0"), a_photo(2, look="0f" * 8)]
    assert [isinstance(one, Kept) for one in stage.apply(photos)] == [True, False, True]
