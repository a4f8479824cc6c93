"""The mixture: shares, shortfalls in words, the same for a seed, stored with where each record is from."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.mixture import (
    Candidate,
    PartSettings,
    SetSettings,
    apportion,
    choose,
)
from vision_deepresearch.synth.pipeline import run_pipeline
from vision_deepresearch.synth.vqa_records import Finished
from vision_deepresearch.wiring.config import load_recipe
from vision_deepresearch.wiring.mixture import look, make_mixture_config, mix
from vision_deepresearch.wiring.vqa import make_vqa_config, open_vqa

PAPER = Path(__file__).resolve().parent.parent.parent / "recipes" / "paper" / "mixture.toml"
shares = st.lists(st.integers(1, 30), min_size=1, max_size=4)


def candidates(part: str, number: int, *, attempts: int = 1) -> list[Candidate]:
    return [
        Candidate(task_id=f"{part}{n}", attempt=attempt, content=f"{part}{n}")
        for n in range(number)
        for attempt in range(attempts)
    ]


def a_set(weights: list[int], *, total: int | None) -> SetSettings:
    parts = tuple(
        PartSettings(name=f"p{place}", run=f"runs/p{place}", share=share)
        for place, share in enumerate(weights)
    )
    return SetSettings(name="sft", holds="trajectories", total=total, parts=parts)


@given(shares, st.integers(0, 5_000))
def test_shares_add_up_and_are_off_by_less_than_one(weights: list[int], total: int) -> None:
    given_ = apportion(total, weights)
    assert sum(given_) == total
    for number, weight in zip(given_, weights, strict=True):
        assert abs(number - total * weight / sum(weights)) < 1


@given(shares, st.data())
def test_without_a_total_it_is_as_large_as_the_ratios_allow(
    weights: list[int], data: st.DataObject
) -> None:
    have = data.draw(st.lists(st.integers(30, 90), min_size=len(weights), max_size=len(weights)))
    offered = {f"p{place}": candidates(f"p{place}", n) for place, n in enumerate(have)}
    report = choose(a_set(weights, total=None), offered, seed=0, on_shortfall="refuse").report
    assert all(part.taken <= part.available for part in report.parts)
    # One more of all would be too many for some part.
    more = apportion(report.total + 1, weights)
    assert any(needed > there for needed, there in zip(more, have, strict=True))


def test_a_shortfall_is_refused_in_plain_words_or_shrinks_all_parts_alike() -> None:
    offered = {"p0": candidates("a", 200), "p1": candidates("b", 20)}
    wanted = a_set([3, 1], total=100)
    with pytest.raises(ConfigError, match=r"p1 has 20 of 25\. The ratios allow 8\d: make more"):
        choose(wanted, offered, seed=0, on_shortfall="refuse")
    report = choose(wanted, offered, seed=0, on_shortfall="scale").report
    assert [part.wanted for part in report.parts] == [75, 25]
    assert [part.taken for part in report.parts] == [report.total - 20, 20]
    assert 79 <= report.total <= 82
    assert "p1 has 20 of 25" in report.shortfall
    with pytest.raises(ConfigError, match=r"comes to nothing.*p1 would give none"):
        choose(wanted, {**offered, "p1": []}, seed=0, on_shortfall="scale")


def test_chance_is_the_seed_s_and_first_attempts_come_first() -> None:
    offered = {"p0": candidates("a", 50, attempts=3)}

    def taken(seed: int, *, reverse: bool = False) -> list[str]:
        some = {name: found[::-1] if reverse else found for name, found in offered.items()}
        made = choose(a_set([1], total=50), some, seed=seed, on_shortfall="refuse")
        return [one.key for one in made.taken["p0"]]

    assert taken(0) == taken(0, reverse=True) != taken(1)
    assert len({key.partition("/")[0] for key in taken(0)}) == 50


def test_no_question_stands_in_two_parts_or_sets() -> None:
    offered = {"p0": candidates("a", 10), "p1": candidates("a", 30)}
    used = frozenset({"a29"})
    made = choose(a_set([1, 1], total=None), offered, seed=0, on_shortfall="refuse", used=used)
    contents = [one.content for records in made.taken.values() for one in records]
    assert len(set(contents)) == len(contents) == 20
    assert "a29" not in contents
    assert [part.doubles for part in made.report.parts] == [0, 11]


def test_the_recipe_of_the_paper_asks_for_its_numbers() -> None:
    sft, rl = look(make_mixture_config(load_recipe(PAPER)))
    assert {part.name: part.wanted for part in sft.parts} == {
        "verified": 16_000,
        "text": 8_000,
        "fuzzy": 6_000,
    }
    assert {part.name: part.wanted for part in rl.parts} == {"verified": 10_000, "fuzzy": 5_000}
    assert "not made yet: runs/paper/verified-trajectories" in sft.shortfall


@pytest.fixture(scope="module")
def questions(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mixture") / "text"
    config = make_vqa_config({"world": str(tiny_world), "about": "pages", "num_pictures": 8})

    async def made() -> None:
        async with open_vqa(config, out=out) as opened:
            whole = await run_pipeline(
                opened.stages, opened.sources, run=opened.run, executor=opened.executor
            )
            for one in whole.records:
                assert isinstance(one, Finished)
                await opened.run.put_task(one.task)

    with asyncio.Runner() as runner:
        runner.run(made())
    return out


async def test_sets_are_run_folders_that_say_where_each_record_is_from(
    questions: Path, tmp_path: Path
) -> None:
    def recipe(run: Path, **more: JsonValue) -> dict[str, JsonValue]:
        part: JsonValue = {"name": "text", "run": str(run), "share": 1}
        sets: JsonValue = [
            {"name": name, "holds": "tasks", "total": 3, "parts": [part]} for name in ("a", "b")
        ]
        return {"kind": "mixture", "sets": sets, **more}

    settings = make_mixture_config(recipe(questions))
    first = await mix(settings, out=tmp_path / "mixed")
    assert await mix(settings, out=tmp_path / "mixed") == first
    found: Counter[str] = Counter()
    for name in ("a", "b"):
        with RunFolder.read(tmp_path / "mixed" / name) as run:
            tasks = list(run.tasks())
        assert len(tasks) == 3
        assert {task.provenance["mixture_part"] for task in tasks} == {"text"}
        assert {task.provenance["mixture_run"] for task in tasks} == {"text"}
        found.update(task.id for task in tasks)
    assert set(found.values()) == {1}
    with pytest.raises(ConfigError):  # another mixture wants a folder of its own
        await mix(make_mixture_config(recipe(questions, seed=1)), out=tmp_path / "mixed")
    with pytest.raises(ConfigError, match="there is none"):
        await mix(make_mixture_config(recipe(tmp_path / "gone")), out=tmp_path / "other")
    with pytest.raises(ConfigError, match="shares"):
        make_mixture_config(recipe(questions, shares=1))
