"""Files of results: what is there is kept, torn lines are not, other work is refused."""

from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.evals.fleet import spread
from vision_deepresearch.evals.results import open_results


class Count(Record):
    """A result."""

    name: str
    number: int


ABOUT = {"world": "w", "tasks": 3}


def test_results_are_there_again_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.jsonl"
    made = [Count(name="ä\n", number=1), Count(name="b", number=2)]
    with open_results(path, kind=Count, about=ABOUT) as file:
        for one in made:
            file.add(one)
        assert file.results == tuple(made)
    with open_results(path, kind=Count, about=ABOUT) as file:
        assert file.results == tuple(made)


@pytest.mark.parametrize("lost", [1, 5, 30])
def test_a_torn_last_line_is_cut_off_and_nothing_else(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "r.jsonl"
    with open_results(path, kind=Count, about=ABOUT) as file:
        file.add(Count(name="whole", number=1))
        file.add(Count(name="torn torn torn torn torn", number=2))
    path.write_bytes(path.read_bytes()[:-lost])
    with open_results(path, kind=Count, about=ABOUT) as file:
        assert [one.name for one in file.results] == ["whole"]
        file.add(Count(name="again", number=3))
    with open_results(path, kind=Count, about=ABOUT) as file:
        assert [one.name for one in file.results] == ["whole", "again"]


def test_a_file_torn_in_its_head_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"results_of": {"wor')
    with open_results(path, kind=Count, about=ABOUT) as file:
        assert file.results == ()


def test_results_of_other_work_are_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with open_results(path, kind=Count, about=ABOUT) as file:
        file.add(Count(name="a", number=1))
    before = path.read_bytes()
    with (
        pytest.raises(ConfigError, match=r"other work \(tasks 3, now 4\)"),
        open_results(path, kind=Count, about={**ABOUT, "tasks": 4}),
    ):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"no results\n", "neither"),
        (b'{"results_of": {"world": "w", "tasks": 3}}\n{"name": 1}\n', "damaged"),
    ],
)
def test_a_strange_file_is_refused_and_kept(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    with (
        pytest.raises(ConfigError, match=complaint),
        open_results(path, kind=Count, about=ABOUT),
    ):
        pass
    assert path.read_bytes() == content


def test_two_writers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with (
        open_results(path, kind=Count, about=ABOUT),
        pytest.raises(ConfigError, match="another process"),
        open_results(path, kind=Count, about=ABOUT),
    ):
        pass


def test_work_is_spread_over_processes_and_none_is_lost() -> None:
    assert list(spread(abs, [-1, 2, -3], jobs=1)) == [1, 2, 3]
    assert sorted(spread(abs, range(-20, 0), jobs=2)) == list(range(1, 21))


def test_what_a_process_raises_comes_out() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(spread(int, ["1", "x", "2"], jobs=2))
