"""What `vdr world sheet` does: questions and pictures for whoever has eyes, and room for verdicts.

Who fills it in may use the world by `vdr world look`, `search` and `read`, and nothing else: the
gold stands in a file of its own, written only where it was asked for.
"""

import html
import random
from pathlib import Path

from vision_deepresearch.cli.output import console, print_json
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.task import Task
from vision_deepresearch.wiring.worlds import open_world

_VERDICTS = (
    ("understandable", "is it clear what is asked, and of which thing in the picture?"),
    ("answerable", "did looking, cropping and reading lead to one answer?"),
    ("answer found", "in words; do not look at the gold before"),
    ("correct", "filled in afterwards, with gold.md"),
    ("remarks", "what reads oddly, what cannot be seen"),
)
_STYLE = """body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}
img{max-width:100%}textarea{width:100%;height:1.6em}dt{font-weight:bold}"""


def sheet(
    world: str, out: Path, *, num_tasks: int, seed: int, gold: bool, json_wanted: bool
) -> None:
    """Write scenes, sheet.md, sheet.html and, if asked for, gold.md."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        msg = f"a sheet goes into a new or empty folder, {str(out)!r} is not: choose another"
        raise ConfigError(msg)
    opened = open_world(prepare_world(world, target=console(json_wanted=json_wanted)))
    own = opened.own_tasks()
    if num_tasks > len(own):
        msg = f"{world} has {len(own)} questions, {num_tasks} were asked for: use --tasks"
        raise ConfigError(msg)
    chosen = random.Random(f"sheet {seed}").sample(own, num_tasks)
    out.mkdir(parents=True, exist_ok=True)
    files: list[list[str]] = []
    for number, task in enumerate(chosen, start=1):
        names: list[str] = []
        for index, data in enumerate(opened.pictures_of(task)):
            suffix = "png" if data.startswith(b"\x89PNG") else "jpg"
            names.append(f"{number:02d}-{index}.{suffix}")
            (out / names[-1]).write_bytes(data)
        files.append(names)
    about = f"{num_tasks} questions of {opened.world.manifest().name}, drawn with seed {seed}"
    (out / "sheet.md").write_text(_markdown(chosen, files, about=about, world=world), "utf-8")
    (out / "sheet.html").write_text(_html(chosen, files, about=about, world=world), "utf-8")
    if gold:
        (out / "gold.md").write_text(_gold(chosen, about=about), "utf-8")
    if json_wanted:
        print_json({"out": str(out), "tasks": num_tasks, "gold": gold})
    else:
        console().print(f"{about}: {out}/sheet.html, {out}/sheet.md", soft_wrap=True)


def _how(world: str) -> list[str]:
    return [
        f"vdr world look {world} PICTURE --box x1,y1,x2,y2   (thousandths of width and height)",
        f'vdr world search {world} "WORDS"',
        f"vdr world read {world} URL",
    ]


def _markdown(tasks: list[Task], files: list[list[str]], *, about: str, world: str) -> str:
    lines = [f"# {about}", "", "Allowed: looking at the picture with your own eyes, and", ""]
    lines += [f"    {command}" for command in _how(world)]
    lines += ["", *(f"- *{name}*: {hint}" for name, hint in _VERDICTS), ""]
    for number, (task, names) in enumerate(zip(tasks, files, strict=True), start=1):
        lines += [f"## {number}", "", *(f"![scene {number}]({name})" for name in names), ""]
        lines += [task.question, "", *(f"- {name}:" for name, _ in _VERDICTS), ""]
    return "\n".join(lines)


def _html(tasks: list[Task], files: list[list[str]], *, about: str, world: str) -> str:
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{html.escape(about)}</title>",
        f"<style>{_STYLE}</style>",
        f"<h1>{html.escape(about)}</h1><p>Allowed: looking with your own eyes, and</p><pre>",
        html.escape("\n".join(_how(world))),
        "</pre><dl>",
        *(f"<dt>{name}</dt><dd>{html.escape(hint)}</dd>" for name, hint in _VERDICTS),
        "</dl>",
    ]
    for number, (task, names) in enumerate(zip(tasks, files, strict=True), start=1):
        parts.append(f"<h2>{number}</h2>")
        parts += [f'<img src="{name}" alt="scene {number}">' for name in names]
        parts.append(f"<p>{html.escape(task.question)}</p>")
        parts += [f"<label>{name}<textarea></textarea></label>" for name, _ in _VERDICTS]
    return "\n".join([*parts, "</html>", ""])


def _gold(tasks: list[Task], *, about: str) -> str:
    lines = [f"# Gold of {about}", "", "| | answers | task |", "| --- | --- | --- |"]
    for number, task in enumerate(tasks, start=1):
        answers = "; ".join(task.gold.answers) if task.gold else "unknown"
        lines.append(f"| {number} | {answers.replace('|', '/')} | {task.ref} |")
    return "\n".join([*lines, ""])
