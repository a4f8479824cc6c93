"""Provenance and fingerprints: the same thing has the same name; what has none is refused."""

import json
import random
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tests.builders import a_task
from vision_deepresearch.core.page import WorldManifest
from vision_deepresearch.store.fingerprint import fingerprint
from vision_deepresearch.store.provenance import git_revision, provenance

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


class Colour(StrEnum):
    RED = "red"


@given(VALUES)
def test_a_value_and_its_json_have_one_fingerprint(value: JsonValue) -> None:
    assert fingerprint(value) == fingerprint(json.loads(json.dumps(value)))


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_show_but_every_value_does(table: dict[str, int]) -> None:
    items = list(table.items())
    random.Random(0).shuffle(items)
    assert fingerprint(dict(items)) == fingerprint(table)
    name = items[0][0]
    assert fingerprint({**table, name: table[name] + 1}) != fingerprint(table)


def test_records_enums_and_tuples_count_by_content() -> None:
    assert fingerprint(a_task()) == fingerprint(a_task())
    assert fingerprint(a_task()) != fingerprint(a_task(ref="test/1"))
    assert fingerprint({Colour.RED: (Colour.RED,)}) == fingerprint({"red": ["red"]})
    assert fingerprint("1") != fingerprint(1)
    assert fingerprint([1, [2]]) != fingerprint([[1], 2])


@pytest.mark.parametrize(
    "value", [{1, 2}, float("nan"), float("inf"), b"x", Path("x"), object(), {1: 2}, print]
)
def test_what_has_no_stable_form_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(TypeError, match=r"value\.deep\[1\]"):
        fingerprint({"deep": [0, value]})


def test_provenance_says_what_ran_and_no_path() -> None:
    world = WorldManifest(world_id="w1", kind="generated", name="small", format_version=1)
    about = provenance(
        seeds={"run": 3},
        world=world,
        model="oracle",
        judge="rules@1",
        today="2026-01-01",
        extra={"prompts": {"vdr": "ab"}},
    )
    assert about["seeds"] == {"run": 3}
    assert isinstance(about["versions"], dict)
    assert about["versions"]["pydantic"]
    assert isinstance(about["world"], dict)
    assert about["world"]["world_id"] == "w1"
    assert about["prompts"] == {"vdr": "ab"}
    assert json.loads(json.dumps(about)) == about
    assert str(Path.home()) not in json.dumps(about)
    assert str(Path(__file__).resolve().parents[2]) not in json.dumps(about)


def test_the_revision_is_read_from_branches_packed_refs_and_work_trees(tmp_path: Path) -> None:
    assert git_revision(tmp_path) is None
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert git_revision(tmp_path) is None
    (git / "packed-refs").write_text(f"# pack\n{'b' * 40} refs/heads/main\n")
    assert git_revision(tmp_path) == "b" * 40
    (git / "refs" / "heads" / "main").write_text("a" * 40 + "\n")
    assert git_revision(tmp_path) == "a" * 40
    linked = git / "worktrees" / "other"
    linked.mkdir(parents=True)
    (linked / "HEAD").write_text("ref: refs/heads/main\n")
    (linked / "commondir").write_text("../..\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text(f"gitdir: {linked}\n")
    assert git_revision(tmp_path / "tree") == "a" * 40
    (git / "HEAD").write_text("c" * 40 + "\n")
    assert git_revision(tmp_path) == "c" * 40
