"""Copies that are not what they should be: every fault has its reason, and says what to do."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evals.benchmarks import small_sets
from tests.evals.benchmarks.small_sets import (
    CANARY,
    SECRET_ANSWER,
    SECRET_QUESTION,
    encrypted,
    official_row,
    picture,
    sealed,
    write_lines,
    write_parquet,
    written,
)
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.evals.benchmarks.catalog import SOURCES, source_named
from vision_deepresearch.evals.benchmarks.cells import gold_of, without_choices
from vision_deepresearch.evals.benchmarks.decrypt import open_gcm, open_xor
from vision_deepresearch.evals.benchmarks.draft import (
    BenchmarkError,
    MissingColumnsError,
    SubsetMismatchError,
    WrongPasswordError,
)
from vision_deepresearch.evals.benchmarks.manifests import (
    bundled,
    check_manifest,
    load_manifest,
    manifest_of,
)
from vision_deepresearch.evals.benchmarks.reading import Rejected, SetRead, read_set, tables_of
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.store.tables import BadRowError, table_rows
from vision_deepresearch.wiring.benchmarks import find_set, refuse_problems

ENCRYPTED = ("mmsearch-plus", "mm-browsecomp", "browsecomp", "browsecomp-v3", "browsecomp-plus")


def read(name: str, path: Path, *, subset: str = "", password: str | None = None) -> SetRead:
    source = SOURCES[name]
    return read_set(
        source,
        tables_of(source, path),
        put=MemoryMediaStore().put,
        root=path,
        subset=subset,
        password=password,
    )


def reasons(rejects: Sequence[Rejected]) -> list[str]:
    return [one.reason for one in rejects]


# --------------------------------------------------------------------------------------- passwords


@pytest.mark.parametrize(
    ("plain", "cipher"),
    [
        ("Kelp Hall", "Xn3/paJzIREK"),
        ("Which venue hosted this set?", "QnD6tuobNhgIRAVBUAIE1Glvyt0wiEFYi2b/0g=="),
        ("Ægir Brücke 北", "1p70vPAbAg+ljQMKXU2SLJs="),
    ],
)
def test_the_published_vectors_open(plain: str, cipher: str) -> None:
    assert open_xor(cipher, password="MMSearch-Plus") == plain


@settings(deadline=None)
@given(
    st.text(
        st.characters(categories=("L", "N", "P", "Zs"), max_codepoint=0x2FFF),
        min_size=20,
        max_size=80,
    ).filter(lambda text: text == text.strip()),
    st.text(min_size=1, max_size=20).filter(lambda text: text != "right" and text.isprintable()),
)
def test_a_wrong_password_never_opens_a_question(text: str, password: str) -> None:
    assert open_xor(encrypted(text, "right"), password="right", is_question=True) == text
    with pytest.raises(BadRowError, match="wrong_password"):
        open_xor(encrypted(text, "right"), password=password, is_question=True)


@pytest.mark.parametrize("cell", ["", None, "no base64!", "MTI=", encrypted("short", "p")])
def test_a_question_that_cannot_be_told_from_noise_is_refused(cell: object) -> None:
    with pytest.raises(BadRowError, match="wrong_password"):
        open_xor(cell, password="p", is_question=True)


@pytest.mark.parametrize(
    "cell", ["{}", "no json", json.dumps({"iv": "", "ciphertext": "", "tag": ""})]
)
def test_a_damaged_aes_cell_is_refused(cell: str) -> None:
    with pytest.raises(BadRowError, match="wrong_password"):
        open_gcm(cell, password="p", is_question=True)
    assert open_gcm(sealed("a b", "p"), password="p") == "a b"


@pytest.mark.pitfall("P89")
@pytest.mark.parametrize("name", ENCRYPTED)
def test_a_wrong_password_ends_the_reading_and_says_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(WrongPasswordError, match="--password") as refused:
        read(name, written(name, tmp_path), password="not this one")
    assert "does not open" in str(refused.value)
    assert isinstance(refused.value, ConfigError)


@pytest.mark.pitfall("P89")
def test_one_row_of_another_password_is_a_reject_and_shows_nothing(tmp_path: Path) -> None:
    written("mm-browsecomp", tmp_path)
    table = tmp_path / "data.jsonl"
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    spoiled = {**rows[1], "id": 3, "canary": "another"}
    empty = {**rows[1], "id": 4, "answer": encrypted(" ", CANARY)}
    write_lines(table, [*rows, spoiled, empty])
    found = read("mm-browsecomp", tmp_path)
    assert len(found.tasks) == 2
    assert reasons(found.rejects) == ["wrong_password", "damaged"]
    told = str(found.rejects)
    assert not [word for word in (SECRET_QUESTION, SECRET_ANSWER) if word in told]


# ---------------------------------------------------------------------------------- columns, files


@pytest.mark.parametrize("name", sorted(small_sets.WRITERS))
def test_a_table_without_the_columns_is_refused_by_their_names(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path / "whole")
    source = SOURCES[name]
    table = tables_of(source, folder)[0]
    other = tmp_path / f"{table.stem}.jsonl"
    write_lines(other, [{"something": 1, "else": 2}])
    with pytest.raises(MissingColumnsError, match=r"is missing, it has something, else") as refused:
        read_set(source, (other,), put=MemoryMediaStore().put, root=tmp_path)
    assert " or ".join(source.columns[0]) in str(refused.value)


def test_what_is_no_set_is_refused_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="lmms-lab/FVQA"):
        read("fvqa", tmp_path / "nothing")
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(BenchmarkError, match="no table of FVQA"):
        read("fvqa", tmp_path)
    with pytest.raises(BenchmarkError, match="known are official"):
        source_named("fvqb")
    with pytest.raises(BenchmarkError, match="known are test, train"):
        read("fvqa", written("fvqa", tmp_path / "whole"), subset="dev")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "fvqa_test.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % str(tmp_path / "ran").encode())
    with pytest.raises(ConfigError, match="never opened"):
        read("fvqa", path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_torn_table_is_refused(ending: str, tmp_path: Path) -> None:
    rows = [{"image": small_sets.as_base64(picture(1)), "question": "q", "answer": "a"}]
    writer = write_parquet if ending == "parquet" else small_sets.write_arrow
    path = tmp_path / f"test.{ending}"
    writer(path, rows)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ConfigError, match="get it again"):
        read("simplevqa", path)


# -------------------------------------------------------------------------------------------- rows


def simple(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "data_id": 1,
        "image": small_sets.as_base64(picture(1)),
        "question": "What award is this?",
        "answer": "Tin Star",
        "newcomer": "kept",
    }
    return {**row, **changes}


@pytest.mark.parametrize(
    ("cell", "answers"),
    [
        ("Tin Star", ("Tin Star",)),
        (["a", "b", "a", ""], ("a", "b")),
        ('["a", "b"]', ("a", "b")),
        ("['a', \"b's\"]", ("a", "b's")),
        ([["a"]], ("a",)),
        ("[0, 1]", ("[0, 1]",)),
        ("[sic]", ("[sic]",)),
        ([2014], ("2014",)),
        (7.0, ("7",)),
    ],
)
def test_golds_are_read_however_they_are_listed(cell: object, answers: tuple[str, ...]) -> None:
    assert gold_of(cell).answers == answers


@pytest.mark.parametrize("before", ["\n", " ", "\n\n  "])
def test_choices_are_cut_off_whatever_stands_before_them(before: str) -> None:
    told = f"Which hall?{before}You can choose among these Choices:\nA. North\nB. South"
    found = without_choices(told)
    assert (found.question, found.choices) == ("Which hall?", ("North", "South"))


@pytest.mark.pitfall("P84")
def test_bad_rows_are_rejects_with_reasons_and_the_others_are_read(tmp_path: Path) -> None:
    bomb = small_sets.as_base64(_declared(50_000, 50_000))
    rows = [
        simple(),
        simple(data_id=2, answer=""),
        simple(data_id=3, answer="[]"),
        simple(data_id=4, question="  "),
        simple(data_id=5, image=""),
        simple(data_id=6, image="bm90IGEgcGljdHVyZQ=="),
        simple(data_id=7, image=bomb),
        simple(data_id=1, answer="another"),
        simple(data_id=8, question="half \ud800"),
        simple(data_id=9, image="../../etc/passwd.png"),
        simple(data_id=10),
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"broken": \n')
    found = read("simplevqa", path)
    assert [task.ref for task in found.tasks] == ["simplevqa/test/1", "simplevqa/test/10"]
    assert found.tasks[0].extra["newcomer"] == "kept"
    assert reasons(found.rejects) == [
        "no_gold",
        "no_gold",
        "question",
        "missing_image",
        "bad_image",
        "bad_image",
        "duplicate_id",
        "damaged",
        "missing_image",
        "damaged",
    ]
    assert all(one.detail for one in found.rejects)
    assert "an id of its own" in found.rejects[6].detail


JUNK: tuple[object, ...] = (
    None,
    True,
    5,
    -1.5,
    "",
    " ",
    "junk",
    [],
    {},
    [[1]],
    [None],
    [{"a": []}],
)
JUNK += ({"bytes": "x"}, {"path": "x.png"}, "[1, 2", "{}", "x" * 40_000, "\x00", ["A. x", 3])


@pytest.mark.parametrize("name", sorted(small_sets.WRITERS))
def test_junk_in_any_cell_costs_that_row_and_nothing_else(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path / "set")
    table = tables_of(SOURCES[name], folder)[0]
    rows = [row for row in table_rows(table) if not isinstance(row, BadRowError)]
    spoiled = [{**rows[0], column: junk} for column in rows[0] for junk in JUNK]
    path = table.with_name(re.sub(r"-0000\d-of-0000\d", "", table.stem) + ".jsonl")
    path.write_text("".join(json.dumps(row, default=as_text) + "\n" for row in [*rows, *spoiled]))
    found = read_set(SOURCES[name], (path,), put=MemoryMediaStore().put, root=folder)
    assert len(found.tasks) >= len(rows)
    assert len(found.rejects) > len(rows[0])
    known = {"question", "no_gold", "bad_image", "missing_image", "duplicate_id", "choices"}
    known |= {"damaged", "wrong_password", "level", "bad_row", "file"}
    assert set(found.by_reason) <= known


def as_text(cell: object) -> str:
    assert isinstance(cell, bytes)
    return small_sets.as_base64(cell)


def _declared(width: int, height: int) -> bytes:
    """A PNG that says it is this large, in a few bytes."""
    data = bytearray(picture(1))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(data)


def test_a_name_that_two_pictures_have_is_no_guess(tmp_path: Path) -> None:
    written("hr-mmsearch", tmp_path)
    (tmp_path / "images" / "h1.jpg").unlink()
    for folder in ("a", "b"):
        small_sets.write_picture(tmp_path / folder / "h1.jpg", seed=1)
    found = read("hr-mmsearch", tmp_path)
    assert reasons(found.rejects) == ["missing_image"]
    assert "several" in found.rejects[0].detail
    table = tables_of(SOURCES["hr-mmsearch"], tmp_path)
    chosen = read_set(
        SOURCES["hr-mmsearch"],
        table,
        put=MemoryMediaStore().put,
        root=tmp_path,
        images=tmp_path / "b",
    )
    assert len(chosen.tasks) == 1
    (tmp_path / "images" / "h1.jpg").write_bytes(b"")
    assert reasons(read("hr-mmsearch", tmp_path).rejects) == ["bad_image"]


def test_the_packs_missing_data_is_no_question_without_a_picture(tmp_path: Path) -> None:
    gone = {**official_row("fvqa_300", 5), "image_packed": '[{"filename": "a.png", "data": null}]'}
    write_parquet(tmp_path / "fvqa_300.parquet", [official_row("fvqa_300", 0), gone])
    found = read("official", tmp_path)
    assert found.by_config == {"fvqa": 1}
    assert reasons(found.rejects) == ["missing_image"]
    assert "a.png" in found.rejects[0].detail


# --------------------------------------------------------------------------------------- manifests


@pytest.mark.pitfall("P85")
def test_a_manifest_takes_its_questions_alone_and_notices_any_change(tmp_path: Path) -> None:
    written("bc-vl", tmp_path / "set")
    whole = read("bc-vl", tmp_path / "set")
    pinned = manifest_of(whole, name="mine", origin="a copy of today")
    assert pinned.size == 4
    path = tmp_path / "mine.json"
    path.write_text(pinned.model_dump_json())
    assert not [word for word in ("drawer", "2014") if word in path.read_text()], "no text"
    assert load_manifest(path, source="bc-vl") == pinned
    check_manifest(pinned, whole)

    table = tmp_path / "set" / "bc_vl_level1.jsonl"
    table.write_text(table.read_text().replace("2014", "2015", 1))
    with pytest.raises(
        SubsetMismatchError, match=r"4 questions.*1 say something else \(level1/level1_1\)"
    ):
        check_manifest(pinned, read("bc-vl", tmp_path / "set"))
    table.write_text("\n".join(table.read_text().splitlines()[:1]))
    with pytest.raises(SubsetMismatchError, match=r"3 are here: 1 are missing \(level1/level1_2\)"):
        check_manifest(pinned, read("bc-vl", tmp_path / "set"))
    with pytest.raises(BenchmarkError, match="manifest of bc-vl"):
        load_manifest(path, source="fvqa")


@pytest.mark.pitfall("P85")
def test_the_papers_subsets_have_their_sizes() -> None:
    pack = SOURCES["official"]
    sizes = [
        sum(pack.sizes[name] for name in pack.subsets[part])
        for part in ("vdr-bench", "fvqa", "mmsearch-plus", "mmsearch", "livevqa", "bc-vl")
    ]
    assert sizes == [500, 300, 221, 171, 300, 399]
    paper = bundled("bc-vl")["paper"]
    assert {name: len(rows) for name, rows in paper.rows.items()} == {"level1": 199, "level2": 200}
    ours = bundled("webwatcher")["paper"]
    assert {name: len(rows) for name, rows in ours.rows.items()} == {
        "livevqa": 300,
        "mmsearch": 171,
        "simplevqa": 300,
    }


@pytest.mark.pitfall("P85")
def test_a_table_of_the_pack_that_lacks_a_row_is_not_as_published(tmp_path: Path) -> None:
    rows = [official_row("bcvl_level1_199", number) for number in range(199)]
    shown = official_row("bcvl_level1_199", 0)["image_packed"]  # one picture is quick to decode
    rows = [{**row, "image_packed": shown} for row in rows]
    table = tmp_path / "bcvl_level1_199.parquet"
    write_parquet(table, rows)
    wanted = find_set(f"official={tmp_path}:bc-vl-level1")
    assert wanted.problems(wanted.read(put=None), is_whole=True) == []
    write_parquet(table, rows[:-1])
    found = wanted.read(put=None)
    told = "bc-vl-level1 has 199 questions as published, 198 are here"
    assert wanted.problems(found, is_whole=True) == [told]
    with pytest.raises(ConfigError, match=told):
        refuse_problems(wanted, found, is_whole=True)
    whole = find_set(f"official={tmp_path}:bc-vl")
    problems = whole.problems(whole.read(put=None), is_whole=True)
    assert "bc-vl-level2 has 200 questions as published, 0 are here" in problems


@pytest.mark.pitfall("P85")
def test_a_table_that_is_not_there_at_all_is_missed_without_a_subset_too(tmp_path: Path) -> None:
    folder = written("bc-vl", tmp_path)
    (folder / "bc_vl_level2.jsonl").unlink()
    wanted = find_set(f"bc-vl={folder}")
    problems = wanted.problems(wanted.read(put=None), is_whole=True)
    assert [one for one in problems if "level2 has 200 questions as published, 0 are here" in one]
    assert "PATH:SUBSET" in problems[-1]
    # A table that is named by itself, and a part that is, stand for what they hold.
    for said in (f"{folder}/bc_vl_level1.jsonl", f"{folder}:level1"):
        wanted = find_set(f"bc-vl={said}")
        problems = wanted.problems(wanted.read(put=None), is_whole=True)
        assert problems == ["level1 has 199 questions as published, 2 are here"]
    assert find_set(f"vdr-bench={written('vdr-bench', tmp_path / 'vdr')}").size == 2000


@pytest.mark.pitfall("P85")
def test_the_first_questions_of_a_manifest_are_compared_with_it_too(tmp_path: Path) -> None:
    folder = written("bc-vl", tmp_path / "set")
    pinned = manifest_of(read("bc-vl", folder), name="mine", origin="a copy of today")
    (tmp_path / "mine.json").write_text(pinned.model_dump_json())
    wanted = find_set(f"bc-vl={folder}:{tmp_path / 'mine.json'}")
    assert len(wanted.read(put=None, limit=1).tasks) == 2
    table = folder / "bc_vl_level1.jsonl"
    table.write_text(table.read_text().replace("2014", "2015", 1))
    with pytest.raises(SubsetMismatchError, match="0 are missing, 1 say something else"):
        wanted.read(put=None, limit=1)
