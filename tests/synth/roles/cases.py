"""A picture with a gate in it, what searches gave for it, and a question about it on its way."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pydantic import JsonValue

from tests.builders import a_picture
from tests.models.chat_cases import a_client
from tests.models.openai_double import ChatRequest, OpenAiDouble, Script
from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.proof import Constraint, Hop, HopKind
from vision_deepresearch.core.protocols import ModelClient
from vision_deepresearch.core.task import AnswerType, Gold
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.endpoint import EndpointSettings, Provider
from vision_deepresearch.synth.vqa_records import (
    Crop,
    CutRegion,
    Draft,
    Finding,
    Hit,
    Photo,
    Verified,
    View,
)

WHERE = "farthest to the left"
GATE = Box(x0=0.05, y0=0.2, x1=0.35, y1=0.9)
SHIP = Box(x0=0.6, y0=0.2, x1=0.9, y1=0.6)
HITS = (
    Hit(url="https://a.example/gate", title="Kvarn Gate - A Wiki", label="match"),
    Hit(url="https://b.example/kvarn", title="The Kvarn Gate at night", caption="Old Gate"),
    Hit(url="https://shop.example/x", title="Buy posters of gates"),
)
PAGES = (
    Finding(
        query="Kvarn Gate",
        url="https://a.example/gate",
        title="Kvarn Gate",
        text="# Kvarn Gate\n\nIt was designed by Ilse Tolm, the mayor's aunt. It was built in 1874.",
    ),
    Finding(
        query="Kvarn Gate",
        url="https://c.example/history",
        title="A history",
        text="Kvarn Gate replaced the Stone Arch in the old wall. The mayor was Olaf Brand.",
    ),
)


class Stage:
    """A store with the picture, and a context as the engine gives it."""

    def __init__(self) -> None:
        self.media = MemoryMediaStore()
        self.ref: ImageRef = self.media.put(a_picture(width=320, height=240, seed=3))
        self.context = CallContext(task_id="stage/abc", trajectory_id="stage/abc")

    @property
    def picture(self) -> Picture:
        return self.media.picture(self.ref)

    @property
    def photo(self) -> Photo:
        return Photo(id="p1", image=self.ref, ref="gate.png", look="0" * 16)

    @property
    def region(self) -> CutRegion:
        crops = (Crop(scale=1.0, box=GATE), Crop(scale=1.5, box=GATE.scaled(1.5)))
        return CutRegion(
            id="p1.0",
            photo=self.photo,
            number=0,
            box=GATE,
            says="a gate",
            others=(SHIP,),
            crops=crops,
        )

    @property
    def views(self) -> list[View]:
        return [View(crop=crop, hits=HITS) for crop in self.region.crops]

    @property
    def subject(self) -> Verified:
        return Verified(
            id="p1.0",
            region=self.region,
            name="Kvarn Gate",
            aliases=("Old Gate",),
            page=HITS[0].url,
            urls=(HITS[0].url,),
            scales=(1.0, 1.5),
            domains=("a.example",),
        )

    @property
    def draft(self) -> Draft:
        look = Hop(
            id="h1", kind=HopKind.LOOK, box=GATE, pages=(HITS[0].url,), expected="Kvarn Gate"
        )
        place = Constraint(text=WHERE, predicate="position", value=WHERE, candidates_without=2)
        question = f"What is the name of the gate {WHERE}?"
        return Draft(
            id="p1.0.0",
            subject=self.subject,
            seed_question=question,
            question=question,
            gold=Gold(answers=("Kvarn Gate", "Old Gate"), type=AnswerType.NAME),
            hops=(look,),
            constraints=(place,),
            entities=("Kvarn Gate",),
            strata={"hops": "0", "shape": "seed"},
        )


@asynccontextmanager
async def asked(
    stage: Stage, script: Script, *, has_schemas: bool = True
) -> AsyncIterator[tuple[ModelClient, OpenAiDouble]]:
    """A model behind the wire, and the server that speaks for it; it must not have complained."""
    provider = Provider.VLLM if has_schemas else Provider.OTHER
    settings = EndpointSettings(provider=provider, max_attempts=2)
    async with (
        OpenAiDouble(script) as server,
        a_client(server, media=stage.media, settings=settings) as model,
    ):
        yield model, server
        assert server.problems == []


def said(value: JsonValue) -> str:
    return json.dumps(value)


def texts_of(request: ChatRequest) -> str:
    """All words of a request, pictures left out."""

    def words(content: JsonValue) -> str:
        if isinstance(content, list):
            return "".join(str(one.get("text", "")) for one in content if isinstance(one, dict))
        return str(content)

    return "\n".join(words(message.get("content")) for message in request.messages)


def by_prompt(steps: dict[str, Callable[[ChatRequest], str]]) -> Callable[[ChatRequest], str]:
    """A script that decides by words of the system message."""

    def step(request: ChatRequest) -> str:
        system = str(request.messages[0].get("content"))
        return next(make for words, make in steps.items() if words in system)(request)

    return step
