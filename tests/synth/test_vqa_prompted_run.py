"""VQA synthesis played by models, from a folder of pictures to a task with its proof.

A made web of three pages: Kvarn Gate --designed by--> Ilse Tolm --born in--> Ostrel. A crop of the
gate finds its page. The model behind the wire is scripted by prompt.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.builders import a_picture
from tests.models.chat_cases import a_client
from tests.models.openai_double import ChatRequest, Fault, OpenAiDouble, Reply, Step
from tests.synth.roles.cases import said, texts_of
from tests.synth.roles.test_vqa_prompted import SELECTED, SPOTTED
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import Picture
from vision_deepresearch.core.errors import FailureKind, WorldError
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.endpoint import EndpointSettings, Provider
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import TapeMode
from vision_deepresearch.synth.carry_out import LocalExecutor
from vision_deepresearch.synth.pipeline import Made, run_pipeline
from vision_deepresearch.synth.roles.vqa_prompted import prompted_vqa_roles
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.synth.vqa.means import Means
from vision_deepresearch.synth.vqa.settings import ObfuscateSettings, VqaSettings
from vision_deepresearch.synth.vqa.stages import vqa_stages
from vision_deepresearch.synth.vqa_records import Finished, Move

WHERE = "farthest to the left"
PAGES = {
    "https://a.example/gate": ("Kvarn Gate", "It was designed by Ilse Tolm. It was built in 1874."),
    "https://b.example/tolm": ("Ilse Tolm", "Ilse Tolm was born in Ostrel, an architect."),
    "https://c.example/ostrel": ("Ostrel", "Ostrel is a town on a river."),
}


class Web:
    """A `World` of three pages."""

    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        del picture
        return [self.hit("https://a.example/gate")][:limit] if origin is not None else []

    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        named = [url for url, (title, _) in PAGES.items() if title in query]
        return [self.hit(url) for url in named][:limit]

    def hit(self, url: str) -> Evidence:
        return Evidence(kind=EvidenceKind.TEXT_HIT, url=url, title=PAGES[url][0], label="match")

    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        del cursor
        title, text = PAGES[url]
        return Page(url=url, final_url=url, title=title, markdown=text)

    async def asset(self, url: str) -> Asset:
        raise WorldError(FailureKind.NOT_FOUND, url)

    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="w", kind="live", name="web", format_version=1)


def chain(answer: str, relation: str, quote: str, question: str, page: int) -> JsonValue:
    return {
        "evidence": page,
        "relation": relation,
        "quote": quote,
        "answer": answer,
        "aliases": [],
        "answer_type": "name",
        "question": question,
    }


FIRST = chain(
    "Ilse Tolm",
    "designed by",
    "It was designed by Ilse Tolm.",
    f"Who designed the gate {WHERE}?",
    1,
)
SECOND = chain(
    "Ostrel",
    "born in",
    "Ilse Tolm was born in Ostrel, an architect.",
    f"In which town was the designer of the gate {WHERE} born?",
    1,
)


def replies(request: ChatRequest) -> Step:
    text = texts_of(request)
    asked = text.partition("BEGIN QUESTION")[2]
    script: dict[str, Callable[[], str]] = {
        "worth asking research questions": lambda: SELECTED,
        "You frame the things": lambda: SPOTTED,
        "You compare cuts": lambda: said({
            "views": [{"shows_same": [1], "name": "Kvarn Gate"}]
            * sum(f"\nCROP {n} (picture)" in text for n in range(1, 9)),
            "aliases": [],
        }),
        "the name of one thing in a picture": lambda: said({
            "question": f"What is the name of the gate {WHERE}?",
            "where": WHERE,
        }),
        "You choose words": lambda: said({
            "queries": ["Ilse Tolm" if "Who designed" in asked else "Kvarn Gate"]
        }),
        "one step longer": lambda: said({
            "candidates": [SECOND if "Who designed" in asked else FIRST]
        }),
        "You choose between ways": lambda: said({"index": 1, "reason": "It is stated."}),
        "You answer a question": lambda: said({"answer": None}),
        "what is wrong with a finished question": lambda: said({"objections": []}),
    }
    return next(make for words, make in script.items() if words in text)()


async def synthesise(
    script: Callable[[ChatRequest], Step], *, images: Path, out: Path, port: int = 0
) -> tuple[Made, int, int]:
    media = FolderMediaStore(out / "media")
    settings = VqaSettings(obfuscate=ObfuscateSettings(plans=((Move.CHAIN, Move.CHAIN),)))
    async with (
        OpenAiDouble(script, port=port) as server,
        a_client(
            server, media=media, settings=EndpointSettings(provider=Provider.VLLM, max_attempts=1)
        ) as client,
        RunFolder.open(out, config='kind = "test"\n', provenance={}) as run,
    ):
        model = TapedModel(client, run.tape(TapeMode.AUTO))
        roles = prompted_vqa_roles(model, model, media=media, images=images, licence="CC0-1.0")
        assert roles.collector is not None
        means = Means(world=Web(), media=media, roles=roles)
        stages = vqa_stages(means, settings, seed=0)
        each = [stage for stage in stages if isinstance(stage, EachStage)]
        made = await run_pipeline(
            stages, roles.collector.sources(10), run=run, executor=LocalExecutor(each)
        )
        return made, server.num_requests, server.port


def reasons_of(made: Made) -> dict[str, int]:
    return {reason: count for row in made.funnel for reason, count in row.rejected.items()}


def a_folder(root: Path) -> Path:
    root.mkdir()
    (root / "gate.png").write_bytes(a_picture(width=640, height=480, seed=1))
    (root / "poison.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 99)
    return root


async def test_a_picture_becomes_a_task_with_its_proof(tmp_path: Path) -> None:
    images = a_folder(tmp_path / "images")
    made, _, port = await synthesise(replies, images=images, out=tmp_path / "run")
    assert made.records
    one = made.records[0]
    assert isinstance(one, Finished)
    assert one.task.question == f"In which town was the designer of the gate {WHERE} born?"
    assert one.task.gold is not None
    assert one.task.gold.answers == ("Ostrel",)
    assert one.proof is not None
    assert [hop.expected for hop in one.proof.hops] == ["Kvarn Gate", "Ilse Tolm", "Ostrel"]
    assert reasons_of(made)["bad_image"] == 1
    again, num_again, _ = await synthesise(replies, images=images, out=tmp_path / "run", port=port)
    assert (again.records, num_again) == (made.records, 0)


@pytest.mark.parametrize(
    ("words", "step", "reason"),
    [
        ("You frame the things", Reply(text=None, refusal="No."), "refused"),
        ("You compare cuts", "no idea", "bad_reply"),
        ("one step longer", said({"candidates": []}), "no_candidates"),
        ("You answer a question", said({"answer": "Kvarn Gate"}), "known_by_heart"),
        (
            "finished question",
            said({"objections": [{"reason": "unnatural", "detail": "Hm."}]}),
            "unnatural",
        ),
    ],
)
async def test_what_a_model_does_costs_the_record(
    tmp_path: Path, words: str, step: Step, reason: str
) -> None:
    images = a_folder(tmp_path / "images")

    def script(request: ChatRequest) -> Step:
        return step if words in texts_of(request) else replies(request)

    made, *_ = await synthesise(script, images=images, out=tmp_path / "run")
    assert not made.records
    assert reason in reasons_of(made)


async def test_an_outage_is_tried_again(tmp_path: Path) -> None:
    images = a_folder(tmp_path / "images")

    def script(request: ChatRequest) -> Step:
        return Fault(503) if "one step longer" in texts_of(request) else replies(request)

    torn, before, port = await synthesise(script, images=images, out=tmp_path / "run")
    assert sum(row.outages for row in torn.funnel) > 0
    made, after, _ = await synthesise(replies, images=images, out=tmp_path / "run", port=port)
    assert made.records
    whole, num_all, _ = await synthesise(replies, images=images, out=tmp_path / "whole")
    assert [one.id for one in made.records] == [one.id for one in whole.records]
    assert before + after == num_all + 2, (
        "two questions met the outage; nothing else is asked again"
    )
