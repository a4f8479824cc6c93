"""Settings are typed, read in one place, and no address of anyone's machine stands in the code."""

import re
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.wiring.config import make_config

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "vision_deepresearch"
IMPORT_ALL = """
import importlib, pkgutil, sys, vision_deepresearch
extras = {"torch", "transformers", "onnxruntime", "onnx", "libzim", "qdrant_client", "ray", "tokenizers"}
extras |= {"inspect_ai"}
count = 0
for found in pkgutil.walk_packages(vision_deepresearch.__path__, "vision_deepresearch."):
    if found.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as missing:
        if missing.name.split(".")[0] not in extras:
            raise
    count += 1
print(count)
"""
NUMBERS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])")
TABLE = SOURCE / "worlds" / "fetch"
"""Where ranges are listed that must never be asked."""


@pytest.mark.pitfall("P91")
@pytest.mark.timeout(120)
def test_every_module_can_be_imported_with_an_empty_environment(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        env={"PYTHONPATH": str(ROOT / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) > 200
    assert list(tmp_path.iterdir()) == [], "an import wrote something"


@pytest.mark.pitfall("P91")
def test_no_address_of_a_machine_stands_in_code_or_recipes() -> None:
    found = []
    for path in (*sorted(SOURCE.rglob("*.py")), *sorted((ROOT / "recipes").rglob("*.toml"))):
        if TABLE in path.parents:
            continue
        for text in NUMBERS.findall(path.read_text(encoding="utf-8")):
            try:
                address = IPv4Address(text)
            except ValueError:
                continue
            if not (address.is_loopback or address.is_unspecified):
                found.append(f"{path.relative_to(ROOT)}: {text}")
    assert found == []


@pytest.mark.pitfall("P91")
@pytest.mark.parametrize("override", ["modle=oracle", "limits.max_turn=3", "seed=many", "tape=x:y"])
def test_a_setting_nobody_knows_is_refused(override: str) -> None:
    with pytest.raises(ConfigError):
        make_config({}, overrides=[override])
