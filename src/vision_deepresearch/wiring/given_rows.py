"""Existing sets of questions about pictures as rows: FVQA (verl layout), InfoSeek, question tables.

    FVQA         prompt, images, reward_model {ground_truth, candidate_answers}, data_id
    InfoSeek     question, answer [+ answer_eval], image_id, data_id
    plain        question, answer or answers, image or images or image_path [+ id]

Parquet, JSON lines and JSON lists. A bad row becomes a row with a fault; a table without the columns
of a question is refused. Pickles, which may run any program, are never opened.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from pydantic import ValidationError

from vision_deepresearch.core.errors import BadImageError, ConfigError
from vision_deepresearch.core.task import Gold
from vision_deepresearch.evals.benchmarks.cells import gold_of, texts_alone
from vision_deepresearch.evals.benchmarks.fvqa import verl_gold, verl_question
from vision_deepresearch.media.odd_bytes import cell_pictures
from vision_deepresearch.store.tables import BadRowError, TableRow, refuse_pickle, table_rows
from vision_deepresearch.synth.vqa_records import Row
from vision_deepresearch.train.export.foreign import id_of, question_of

_PICTURES = ("images", "image", "image_packed", "image_path", "file_path", "img_path", "image_id")
_QUESTIONS = ("question", "query", "problem", "prompt")
_ANSWERS = ("answers", "answer", "ground_truth", "gold")
_GOLD = ("reward_model", *_ANSWERS, "answer_eval")
_ENDINGS = (".jpg", ".JPEG", ".jpeg", ".png", ".webp")
"""Of the files that `image_id` names."""
_TOLD = ("category", "data_source", "data_split", "licence", "license", "source")
_LOOKED_AT = 50
"""Rows among which one with all columns of a question must be."""
_MAX_TOLD = 200


@dataclass(slots=True, kw_only=True)
class GivenSets:
    """The rows of several files, and a copy of each picture's bytes."""

    rows: list[Row] = field(default_factory=list)
    per_set: dict[str, int] = field(default_factory=dict)
    """Rows by set."""


def read_sets(
    files: Sequence[Path], *, copies: Path, pictures: Path | None, limit: int | None, licence: str
) -> GivenSets:
    """Read files of questions; the same files give the same rows.

    Args:
        files: each is a set, called by its name.
        copies: folder for the bytes of pictures, by sha256.
        pictures: folder in which tables name files; None: the folder of each table.
        limit: rows of each set; None: all.
        licence: of all of them, where a row tells none.

    Raises:
        ConfigError: no such file, another kind of file, no question in it, two sets of one name.
    """
    copies.mkdir(parents=True, exist_ok=True)
    given = GivenSets()
    for file, name in zip(files, _names(files), strict=True):
        refuse_pickle(file)
        known: set[str] = set()
        rows = islice(_told_rows(file), limit)
        before = len(given.rows)
        for number, told in enumerate(rows):
            root = pictures or file.parent
            row = _row(told, dataset=name, number=number, root=root, copies=copies)
            if row.key and row.key in known and not row.fault:
                row = row.model_copy(
                    update={"fault": "duplicate_id", "detail": f"{row.key!r} stands twice"}
                )
            known.add(row.key)
            if licence and "licence" not in row.told:
                row = row.model_copy(update={"told": {**row.told, "licence": licence}})
            given.rows.append(row)
        given.per_set[name] = len(given.rows) - before
        if not given.per_set[name]:
            msg = f"{file.name} holds no rows: give a table of questions"
            raise ConfigError(msg)
    return given


def count_rows(files: Sequence[Path], *, limit: int | None) -> int:
    """How many rows `read_sets` would give; nothing is written.

    Raises:
        ConfigError: see `read_sets`.
    """
    _names(files)
    total = 0
    for file in files:
        refuse_pickle(file)
        total += sum(1 for _ in islice(_told_rows(file), limit))
    return total


def _names(files: Sequence[Path]) -> list[str]:
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        names = [f"{file.resolve().parent.name}-{file.stem}" for file in files]
    if len(set(names)) < len(names):
        msg = f"sets need names of their own, got {', '.join(map(str, files))}: rename a file"
        raise ConfigError(msg)
    return [name.replace("/", "-").replace("@", "-") for name in names]


def _told_rows(file: Path) -> Iterator[TableRow | BadRowError]:
    """All rows, once one of the first has the columns of a question.

    Raises:
        ConfigError: none has.
    """
    rows = table_rows(file)
    first = list(islice(rows, _LOOKED_AT))
    seen: dict[str, None] = {}
    for row in first:
        if isinstance(row, BadRowError):
            continue
        if all(set(row) & set(wanted) for wanted in (_QUESTIONS, _GOLD, _PICTURES)):
            return chain(first, rows)
        seen.update(dict.fromkeys(map(str, row)))
    shown = ", ".join(list(seen)[:20]) or "no row that can be read"
    msg = (
        f"{file.name} is no set of questions about pictures, it has {shown}. Known are FVQA (prompt, "
        "images, reward_model), InfoSeek (question, answer, image_id) and plain tables (question, "
        "answer, image): rename the columns; conversations go to `vdr import-data`"
    )
    raise ConfigError(msg)


# --------------------------------------------------------------------------------------- one row


def _row(
    told: TableRow | BadRowError, *, dataset: str, number: int, root: Path, copies: Path
) -> Row:
    """A row, with its first fault."""
    id_ = f"{dataset}/{number}"
    if isinstance(told, BadRowError):
        return Row(id=id_, dataset=dataset, fault=told.reason, detail=told.detail)
    key = id_of(told) or ""
    row = Row(id=id_, dataset=dataset, key=_safe(key), told=_said_of_itself(told))
    try:
        question, gold = _question(told), _gold(told)
        data = _picture(told, root=root)
    except BadRowError as bad:
        return row.model_copy(update={"fault": bad.reason, "detail": _safe(bad.detail)})
    except (BadImageError, OSError) as bad:
        return row.model_copy(update={"fault": "bad_image", "detail": _safe(str(bad))})
    except ValidationError as bad:
        detail = str(bad.errors()[0]["msg"])
        return row.model_copy(update={"fault": "no_gold", "detail": _safe(detail)})
    digest = hashlib.sha256(data).hexdigest()
    _keep(copies / digest, data)
    return row.model_copy(update={"question": question, "gold": gold, "picture": digest})


def _keep(path: Path, data: bytes) -> None:
    """Whole or not at all, so that a killed run leaves no half of a picture."""
    if not path.is_file():
        begun = path.with_name(f".{path.name}.{os.getpid()}")
        begun.write_bytes(data)
        begun.replace(path)


def _question(row: TableRow) -> str:
    missing = [
        told
        for told, names in (
            ("a question", _QUESTIONS),
            ("an answer", _GOLD),
            ("a picture", _PICTURES),
        )
        if not any(row.get(name) is not None for name in names)
    ]
    if missing:
        shown = ", ".join(list(map(str, row))[:20])
        raise BadRowError("missing_columns", f"{', '.join(missing)} is missing in: {shown}")
    if row.get("prompt") is not None and row.get("question") is None:
        return verl_question(row)
    question = question_of(row)
    if not _is_text(question):
        raise BadRowError("question", "half a character: no text")
    return question


def _gold(row: TableRow) -> Gold:
    """The first answer is canonical, all others are as good."""
    if isinstance(row.get("reward_model"), Mapping):
        return _our_gold(row) or verl_gold(row)
    name = next((name for name in _ANSWERS if row.get(name) is not None), None)
    told = row[name] if name is not None else None
    return gold_of(told, texts_alone(row.get("answer_eval")))


def _our_gold(row: TableRow) -> Gold | None:
    """Of tables that we exported: the gold with its type; None where it is not the row's."""
    extra, reward = row.get("extra_info"), row.get("reward_model")
    told = extra.get("gold") if isinstance(extra, Mapping) else None
    if not isinstance(told, str) or not isinstance(reward, Mapping):
        return None
    try:
        gold = Gold.model_validate_json(told)
    except ValidationError:
        return None
    return gold if gold.answers[0] == reward.get("ground_truth") else None


def _picture(row: TableRow, *, root: Path) -> bytes:
    filled = [name for name in _PICTURES if row.get(name) not in (None, [], "")]
    inline = [name for name in filled if name != "image_id"]
    if not inline:
        return _named(str(row["image_id"]) if filled else "", root=root)
    name = inline[0]
    found = cell_pictures(row[name], root=root)
    if len(found) != 1:
        raise BadRowError("pictures", f"{len(found)} pictures, one is wanted")
    return found[0]


def _named(image_id: str, *, root: Path) -> bytes:
    """The file that an id of InfoSeek means, in the folder of pictures or one level below."""
    if not image_id or Path(image_id).name != image_id:
        raise BadRowError("pictures", f"{image_id!r} is no name of a picture")
    for folder in (root, *_folders(root)):
        for ending in ("", *_ENDINGS):
            file = folder / f"{image_id}{ending}"
            if file.is_file():
                (found,) = cell_pictures(file.name, root=folder)
                return found
    msg = f"there is no picture {image_id}.jpg in {root.name}: name its folder, --set images=DIR"
    raise BadImageError(msg)


def _folders(root: Path) -> list[Path]:
    return sorted(one for one in root.iterdir() if one.is_dir() and not one.is_symlink())


def _said_of_itself(row: TableRow) -> dict[str, str]:
    told = {
        "licence" if name == "license" else name: _safe(value)
        for name in _TOLD
        if isinstance(value := row.get(name), str) and value
    }
    extra = row.get("extra_info")
    task_id = extra.get("task_id") if isinstance(extra, Mapping) else None
    return {**told, "task_id": _safe(task_id)} if isinstance(task_id, str) else told


def _safe(text: str) -> str:
    return text[:_MAX_TOLD].encode("utf-8", "backslashreplace").decode()


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
