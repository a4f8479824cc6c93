"""What the cells of benchmark tables mean: texts, answers however they are listed, choices, kinds.

One gold stands in such tables as a text, a list, a list as JSON or as Python prints it, nested in
a list of one (the HLE file), or as a number.
"""

import ast
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.core.answers import normalise_answer
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.core.values import parse_date, parse_number
from vision_deepresearch.store.tables import BadRowError, TableRow

_CHOICES = re.compile(r"\s*You can choose among these Choices:\s*\n", re.IGNORECASE)
_OPTION = re.compile(r"\s*\(?([A-J])[.):]\s*(\S.*)", re.DOTALL)
_MAX_DEPTH = 3
_MAX_ID = 200
_UNSAFE = re.compile(r"[\s/\\@:]+")


def text_of(row: TableRow, name: str, *, reason: str = "question") -> str:
    """A cell that must hold text.

    Raises:
        BadRowError: it is empty or no text.
    """
    found = optional_text(row, name)
    if not found:
        what = "empty" if row.get(name) in (None, "") else f"no text ({type(row[name]).__name__})"
        raise BadRowError(reason, f"column {name!r} is {what}: fill it or leave the row out")
    return found


def optional_text(row: TableRow, name: str) -> str:
    """A cell as text, "" for an empty one or another thing."""
    value = row.get(name)
    return _whole(value).strip() if isinstance(value, str) else ""


def id_of(row: TableRow, *names: str, number: int) -> str:
    """The row's own name, safe as a part of a readable key; its number where it has none."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return _UNSAFE.sub("-", str(value).strip())[:_MAX_ID]
    return str(number)


def answers_in(cell: object) -> tuple[str, ...]:
    """All texts of a cell in order, without repeats; empty ones are left out."""
    found = (_whole(one).strip() for one in _texts(cell, depth=0))
    return tuple(dict.fromkeys(one for one in found if one))


def texts_alone(cell: object) -> tuple[str, ...]:
    """The texts of a list; what else it holds, such as ranges of numbers, is left out."""
    told = as_json(cell)
    if isinstance(told, str):
        return answers_in(told)
    if not isinstance(told, Sequence) or isinstance(told, bytes):
        return ()
    return answers_in([one for one in told if isinstance(one, str)])


def gold_of(*cells: object, choices: Sequence[str] = (), label: str | None = None) -> Gold:
    """A gold of free text, or of a choice where one of the choices is known to be right.

    Args:
        cells: the canonical answer first, aliases behind it.
        choices: as offered, without their letters.
        label: letter of the right one; None: looked up among the choices.

    Raises:
        BadRowError: no canonical answer: aliases do not stand in for it.
    """
    answers = tuple(dict.fromkeys(one for cell in cells for one in answers_in(cell)))
    if label is None and not answers_in(cells[0]):
        raise BadRowError("no_gold", "the answer is empty: fill it or leave the row out")
    if choices and label is None:
        label = _label_of(answers, choices)
    if label is not None and choices:
        answers = tuple(dict.fromkeys((*answers, choices[_place(label, choices)])))
        answers = tuple(one for one in answers if one.upper() != label or one in choices)
    return Gold(
        answers=answers,
        type=AnswerType.CHOICE if label is not None else AnswerType.FREE_TEXT,
        choices=tuple(choices),
        choice_label=label,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and the choices that stood under it."""

    question: str
    choices: tuple[str, ...]


def without_choices(text: str) -> Asked:
    """Cut the block of choices off that some sets write under the question."""
    parts = _CHOICES.split(text, maxsplit=1)
    if len(parts) == 1:
        return Asked(question=text.strip(), choices=())
    return Asked(question=parts[0].strip(), choices=options_in(parts[1].strip().split("\n")))


def options_in(lines: Sequence[object]) -> tuple[str, ...]:
    """The choices without their letters, which must come in order from A.

    Raises:
        BadRowError: another order, or a line that is no choice.
    """
    found = []
    for number, line in enumerate(one for one in lines if not isinstance(one, str) or one.strip()):
        fits = _OPTION.fullmatch(line) if isinstance(line, str) else None
        if fits is None or fits[1] != chr(ord("A") + number):
            raise BadRowError(
                "choices", f"choice {number + 1} does not begin with {chr(ord('A') + number)!r}"
            )
        found.append(_whole(fits[2]).strip())
    return tuple(found)


def kind_of_answer(gold: Gold) -> str:
    """What the canonical gold looks like, for strata; judges do not go by it."""
    answer = gold.answers[0]
    if gold.type is AnswerType.CHOICE:
        return "choice"
    if normalise_answer(answer) in {"yes", "no"}:
        return "yes_no"
    if parse_date(answer) is not None and not answer.strip().isdigit():
        return "date"
    return "number" if parse_number(answer) is not None else "text"


def name_of_address(url: str) -> str:
    """How the picture of an address is called once it was fetched; a name alone is not unique."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def strata_of(row: TableRow, *names: str) -> dict[str, str]:
    """Columns that group questions, those that are filled."""
    found: dict[str, str] = {}
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            found[name] = _whole(str(value)).strip()[:_MAX_ID]
    return found


def as_json(cell: object) -> object:
    """What a text of JSON holds; any other cell as it is."""
    if isinstance(cell, str) and cell.lstrip().startswith(("[", "{")):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def _texts(cell: object, *, depth: int) -> list[str]:
    if depth > _MAX_DEPTH:
        raise BadRowError("no_gold", "answers are nested too deep: give a list of texts")
    match cell:
        case None | bool():
            return []
        case str():
            listed = _listed(cell)
            return [cell] if listed is None else _texts(listed, depth=depth + 1)
        case int() | float():
            return [f"{cell:g}" if isinstance(cell, float) else str(cell)]
        case Sequence() if not isinstance(cell, bytes | bytearray | memoryview):
            return [text for one in cell for text in _texts(one, depth=depth + 1)]
        case _:
            raise BadRowError(
                "no_gold", f"an answer is a text or a list of texts, got {type(cell).__name__}"
            )


def _listed(text: str) -> list[object] | None:
    """The list that a text spells in JSON or as Python prints it; None: it is an answer itself."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list) and _are_texts(found):
            return found
    return None


def _are_texts(found: list[object]) -> bool:
    """Whether a list holds texts, or lists of them: `[0, 1]` is an interval and an answer itself."""
    return all(isinstance(one, str) or (isinstance(one, list) and _are_texts(one)) for one in found)


def _label_of(answers: Sequence[str], choices: Sequence[str]) -> str | None:
    plain = [normalise_answer(one) for one in choices]
    for answer in answers:
        wanted = normalise_answer(answer)
        if plain.count(wanted) == 1:
            return chr(ord("A") + plain.index(wanted))
    return None


def _place(label: str, choices: Sequence[str]) -> int:
    place = ord(label.strip().upper()[:1] or " ") - ord("A")
    if not 0 <= place < len(choices) or len(label.strip()) != 1:
        raise BadRowError("choices", f"{label!r} is the letter of none of {len(choices)} choices")
    return place


def _whole(text: str) -> str:
    """A text without halves of characters.

    Raises:
        BadRowError: it has some: it cannot be stored.
    """
    try:
        text.encode()
    except UnicodeEncodeError as reason:
        raise BadRowError("damaged", "half a character: no text") from reason
    return text
