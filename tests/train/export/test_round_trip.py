"""There and back: what was exported and imported is what it was, and exports to the same bytes."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import a_picture
from tests.train.export.run_sample import (
    CORRECT,
    a_task,
    a_trajectory,
    a_turn,
    an_answer,
    hostile_episode,
    media_of,
    pictures,
    run_now,
    store,
)
from tests.train.export.test_conversation import hostile_text, the_messages
from tests.train.export.test_export import an_episode, exported, lines, tree
from vision_deepresearch.core.content import Message, Role, untrusted
from vision_deepresearch.core.episode import Episode, episode_of
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import ContextEdit, TokenTrace
from vision_deepresearch.store.view import RunView
from vision_deepresearch.train.export.export import ExportSettings
from vision_deepresearch.train.export.importing import Imported, ImportSettings, import_tables
from vision_deepresearch.train.export.masks import turn_masks

ROWS = ["ms-swift", "sharegpt", "llama-factory", "trl"]


def imported(out: Path, *sources: Path, **given_settings: object) -> Imported:
    chosen = ImportSettings.model_validate(given_settings)
    return run_now(import_tables(sources, out, settings=chosen))


def a_run(path: Path, *, with_flags: bool = True) -> Path:
    """Pictures, hostile pages, an attempt more, a task nobody tried, a token stream."""
    media = media_of(path)
    hostile = hostile_episode(media)
    good = an_episode(1, images=pictures(media, 2, first=5))
    ids = (5, 6, 7)
    trace = TokenTrace(
        ids=ids,
        loss_mask=(False, True, True),
        logprobs=(0.0, float("-inf"), -0.25),
        versions=(None, "v1", "v1"),
        images=good.task.images,
    )
    again = good.trajectory.model_copy(update={"attempt": 1, "tokens": trace})
    episodes = [good, episode_of(good.task, again, CORRECT)]
    episodes += [hostile] if with_flags else []
    return store(path, *episodes, tasks=[a_task(ref="untried", question="Untried?")])


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
@pytest.mark.parametrize("images", ["files", "embedded"])
def test_whole_episodes_come_back_equal(name: str, images: str, tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    exported(run, tmp_path / "out", format=name, images=images)
    done = imported(tmp_path / "back", tmp_path / "out")
    assert (done.tasks, done.attempts, done.rejected) == (3, 3, {})
    with RunView(run) as view, RunView(tmp_path / "back") as back:
        assert sorted(view.episodes(), key=_key) == sorted(back.episodes(), key=_key)
        assert {task.id: task for task in view.tasks()} == {task.id: task for task in back.tasks()}
    assert tree(run / "media") == tree(tmp_path / "back" / "media")
    exported(tmp_path / "back", tmp_path / "again", format=name, images=images)
    assert tree(tmp_path / "again" / "data") == tree(tmp_path / "out" / "data")


def _key(episode: Episode) -> tuple[str, int]:
    return episode.task.id, episode.trajectory.attempt


@pytest.mark.pitfall("P79")
@pytest.mark.parametrize("name", ROWS)
def test_conversations_come_back_with_flags_trust_handles_and_picture_order(
    name: str, tmp_path: Path
) -> None:
    run = a_run(tmp_path / "run", with_flags=name == "ms-swift")
    exported(run, tmp_path / "out", format=name)
    done = imported(tmp_path / "back", tmp_path / "out")
    assert done.rejected == {}
    with RunView(run) as view, RunView(tmp_path / "back") as back:
        kept = {_key(one): one for one in back.episodes()}
        assert len(kept) == (3 if name == "ms-swift" else 2)
        for episode in view.episodes():
            if _key(episode) not in kept:
                continue
            copy = kept[_key(episode)]
            assert copy.task == episode.task
            assert copy.verdict == episode.verdict
            assert the_messages(copy.trajectory) == the_messages(episode.trajectory)
            assert turn_masks(copy.trajectory) == turn_masks(episode.trajectory)
            for mine, its in zip(copy.trajectory.turns, episode.trajectory.turns, strict=True):
                assert (mine.phase, mine.answer, mine.thought) == (
                    its.phase,
                    its.answer,
                    its.thought,
                )
                assert [one.call for one in mine.calls] == [one.call for one in its.calls]
    exported(tmp_path / "back", tmp_path / "again", format=name)
    for place in ("data", "media"):
        assert tree(tmp_path / "again" / place) == tree(tmp_path / "out" / place)
    assert lines(tmp_path / "again" / "rows.jsonl") == lines(tmp_path / "out" / "rows.jsonl")


def test_a_single_file_of_an_export_is_read_with_what_stands_beside_it(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    exported(run, tmp_path / "out", format="ms-swift", shard_size=2)
    done = imported(tmp_path / "back", tmp_path / "out" / "data" / "train-00001.jsonl")
    assert (done.attempts, done.rejected) == (1, {})
    with RunView(tmp_path / "back") as back, RunView(run) as view:
        (episode,) = back.episodes()
        assert view.task(episode.task.id) == episode.task


def test_a_line_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    exported(run, tmp_path / "out", format="ms-swift")
    path = tmp_path / "out" / "data" / "train-00000.jsonl"
    path.write_bytes(path.read_bytes().replace(b"a page", b"another page", 1))
    assert imported(tmp_path / "back", tmp_path / "out").rejected == {"sidecar": 1}


def test_sides_that_were_changed_since_and_a_torn_sidecar_are_told(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    exported(run, tmp_path / "out", format="ms-swift")
    path = tmp_path / "out" / "data" / "train-00000.jsonl"
    changed = path.read_bytes().replace(b'"role":"assistant"', b'"role":"user"', 1)
    path.write_bytes(changed)
    assert imported(tmp_path / "back", tmp_path / "out").rejected == {"sidecar": 1}
    beside = tmp_path / "out" / "rows.jsonl"
    for torn in (beside.read_bytes()[:-40], b'{"file": "x"}\n', b"[1]\n"):
        beside.write_bytes(torn)
        with pytest.raises(ConfigError, match=r"rows\.jsonl beside the data is damaged"):
            imported(tmp_path / "other", tmp_path / "out")


def test_an_episode_that_comes_with_other_pixels_than_it_names_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    store(run, an_episode(1, images=pictures(media_of(run), 1)))
    exported(run, tmp_path / "out", format="jsonl")
    (kept,) = (tmp_path / "out" / "media").rglob("*.png")
    kept.write_bytes(a_picture(seed=9))
    assert imported(tmp_path / "back", tmp_path / "out").rejected == {"picture": 1}


def test_each_stretch_of_a_shortened_prompt_comes_back_as_an_attempt(tmp_path: Path) -> None:
    task = a_task()
    edit = ContextEdit(policy="drop_oldest", turns=(0,), replacement="[result removed]")
    turns = [a_turn(0), a_turn(1), an_answer(2).model_copy(update={"edit": edit})]
    run = store(tmp_path / "run", episode_of(task, a_trajectory(task, turns), CORRECT))
    exported(run, tmp_path / "out", format="ms-swift")
    imported(tmp_path / "back", tmp_path / "out")
    with RunView(tmp_path / "back") as back:
        first, second = sorted(back.trajectories(), key=lambda one: one.attempt)
    assert (first.attempt, second.attempt) == (0, 10_000)
    assert turn_masks(second) == ("earlier", "earlier", None)
    exported(tmp_path / "back", tmp_path / "again", format="ms-swift")
    assert tree(tmp_path / "again" / "data") == tree(tmp_path / "out" / "data")


foreign_text = hostile_text.filter(lambda text: "\ud800" not in text)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(foreign_text, min_size=2, max_size=3),
    flags=st.lists(st.booleans(), min_size=3, max_size=3),
    places=st.lists(st.integers(0, 2), max_size=4),
)
def test_any_text_flags_and_places_of_pictures_come_back(
    texts: list[str],
    flags: list[bool],
    places: list[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Replies hold anything, pages hold anything, pictures come with any page."""
    folder = tmp_path_factory.mktemp("case")
    media = media_of(folder / "run")
    refs = pictures(media, 3)
    turns = []
    for index, text in enumerate(texts):
        shown = [refs[place] for place in places if place % len(texts) == index]
        turn = a_turn(index, found=text, shown=shown)
        reply = Message(role=Role.ASSISTANT, parts=(untrusted(f"r{index} {text}"),))
        mask = None if flags[index] else "by hand"
        turns.append(turn.model_copy(update={"reply": reply, "mask": mask, "calls": ()}))
    turns.append(an_answer(len(texts)))
    task = a_task(images=refs[:1])
    trajectory = a_trajectory(task, turns)
    run = store(folder / "run", episode_of(task, trajectory, CORRECT))
    done = exported(run, folder / "out", format="ms-swift")
    assert done.num_refused == 0
    assert imported(folder / "back", folder / "out").rejected == {}
    with RunView(folder / "back") as back:
        (copy,) = back.trajectories()
    assert the_messages(copy)[:-1] == the_messages(trajectory)[:-1]
    assert turn_masks(copy) == turn_masks(trajectory)


def test_foreign_conversations_export_to_what_they_were(tmp_path: Path) -> None:
    """Without anything beside them: content, flags and pictures survive, names of files do not."""
    refs = pictures(media_of(tmp_path), 2)
    names = [f"media/{ref.sha256[:2]}/{ref.sha256[2:]}" for ref in refs]
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "Be <tools> good."},
        {"role": "user", "content": "<image>\nWho is \u05d0 this?<image>"},
        {"role": "assistant", "content": "<think>\na\n</think>\n<answer>x</answer>", "loss": False},
        {"role": "user", "content": "<tool_response>\nno\n</tool_response>"},
        {"role": "assistant", "content": "<answer>y</answer>", "loss": True},
    ]
    row = {"messages": messages, "images": names}
    (tmp_path / "set.jsonl").write_text(json.dumps(row) + "\n")
    imported(tmp_path / "run", tmp_path / "set.jsonl")
    exported(tmp_path / "run", tmp_path / "out", format="ms-swift", only="all")
    (back,) = lines(tmp_path / "out" / "data" / "train-00000.jsonl")
    assert back["messages"] == messages
    shown = back["images"]
    assert isinstance(shown, list)
    assert [(tmp_path / "out" / str(name)).read_bytes() for name in shown] == [
        (tmp_path / name).read_bytes() for name in names
    ]
    assert ExportSettings(format="ms-swift").only is None
