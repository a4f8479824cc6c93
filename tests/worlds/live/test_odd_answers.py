"""Answers that are odd in their shape: every text provider makes of each row what it says."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.worlds.live.double import Answer, Double
from tests.worlds.live.engines import words_at
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.worlds.live.catalog import TEXT
from vision_deepresearch.worlds.live.tolerant import MAX_TITLE_CHARS

ROWS = Path(__file__).resolve().parent / "rows" / "search_json.jsonl"
URL_KEYS = {"serper": "link", "zhipu": "link"}
LISTS = {"serper": "organic", "zhipu": "search_result"}


def rows() -> list[dict[str, JsonValue]]:
    return [json.loads(line) for line in ROWS.read_text().splitlines()]


def made(name: str, given: Mapping[str, JsonValue]) -> Answer:
    """A row's answer in a provider's own words."""
    if "raw" in given:
        raw = given["raw"]
        text = "[" * int(str(raw["open"])) if isinstance(raw, dict) else str(raw)
        return Answer(raw=text.encode())
    items = given["items"]
    if isinstance(items, dict) and "repeat" in items:
        items = [{"url": f"https://n{number}.org/"} for number in range(int(str(items["repeat"])))]
    if isinstance(items, list):
        items = [hit(name, item) if isinstance(item, dict) else item for item in items]
    listed: dict[str, JsonValue] = {LISTS.get(name, "results"): items}
    return Answer(body={"type": "search", "web": listed} if name == "brave" else listed)


def hit(name: str, item: Mapping[str, JsonValue]) -> JsonValue:
    found = dict(item)
    if "gen_url" in found:
        found["url"] = "https://b.org/" + "x" * int(str(found.pop("gen_url")))
    if "gen_title" in found:
        found["title"] = "x" * int(str(found.pop("gen_title")))
    if "url" in found:
        found[URL_KEYS.get(name, "url")] = found.pop("url")
    return found


@pytest.mark.parametrize("name", sorted(TEXT))
async def test_every_row_of_odd_answers_gets_its_verdict(name: str) -> None:
    for row in rows():
        given, expect = row["input"], row["expect"]
        assert isinstance(given, dict)
        assert isinstance(expect, dict)
        with Double(made(name, given)) as double:
            async with words_at(name, double) as engine:
                try:
                    hits = await engine.search_text("x", limit=5)
                except WorldError as failure:
                    told: JsonValue = failure.kind.value
                else:
                    told = [found.url for found in hits]
                    assert all(len(found.title) <= MAX_TITLE_CHARS for found in hits)
                    json.dumps([found.model_dump(mode="json") for found in hits]).encode()
        assert told == expect.get("urls", expect.get("kind")), (name, row["id"])
