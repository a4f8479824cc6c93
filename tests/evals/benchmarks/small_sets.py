"""Small invented copies of every benchmark, written as their publishers do."""

import base64
import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.builders import a_picture
from vision_deepresearch.evals.benchmarks.browsecomp_plus import PASSWORD as PLUS
from vision_deepresearch.evals.benchmarks.browsecomp_v3 import PASSWORD as V3

CANARY = "mmbrowsecomp:00000000-0000-4000-8000-000000000000"
SECRET_QUESTION = "Which venue hosted this set after the flood?"
SECRET_ANSWER = "Kelp Hall of Brine"


def encrypted(text: str, password: str) -> str:
    """As BrowseComp and those after it publish their text."""
    data = text.encode()
    key = hashlib.sha256(password.encode()).digest()
    return base64.b64encode(bytes(a ^ b for a, b in zip(data, cycle(key), strict=False))).decode()


def sealed(text: str, password: str) -> str:
    """As BrowseComp-V3 publishes its text."""
    key, iv = hashlib.sha256(password.encode()).digest(), b"0" * 16
    both = AESGCM(key).encrypt(iv, text.encode(), None)
    parts = {"iv": iv, "ciphertext": both[:-16], "tag": both[-16:]}
    return json.dumps({name: base64.b64encode(data).decode() for name, data in parts.items()})


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_parquet(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)


def write_arrow(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(rows))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def write_picture(path: Path, *, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(a_picture(seed=seed, width=40, height=30))


def picture(seed: int) -> bytes:
    return a_picture(seed=seed, width=40, height=30)


# ------------------------------------------------------------------------------------------- sets


def vdr_bench(folder: Path) -> None:
    rows = [
        {
            "id": f"vdr_{topic}_{number:04}",
            "question": f"The rider in the teal cap won which hill race {number} years later?",
            "answer": f"Col du Pin {number}",
            "image": as_base64(picture(number)),
        }
        for number, topic in enumerate(("Sports", "Game"))
    ]
    write_parquet(folder / "data" / "train-00000-of-00001.parquet", rows)


def fvqa(folder: Path) -> None:
    rows = [
        {
            "data_id": f"fvqa_test_{number}",
            "prompt": [{"role": "user", "content": "<image>Which country is this lighthouse in?"}],
            "images": [{"bytes": picture(number), "path": None}],
            "reward_model": {
                "ground_truth": "Norway",
                "candidate_answers": '["NOR", "Norge"]',
                "style": "rule",
            },
            "data_source": "mmsearch_r1/fvqa_test",
            "image_urls": None,
            "category": "search_required",
        }
        for number in range(2)
    ]
    write_parquet(folder / "fvqa_test.parquet", rows)
    write_parquet(folder / "fvqa_train.parquet", rows)
    (folder / "fvqa_test_image_search_results_cache.pkl").write_bytes(b"\x80\x04N.")


def mmsearch_plus(folder: Path) -> None:
    def row(number: int, num_images: int) -> dict[str, object]:
        shown = {
            f"img_{place}": {"bytes": picture(10 * number + place), "path": None}
            if place <= num_images
            else None
            for place in range(1, 6)
        }
        return {
            "question": encrypted(f"{SECRET_QUESTION} No. {number}", "MMSearch-Plus"),
            "answer": [encrypted(one, "MMSearch-Plus") for one in (SECRET_ANSWER, "Kelp Hall")],
            "num_images": num_images,
            "arxiv_id": None,
            "video_url": encrypted("https://v.example/1", "MMSearch-Plus"),
            "category": "Music",
            "difficulty": "easy",
            "subtask": "Concert",
            **shown,
        }

    write_arrow(folder / "data-00000-of-00001.arrow", [row(0, 1), row(1, 3)])
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text("{}")


def mmsearch(folder: Path) -> None:
    def row(number: int, shown: bytes | None) -> dict[str, object]:
        return {
            "sample_id": f"news_{number}",
            "query": "When does this expo open?",
            "query_image": {"bytes": shown, "path": "q.png"} if shown else None,
            "image_search_result": None,
            "area": "news",
            "subfield": "General News",
            "timestamp": "2024-08-01",
            "gt_requery": "Fjord Expo opening date",
            "gt_answer": "2024-09-02",
            "alternative_gt_answers": ["September 2, 2024"],
        }

    write_parquet(folder / "end2end" / "end2end.parquet", [row(1, picture(1)), row(2, None)])
    write_parquet(folder / "rerank" / "rerank.parquet", [{"sample_id": "x"}])


def livevqa(folder: Path) -> None:
    def asked(level: int) -> dict[str, object]:
        return {
            "question": f"What event is this, {level}?",
            "question_type": "event",
            "options": ["A. Kite Fair", "B. Boat Fair", "C. Tin Fair"],
            "Ground_Truth": "B",
            "Ground_Truth_List": ["Boat Fair", "the boat fair"],
            "img_path": "n.png",
            "img_url": "",
        }

    item = {
        "id": "0_x",
        "img_path": "n.png",
        "source": "X",
        "time": "2025-04-01",
        "level1_qa": asked(1),
        "level2_qa": asked(2),
    }
    for topic in ("News", "Video"):
        (folder / topic).mkdir(parents=True)
        (folder / topic / "benchmark.json").write_text(json.dumps([item]))
        write_picture(folder / topic / "n.png", seed=len(topic))


def bc_vl(folder: Path) -> None:
    for level in (1, 2):
        rows = []
        for number in (1, 2):
            name = f"browsecomp-vl/images/level{level}/level{level}_{number}.jpg"
            rows.append({
                "question": f"Which year did the maker of drawer {number} rebrand?",
                "image_path": name,
                "answers": ["2014"] if level == 1 else ["Yes."],
                "domain": "Other",
            })
            # The archive unpacks beside the tables, wherever that is.
            write_picture(
                folder / "images" / f"level{level}" / f"level{level}_{number}.jpg",
                seed=10 * level + number,
            )
        write_lines(folder / f"bc_vl_level{level}.jsonl", rows)


PACK = ("testmini500_v1", "fvqa_300", "MMSearch-Plus_221", "livevqa_webwatcher_subset_300")
PACK += ("bcvl_level1_199", "bcvl_level2_200", "simplevqa_300", "mmsearch_vision_171")


def official_row(stem: str, number: int) -> dict[str, object]:
    question = f"image_id: a.png \n Question: Which mill is shown in a.png, {stem} {number}?"
    if stem.startswith("livevqa"):
        question += "\nYou can choose among these Choices:\nA. Oak Mill\nB. Elm Mill"
    if stem.startswith("MMSearch-Plus"):
        question = f"image_id: a.png \n Question: {SECRET_QUESTION}"
    packed = [{"filename": "a.png", "data": as_base64(picture(number))}]
    answers: list[object] = ["Elm Mill", '["Elm Mill", "the elm mill"]', "['Elm Mill', 'elm']"]
    row: dict[str, object] = {
        "id": number + 1000 if stem.startswith("simplevqa") else str(number),
        "question": question,
        "answer": SECRET_ANSWER if stem.startswith("MMSearch-Plus") else answers[number % 3],
        "images": ["/old/place/a.png"],
        "image_caption": "a mill by a river",
        "image_packed": json.dumps(packed),
    }
    if stem.startswith("testmini"):
        row["question_original"] = f"Which mill is shown, {number}?"
    return row


def official(folder: Path) -> None:
    for stem in PACK:
        rows = [official_row(stem, number) for number in range(3)]
        write_parquet(folder / "data" / f"{stem}-00000-of-00001.parquet", rows)


def webwatcher(folder: Path) -> None:
    row = {
        "prompt": "Which hall is shown?\nYou can choose among these Choices:\nA. North Hall\nB. South Hall",
        "file_path": "http://store.example/a?x%2Fimage%2F1",
        "task": "hle/Other",
        "tags": "rag,core,en",
        "lang": "en",
        "source": "HLE",
        "answers": ["South Hall", "South"],
        "question_id": 1,
    }
    row["file_path"] = "http://store.example/rft%2Fimage%2Fhall.jpeg?sign=1"
    write_lines(folder / "livevqa.jsonl", [row])
    nested = {**row, "prompt": "Which knot is this?", "answers": [["reef knot"]], "rationale": "r"}
    del nested["question_id"]
    write_lines(folder / "hle.jsonl", [nested])
    write_picture(folder / "pictures" / "hall.jpeg", seed=5)


def infoseek(folder: Path) -> None:
    row = {
        "data_id": "infoseek_val_0",
        "image_id": "oven_0001",
        "question": "When was it built?",
        "answer": ["1889"],
        "answer_eval": ["1889", {"range": [1888, 1890], "wikidata": 1889}, "the year 1889"],
        "data_split": "val_unseen_entity",
    }
    write_lines(folder / "infoseek_val.jsonl", [row])
    write_picture(folder / "oven" / "oven_0001.JPEG", seed=6)


def simplevqa(folder: Path) -> None:
    rows = [
        {
            "data_id": number,
            "image": as_base64(picture(number)),
            "question": "What award is this?",
            "answer": "Tin Star",
            "language": "EN",
        }
        for number in range(2)
    ]
    write_parquet(folder / "test-00000-of-00001.parquet", rows)


def worldvqa(folder: Path) -> None:
    with (folder / "WorldVQA.tsv").open("w", newline="") as file:
        table = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_MINIMAL)
        table.writerow(["index", "image", "question", "answer", "category"])
        big = a_picture(seed=7, width=300, height=200)  # longer than the reader's usual limit
        table.writerow([0, as_base64(big), "What is this called?", "Brine fern", "nature"])


def hr_mmsearch(folder: Path) -> None:
    row = {
        "query": "Which airline is on the small sign?",
        "query_image": "images/h1.jpg",
        "ground_truth": ["Zephyr Air", "Zephyr"],
    }
    write_lines(folder / "HR-MMSearch.jsonl", [row])
    write_picture(folder / "images" / "h1.jpg", seed=8)


def mm_browsecomp(folder: Path) -> None:
    def row(number: int, images: Sequence[str]) -> dict[str, object]:
        told = f"Answer briefly. Question: {SECRET_QUESTION}"
        return {
            "id": number,
            "images": list(images),
            "question": encrypted(told, CANARY),
            "answer": encrypted(SECRET_ANSWER, CANARY),
            "checklist": [encrypted(one, CANARY) for one in ("identify the clip", "count frames")],
            "source": ["https://example.org"],
            "category": "Media",
            "subtask": "X",
            "level": 1,
            "canary": CANARY,
        }

    rows = [row(1, ["https://example.org/x.png"]), row(2, [])]
    write_lines(folder / "data.jsonl", rows)
    write_picture(folder / "MMBC_images" / "1.png", seed=9)


def browsecomp(folder: Path) -> None:
    with (folder / "browse_comp_test_set.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["problem", "answer", "problem_topic", "canary"])
        for number in range(2):
            told = (f"{SECRET_QUESTION} {number}", SECRET_ANSWER)
            table.writerow([*(encrypted(one, CANARY) for one in told), "Music", CANARY])


def browsecomp_v3(folder: Path) -> None:
    row = {
        "id": "s1",
        "category": "Art",
        "sub_category": "Film",
        "image_paths": json.dumps(["data/images/s1.jpg"]),
        "encrypted_question": sealed(SECRET_QUESTION, V3),
        "encrypted_answer": sealed(SECRET_ANSWER, V3),
        "metadata": json.dumps({"images": ["data/images/s1.jpg"]}),
    }
    write_lines(folder / "data" / "train.jsonl", [row])
    write_picture(folder / "data" / "images" / "s1.jpg", seed=11)


def browsecomp_plus(folder: Path) -> None:
    row = {
        "query_id": "769",
        "query": encrypted(SECRET_QUESTION, PLUS),
        "answer": encrypted(SECRET_ANSWER, PLUS),
        "evidence_docs": [{"docid": "5412", "text": encrypted("page", PLUS)}],
        "gold_docs": [{"docid": "5412", "text": encrypted("page", PLUS)}],
    }
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", [row])


WRITERS: dict[str, Callable[[Path], None]] = {
    "official": official,
    "vdr-bench": vdr_bench,
    "fvqa": fvqa,
    "mmsearch-plus": mmsearch_plus,
    "mmsearch": mmsearch,
    "livevqa": livevqa,
    "bc-vl": bc_vl,
    "webwatcher": webwatcher,
    "infoseek": infoseek,
    "simplevqa": simplevqa,
    "worldvqa": worldvqa,
    "hr-mmsearch": hr_mmsearch,
    "mm-browsecomp": mm_browsecomp,
    "browsecomp": browsecomp,
    "browsecomp-v3": browsecomp_v3,
    "browsecomp-plus": browsecomp_plus,
}
"""By the name of the source; each writes into an empty folder."""


def written(name: str, folder: Path) -> Path:
    """A copy of a set."""
    folder.mkdir(parents=True, exist_ok=True)
    WRITERS[name](folder)
    return folder
