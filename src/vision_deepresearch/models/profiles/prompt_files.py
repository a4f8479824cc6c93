"""Prompts are files: loads the templates of `prompts/` and fills their `${placeholders}`.

Templates are trusted text of this package. Values are put in as they are and not read again, so a
`$` in a tool's schema stays a `$`.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template

from pydantic import JsonValue

from vision_deepresearch.core.content import ToolSpec
from vision_deepresearch.core.mode import PICTURE_TOOLS, Mode, ModeInput
from vision_deepresearch.core.task import Task

_PACKAGE = "vision_deepresearch.models.profiles"


@cache
def _template(name: str) -> Template:
    return Template((files(_PACKAGE) / "prompts" / f"{name}.md").read_text("utf-8").strip())


def fill(template: str, **values: object) -> str:
    """The text of `prompts/<template>.md` with its placeholders filled.

    Raises:
        KeyError: a placeholder has no value.
    """
    return _template(template).substitute({key: str(value) for key, value in values.items()})


def scope_of(task: Task, *, mode: Mode) -> str:
    """What the questions are like: a task that never had a picture is researched by reading alone.

    Source: the two system prompts of arXiv 2601.22060's code, chosen by whether there are pictures.
    """
    if mode.input is ModeInput.IMAGE and not task.images:
        return "by searching and reading"
    return "about pictures, and about what lies behind them, by looking and reading"


def rules_for(tools: Sequence[ToolSpec], *, mode: Mode) -> str:
    """The working rules that the enabled tools and the mode call for, one per line."""
    names = {tool.name for tool in tools}
    rules: list[str] = []
    if names & PICTURE_TOOLS:
        rules.append(fill("rule_pictures"))
    if names & {"crop_and_search", "zoom"}:
        rules.append(fill("rule_boxes"))
    if "crop_and_search" in names:
        rules.append(fill("rule_crops"))
    if "image_search" in names:
        rules.append(fill("rule_whole"))
    if {"search", "visit"} <= names:
        rules.append(fill("rule_text"))
    if mode.min_crop_rounds and "crop_and_search" in names:
        rules.append(fill("rule_rounds", rounds=mode.min_crop_rounds))
    return "\n".join(rules)


def schema_line(*, name: str, description: str, parameters: dict[str, JsonValue]) -> str:
    """One function schema as one line of JSON."""
    function = {"name": name, "description": description, "parameters": parameters}
    return json.dumps({"type": "function", "function": function}, ensure_ascii=False)
