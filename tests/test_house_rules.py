"""The rules of the house, checked on the syntax tree: each failure names the offender and why."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "vision_deepresearch"
BANNED_MODULES = {"utils", "util", "common", "helpers", "helper", "misc", "base", "manager"}
BROAD_EXCEPT = {
    "core/errors.py",
    "synth/carry_out.py",  # whatever a record provokes costs that record
    "scale/ray_executor.py",  # what Ray raises when a node does not start is a bare one; told on
    "train/rl/rollout.py",
    "evals/runner.py",
    "sandbox/inside/child.py",  # whatever a program raises is its result
}
RUNS_PROGRAMS = {"sandbox/inside/child.py"}
"""The one place where text becomes code: behind every layer of the sandbox."""
UNPICKLERS = {"pickle", "shelve", "marshal", "dill", "cloudpickle", "joblib", "yaml"}
ALLOWS_PICKLE = {("allow_pickle", "True"), ("weights_only", "False"), ("trust_remote_code", "True")}
MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 120


def modules() -> list[tuple[str, ast.Module]]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [(str(path.relative_to(PACKAGE)), ast.parse(path.read_text())) for path in paths]


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for name, tree in modules():
        for node in ast.walk(tree):
            yield name, node


def test_every_module_says_what_it_is_for_in_its_first_line() -> None:
    silent = [name for name, tree in modules() if not ast.get_docstring(tree)]
    assert not silent, f"a newcomer must know within a minute what a file is for: {silent}"


def test_no_module_has_a_name_that_means_nothing() -> None:
    vague = [name for name, _ in modules() if Path(name).stem in BANNED_MODULES]
    assert not vague, f"a vague name collects unrelated things: {vague}"


def test_package_inits_hold_a_docstring_only() -> None:
    busy = [
        name
        for name, tree in modules()
        if name.endswith("__init__.py") and name != "__init__.py" and len(tree.body) > 1
    ]
    assert not busy, f"importing one module must not load its neighbours: {busy}"


def test_nothing_asks_whether_an_attribute_exists() -> None:
    guesses = []
    for name, node in nodes():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        is_literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        if node.func.id == "hasattr" or (node.func.id == "getattr" and is_literal):
            guesses.append(f"{name}:{node.lineno}")
    assert not guesses, f"parse at the edge instead of guessing at types: {guesses}"


def test_broad_except_stands_in_the_allowed_places_only() -> None:
    broad = {"Exception", "BaseException"}
    offenders = []
    for name, node in nodes():
        if not isinstance(node, ast.ExceptHandler) or name in BROAD_EXCEPT:
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if any(
            item is None or (isinstance(item, ast.Name) and item.id in broad) for item in caught
        ):
            offenders.append(f"{name}:{node.lineno}")
    assert not offenders, f"a swallowed bug answers wrongly in silence: {offenders}"


def test_nothing_uses_pickle_or_evaluates_text() -> None:
    offenders = []
    for name, node in nodes():
        if isinstance(node, ast.Import) and UNPICKLERS & {alias.name for alias in node.names}:
            offenders.append(f"{name}:{node.lineno}")
        if isinstance(node, ast.ImportFrom) and node.module in UNPICKLERS:
            offenders.append(f"{name}:{node.lineno}")
        if isinstance(node, ast.keyword) and (node.arg, ast.unparse(node.value)) in ALLOWS_PICKLE:
            offenders.append(f"{name}:{node.value.lineno}")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"eval", "exec"}
            and name not in RUNS_PROGRAMS
        ):
            offenders.append(f"{name}:{node.lineno}")
    assert not offenders, f"stored bytes must never become code: {offenders}"


def test_files_and_functions_stay_below_the_ceilings() -> None:
    offenders = []
    for path in sorted(PACKAGE.rglob("*.py")):
        lines = len(path.read_text().splitlines())
        if lines > MAX_FILE_LINES:
            offenders.append(f"{path.relative_to(PACKAGE)}: {lines} lines")
    for name, node in nodes():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                offenders.append(f"{name}:{node.lineno} {node.name}: {length} lines")
    assert not offenders, f"is there a second reason to change in here? {offenders}"


def test_the_tree_in_the_readme_is_the_tree() -> None:
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"```tree\n(.*?)```", readme, re.DOTALL)
    assert block, "README needs a ```tree block: one phrase per folder"
    told = set(re.findall(r"^\s{2}([a-z_/]+)/\s", block.group(1), re.MULTILINE))
    real = {
        str(path.parent.relative_to(PACKAGE))
        for path in PACKAGE.rglob("__init__.py")
        if path.parent != PACKAGE
    }
    assert told == real, f"only in README: {told - real}; missing there: {real - told}"


def test_every_pitfall_listed_as_guarded_has_a_test() -> None:
    listed = set(re.findall(r"^\| (P\d+) \|", (ROOT / "docs" / "pitfalls.md").read_text(), re.M))
    marked: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        marked |= set(re.findall(r'pitfall\("(P\d+)"\)', path.read_text()))
    assert listed, "docs/pitfalls.md lists no guarded pitfall"
    assert listed == marked, f"listed only: {listed - marked}; marked only: {marked - listed}"


def test_no_address_key_or_machine_path_stands_in_the_repository() -> None:
    places = [re.escape(f"{place}/") for place in (ROOT.parent, Path.home())]
    pattern = re.compile("|".join([*places, r"sk-[A-Za-z0-9]{20,}", r"AKIA[A-Z0-9]{12,}"]))
    offenders = [
        str(path.relative_to(ROOT))
        for folder in ("src", "docs", "recipes", "examples")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".html", ".js", ".css", ".j2"}
        if pattern.search(path.read_text(errors="replace"))
    ]
    assert not offenders, f"addresses and secrets do not belong into code: {offenders}"
