"""What is stored of protected tasks shows no text to whoever looks for it."""

import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import a_task, a_trajectory, a_turn
from vision_deepresearch.core.episode import Decision, Verdict, episode_of
from vision_deepresearch.core.errors import ModelError
from vision_deepresearch.core.task import Task
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.seal import seal, seal_text, unseal, unseal_text
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.store.tape_files import merge_tapes, read_recordings

SECRETS = ("heron carved above the mill door", "Quellbrunn")
CONFIG = 'model = "oracle"\n'


def plain_bytes(folder: Path) -> bytes:
    """All that lies in a folder, and what every packed piece of it unpacks to."""
    told = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        told.append(data)
        for start in range(len(data)):
            if data[start] == 0x78 and data[start + 1 : start + 2] in {b"\x01", b"\x5e", b"\x9c"}:
                try:
                    told.append(zlib.decompressobj().decompress(data[start:]))
                except zlib.error:
                    continue
    return b"\0".join(told)


def a_protected_task() -> Task:
    question = f"Who had the {SECRETS[0]}?"
    task = a_task(question=question, answers=(SECRETS[1],), ref="mmsearch-plus/single/3")
    return task.model_copy(update={"protected": True})


@settings(deadline=None)
@given(st.binary(max_size=300), st.text(max_size=60))
def test_what_is_sealed_comes_back_and_is_always_the_same(data: bytes, text: str) -> None:
    assert unseal(seal(data)) == data
    assert seal(data) == seal(data)
    if "\ud800" <= max(text, default="") <= "\udfff":
        return
    assert unseal_text(seal_text(text)) == text


@pytest.mark.pitfall("P89")
async def test_a_folder_of_protected_tasks_shows_neither_question_nor_answer(
    tmp_path: Path,
) -> None:
    task = a_protected_task()
    said = a_turn(reply=f"I think it is {SECRETS[1]}")
    right = Verdict(decision=Decision.CORRECT, reason=f"equals {SECRETS[1]}", judge="rules/1")
    made = a_trajectory(task, answer=SECRETS[1], turns=(said,))
    episode = episode_of(task, made, right)
    lost = a_trajectory(task, answer=None, attempt=2)
    request = Request(
        kind="model_call", provider="p", version=1, body={"said": task.question}, sample="a0"
    )
    async with RunFolder.open(tmp_path / "run", config=CONFIG, provenance={}) as run:
        await run.put_episode(episode)
        await run.put_trajectory(a_trajectory(task, answer=SECRETS[1], attempt=1))
        await run.put_verdict(task.id, 1, right)
        await run.put_outage(task, lost)
        await run.put_reject(task.id, 3, reason="bug", detail=f"while reading {SECRETS[0]}")
        tape = run.tape(seals=True)

        async def answer() -> Reply:
            return Reply(value=f'"{SECRETS[1]}"', blobs=(SECRETS[0].encode(),))

        first = await tape.ask(request, answer, error=ModelError)
        again = await tape.ask(request, answer, error=ModelError)
        assert again.is_replayed
        assert again.reply == first.reply
        # While it is open too: nothing may stand in the file beside the database.
        assert not [word for word in SECRETS if word.encode() in plain_bytes(tmp_path / "run")]
    assert not [word for word in SECRETS if word.encode() in plain_bytes(tmp_path / "run")]
    with RunFolder.read(tmp_path / "run") as view:
        assert next(view.episodes()) == episode
        assert next(view.outages()) == lost
        assert SECRETS[0] in next(view.rejects()).detail

    (tmp_path / "handed-on").mkdir()
    await merge_tapes(tmp_path / "handed-on" / "t.db", [tmp_path / "run" / "run.db"])
    assert not [word for word in SECRETS if word.encode() in plain_bytes(tmp_path / "handed-on")]
    assert next(read_recordings(tmp_path / "handed-on" / "t.db")).is_sealed


async def test_without_protection_the_same_search_finds_the_text(tmp_path: Path) -> None:
    task = a_protected_task().model_copy(update={"protected": False})
    async with RunFolder.open(tmp_path / "run", config=CONFIG, provenance={}) as run:
        await run.put_task(task)
    found = plain_bytes(tmp_path / "run")
    assert all(word.encode() in found for word in SECRETS), "the search must be able to find"


async def test_a_strict_replay_of_protected_tasks_does_not_say_what_is_missing(
    tmp_path: Path,
) -> None:
    async with Tape.open(tmp_path / "t.db", seals=True):
        pass
    request = Request(kind="model_call", provider="p", version=1, body={"said": SECRETS[0]})

    async def never() -> Reply:
        raise AssertionError

    async with Tape.open(tmp_path / "t.db", mode=TapeMode.REPLAY_STRICT, seals=True) as tape:
        with pytest.raises(RuntimeError, match="protected task") as missed:
            await tape.ask(request, never, error=ModelError)
    assert SECRETS[0] not in str(missed.value)
