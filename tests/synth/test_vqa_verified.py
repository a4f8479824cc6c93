"""Existing sets of questions through the filters: FVQA and InfoSeek shapes, bad rows, foreign tables."""

import base64
import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.synth.test_vqa_stages import a_photo
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Gold
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.synth.roles.vqa import Exam
from vision_deepresearch.synth.roles.vqa_truth import truth_roles
from vision_deepresearch.synth.roles.vqa_truth_given import KnownQuestions
from vision_deepresearch.synth.stage import EachStage, Rejected
from vision_deepresearch.synth.vqa.dataset import open_vqa_dataset, yields_per_set
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import PictureSettings, SelectSettings, VqaSettings
from vision_deepresearch.synth.vqa.verified import drop_doubles, verified_stages
from vision_deepresearch.synth.vqa_records import Claim, Finished
from vision_deepresearch.wiring.given_rows import read_sets
from vision_deepresearch.wiring.vqa import make_vqa_config, open_vqa, truth_of_dataset
from vision_deepresearch.wiring.worlds import OpenedWorld, open_world

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def source(tiny_world: Path) -> OpenedWorld:
    return open_world(tiny_world)


def asked(source: OpenedWorld, number: int) -> tuple[str, str, bytes]:
    task = source.own_tasks()[number]
    assert task.gold is not None
    return task.question, task.gold.answers[0], source.pictures_of(task)[0]


def fvqa_row(key: str, question: str, answer: str, picture: object) -> dict[str, object]:
    return {
        "data_id": key,
        "prompt": [{"role": "user", "content": question}],
        "images": [{"bytes": picture, "path": None}],
        "reward_model": {
            "ground_truth": answer,
            "candidate_answers": json.dumps([f"the {answer}"]),
            "style": "rule",
        },
        "data_source": "mmsearch_r1/fvqa_train",
        "image_urls": None,
        "category": "search_required",
    }


def write_sets(source: OpenedWorld, folder: Path) -> tuple[Path, Path]:
    """An FVQA and an InfoSeek file, each with good and bad rows."""
    good = [fvqa_row(f"f{number}", *asked(source, number)) for number in range(3)]
    question, answer, picture = asked(source, 3)
    bad = [
        fvqa_row("f1", question, answer, picture),  # an id that is there already
        fvqa_row("f4", question, "", picture),
        fvqa_row("f5", question, answer, picture[:2000]),  # torn in the middle
        fvqa_row("f6", question, answer, pickle.dumps({"a": 1})),
    ]
    fvqa = folder / "fvqa_train.parquet"
    pq.write_table(pa.Table.from_pylist([*good, *bad]), fvqa)
    shown = folder / "oven"
    shown.mkdir()
    lines: list[Mapping[str, object] | str] = []
    for number in (4, 5):
        question, answer, picture = asked(source, number)
        (shown / f"oven_{number}.jpg").write_bytes(picture)
        row = {"data_id": f"i{number}", "image_id": f"oven_{number}", "question": question}
        lines.append({**row, "answer": [answer], "answer_eval": [f"a {answer}", {"range": [1, 2]}]})
    question, answer, picture = asked(source, 6)
    lines += [
        {"question": question, "answer": answer, "image": base64.b64encode(picture).decode()},
        {
            "question": question,
            "answer": answer,
            "image_path": "oven/oven_4.jpg",
        },  # another picture
        {"data_id": "i8", "question": question, "answer": [answer], "image_id": "oven_9"},
        {"data_id": "i9", "question": question, "answer": [answer]},
        "{torn",
        {"question": question, "answer": answer, "image": "../../etc/passwd"},
    ]
    infoseek = folder / "infoseek.jsonl"
    infoseek.write_text(
        "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    )
    return fvqa, infoseek


@pytest.mark.pitfall("P84")
async def test_several_sets_are_filtered_and_each_bad_row_costs_itself(
    source: OpenedWorld, tiny_world: Path, tmp_path: Path
) -> None:
    files = write_sets(source, tmp_path)
    config = make_vqa_config({"world": str(tiny_world), "sets": [str(file) for file in files]})
    out = tmp_path / "run"
    async with open_vqa(config, out=out) as opened:
        made = await run_pipeline(
            opened.stages, opened.sources, run=opened.run, executor=opened.executor
        )
    rows = {row.stage: row for row in made.funnel}
    assert made.is_whole
    assert rows["read_rows"].rejected == {
        "bad_image": 4,  # torn, pickled, not there, outside the folder
        "damaged": 1,
        "duplicate_id": 1,
        "missing_columns": 1,
        "no_gold": 1,
    }
    dataset = open_vqa_dataset(out)
    with RunFolder.read(out) as run:
        yields = yields_per_set(run)
    assert {name: (told["rows"], told["finish"]) for name, told in yields.items()} == {
        "fvqa_train": (7, 3),
        "infoseek": (8, 4),
    }
    by_row = {task.provenance["row"]: task for task in dataset.tasks}
    assert by_row["f0"].kind == "verified"
    assert by_row["f0"].gold is not None
    assert by_row["f0"].gold.answers == (asked(source, 0)[1], f"the {asked(source, 0)[1]}")
    assert by_row["i4"].gold is not None
    assert by_row["i4"].gold.answers[1:] == (f"a {asked(source, 4)[1]}",)
    # What a world knows of its own questions comes along; of a question about another picture nothing.
    proved = {task.provenance["row"] for task in dataset.tasks if task.id in dataset.proofs}
    assert proved == {"f0", "f1", "f2", "i4", "i5", "infoseek/2"}
    assert truth_of_dataset(open_world(tiny_world), dataset).proof(by_row["f0"].id) is not None
    media = FolderMediaStore(out / "media")
    assert all(media.load(task.images[0]) for task in dataset.tasks)


async def filtered(
    source: OpenedWorld, folder: Path, rows: list[dict[str, object]], **more: object
) -> Made:
    """Rows through all stages, the third question known by heart to who validates."""
    file = folder / "set.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    assert source.generated is not None
    assert source.truth is not None
    roles = truth_roles(source.generated.pages)
    known = KnownQuestions(source.own_tasks(), source.truth)
    heart, answer, _ = asked(source, 2)

    class Knows:
        name = "knows@1"
        objections = roles.validator.objections

        async def answer(self, exam: Exam, *, context: CallContext) -> str | None:
            is_second = context.index == 1
            return answer if is_second and exam.draft.question == heart else None

    means = Means(
        world=source.world,
        media=FolderMediaStore(folder / "run" / "media"),
        roles=replace(roles, selector=known, validator=Knows()),
    )
    copies = folder / "run" / "given"
    settings = VqaSettings(selection=SelectSettings.model_validate(more))
    stages = verified_stages(means, settings, copies=copies, proof_of=known.proof)
    each = [stage for stage in stages if isinstance(stage, EachStage)]
    async with RunFolder.open(folder / "run", config='kind = "vqa"\n', provenance={}) as run:
        given = read_sets([file], copies=copies, pictures=None, limit=None, licence="CC0-1.0")
        return await run_pipeline(stages, given.rows, run=run, executor=LocalExecutor(each))


def as_png(picture: bytes, *, width: int | None = None) -> str:
    image = Image.open(io.BytesIO(picture))
    if width is not None:
        image = image.resize((width, round(image.height * width / image.width)))
    written = io.BytesIO()
    image.convert("RGB").save(written, "JPEG", quality=60)
    return base64.b64encode(written.getvalue()).decode()


async def test_the_filters_are_those_of_made_questions(source: OpenedWorld, tmp_path: Path) -> None:
    def row(question: str, answer: str, picture: bytes) -> dict[str, object]:
        shown = base64.b64encode(picture).decode()
        return {"question": question, "answer": answer, "image": shown}

    first, second, third = (asked(source, number) for number in range(3))
    stranger = io.BytesIO()
    Image.effect_noise((400, 300), 90).convert("RGB").save(stranger, "PNG")
    rows = [
        row(*first),
        row(*first),  # double
        row(first[0], "something else", first[2]),  # contradiction
        row("What else is there?", "a tree", first[2]),  # another question about it: kept
        row("And what else?", "a bush", first[2]),  # picture_full
        {**row(*first), "image": as_png(first[2])},  # saved anew: no picture of the world
        {**row(*first), "image": as_png(first[2], width=200)},  # too_small
        row("What is it?", "noise", stranger.getvalue()),  # too_plain: not of this world
        row(*third),  # known by heart in a second try
        row(*second),
    ]
    benchmark = tmp_path / "benchmark.jsonl"
    benchmark.write_text(json.dumps({"question": second[0]}))
    made = await filtered(source, tmp_path, rows, max_per_picture=2, benchmarks=(str(benchmark),))
    found = {one.stage: one.rejected for one in made.funnel}
    assert found == {
        "read_rows": {},
        "filter_images": {"too_small": 1, "too_plain": 2},
        "drop_doubles": {"double": 1, "contradiction": 1},
        "search_whole": {},
        "known_by_heart": {"known_by_heart": 1},
        "select": {"benchmark_words": 1, "picture_full": 1},
        "finish": {},
    }
    kept = [one.task for one in made.records if isinstance(one, Finished)]
    assert [task.question for task in kept] == [first[0], "What else is there?"]
    assert {task.licence for task in kept} == {"CC0-1.0"}


def test_a_picture_that_merely_looks_like_another_one_is_left_out() -> None:
    def claim(number: int, *, picture: int, look: int) -> Claim:
        return Claim(
            id=f"s/{number}",
            image=a_photo(picture).image,
            ref="",
            look=f"{look:016x}",
            dataset="s",
            question=f"Question {number}?",
            gold=Gold(answers=("A",)),
        )

    claims = [
        claim(0, picture=0, look=0),
        claim(1, picture=0, look=0),
        claim(2, picture=1, look=0b111111),  # 6 bits apart
        claim(3, picture=2, look=0b1111111),  # 7
    ]
    decided = drop_doubles(PictureSettings()).apply(claims)
    assert [one.reason if isinstance(one, Rejected) else "" for one in decided] == [
        "",
        "",
        "near_duplicate",
        "",
    ]


@pytest.mark.pitfall("P38")
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '{"messages": [], "images": []}', "import-data"),
        ("a.jsonl", '{"question": "Q?", "answer": "A"}', "it has question, answer"),
        ("a.jsonl", "", "no row that can be read"),
        ("cache.pkl", pickle.dumps({"a": 1}).decode("latin-1"), "never opened"),
        ("a.csv", "question,answer,image", "no row that can be read"),
        ("a.xlsx", "question,answer,image", "convert it"),
        ("gone.parquet", None, "no such file"),
    ],
)
def test_what_is_no_set_of_questions_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content, encoding="latin-1")
    with pytest.raises(ConfigError, match=told):
        read_sets([file], copies=tmp_path / "copies", pictures=None, limit=None, licence="")


def test_two_files_of_one_name_are_two_sets_and_one_file_twice_is_refused(tmp_path: Path) -> None:
    files = [tmp_path / name / "train.jsonl" for name in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text(json.dumps({"question": "Q?", "answer": "A", "image": "gone.png"}))
    copies = tmp_path / "copies"
    given = read_sets(files, copies=copies, pictures=None, limit=None, licence="")
    assert given.per_set == {"a-train": 1, "b-train": 1}
    with pytest.raises(ConfigError, match="rename a file"):
        read_sets([files[0], files[0]], copies=copies, pictures=None, limit=None, licence="")
