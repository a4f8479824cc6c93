"""What the doctor looks at: each check says what was found and, where it fails, what to do.

A check never raises for what it checks. Checks of a model go through the same client, profile and
wire as a run does, so that what passes here works there.
"""

import importlib.metadata
import importlib.util
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

from vision_deepresearch import __version__
from vision_deepresearch.cli.output import counted
from vision_deepresearch.core.answers import extract_answer
from vision_deepresearch.core.content import (
    Image,
    Message,
    Role,
    ToolCall,
    ToolSpec,
    trusted,
)
from vision_deepresearch.core.context import CallContext
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import BoundaryError, ConfigError, FailureKind
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import (
    Completion,
    Judge,
    MediaStore,
    ModelClient,
    Profile,
    Sampling,
    World,
)
from vision_deepresearch.core.task import Task
from vision_deepresearch.judge.sanity import sanity
from vision_deepresearch.media.testcard import draw_testcard
from vision_deepresearch.sandbox.probe import find_tier
from vision_deepresearch.sandbox.tiers import Tier
from vision_deepresearch.wiring.local import needs_local

_MIN_FREE_GB = 1.0
_SAMPLING = Sampling(temperature=0.0, max_tokens=2048)
_CONTEXT = CallContext(task_id="doctor", trajectory_id="doctor")
_WORD = "heliotrope"
_REMEDIES = {
    FailureKind.AUTH: "check the key: OPENAI_API_KEY, GEMINI_API_KEY or ANTHROPIC_API_KEY for "
    "openai:, gemini: and anthropic:, VDR_MODEL_KEY for an address of your own; and that the "
    "account may use this model and has credit",
    FailureKind.NOT_FOUND: "check the model's name (the part behind `:` or `#`) and that the "
    "address ends in /v1",
    FailureKind.BAD_REQUEST: "the endpoint takes another dialect: see docs/endpoints.md, and try "
    "--set endpoint.tools=text or name the server with --set endpoint.provider=vllm",
    FailureKind.RATE_LIMITED: "wait, or ask for less at a time with --set endpoint.concurrency=1",
    FailureKind.TIMEOUT: "is the server loading its weights? Give it time with "
    "--set endpoint.attempt_s=1200",
    FailureKind.UPSTREAM: "is the server running, and is its address right? Try "
    "`curl ADDRESS/models`",
    FailureKind.TOO_LARGE: "the model's context is very short: serve it with a longer one",
    FailureKind.REFUSED: "the provider's filter refused a harmless card: try another model",
}


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """Something is missing that not everybody needs."""
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    health: Health
    found: str
    remedy: str = ""
    """What to do about it; empty where nothing is to be done."""


# ------------------------------------------------------------------------------------- the machine


async def check_machine(cache: Path) -> list[Check]:
    """Versions, the folder worlds are kept in, optional parts, the sandbox."""
    versions = f"vdr {__version__}, Python {sys.version.split()[0]}"
    return [
        Check(name="program", health=Health.OK, found=versions),
        _check_cache(cache),
        _check_zim(),
        _check_local(),
        await _check_sandbox(),
    ]


async def _check_sandbox() -> Check:
    tier, results = await find_tier()
    found = "; ".join(f"tier {result.tier.value}: {result.reason}" for result in results)
    if tier is Tier.A:
        return Check(name="python tool", health=Health.OK, found=found)
    if tier is Tier.B:
        return Check(
            name="python tool",
            health=Health.OK,
            found=found,
            remedy="bubblewrap adds a layer where namespaces are allowed: apt install bubblewrap",
        )
    return Check(
        name="python tool",
        health=Health.WARN,
        found=f"model-written Python is refused ({found})",
        remedy="it needs Linux 5.13 or newer with Landlock and seccomp; every mode works without "
        "it, the tool says that it is off",
    )


def _check_cache(cache: Path) -> Check:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache) as file:
            file.write(b"written by vdr doctor")
        free_gb = shutil.disk_usage(cache).free / 1e9
    except OSError as error:
        return Check(
            name="cache folder",
            health=Health.FAIL,
            found=f"{cache} cannot be written: {error.strerror}",
            remedy="name a folder you may write to: export VDR_CACHE=FOLDER",
        )
    enough = free_gb >= _MIN_FREE_GB
    return Check(
        name="cache folder",
        health=Health.OK if enough else Health.WARN,
        found=f"{cache}, {free_gb:.1f} GB free",
        remedy="" if enough else "make room: a world takes tens to hundreds of megabytes",
    )


def _check_zim() -> Check:
    if importlib.util.find_spec("libzim") is not None:
        version = importlib.metadata.version("libzim")
        return Check(name="ZIM import", health=Health.OK, found=f"libzim {version}")
    return Check(
        name="ZIM import",
        health=Health.WARN,
        found="libzim is not installed: ZIM files cannot be imported",
        remedy="pip install 'vision-deepresearch[zim]' (GPL-3.0); folders and imported worlds "
        "need no extra",
    )


def _check_local() -> Check:
    """Whether models in this process can run; nothing is imported, for torch takes seconds."""
    try:
        needs_local()
    except ConfigError as error:
        return Check(
            name="local models",
            health=Health.WARN,
            found="torch or transformers is not installed: no models `local:PATH`, no training",
            remedy=str(error),
        )
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers")]
    if importlib.util.find_spec("torchvision") is not None:
        return Check(
            name="local models",
            health=Health.WARN,
            found=f"{', '.join(versions)}, and torchvision, which may not fit this torch",
            remedy="nothing here needs it: pip uninstall torchvision if local models fail to load",
        )
    return Check(name="local models", health=Health.OK, found=", ".join(versions))


# ---------------------------------------------------------------------------------------- a world


async def check_world(world: World, *, name: str, card: bytes, media: MediaStore) -> list[Check]:
    """Opened, searched by words and by picture, and read."""
    about = world.manifest()
    pages, pictures = about.counts.get("pages", 0), about.counts.get("pictures", 0)
    found = f"{about.name} ({about.kind}): {pages:,} pages, {pictures:,} pictures"
    if not pages:
        remedy = f"nothing was imported into {name!r}: look at its import.json"
        return [Check(name="world", health=Health.FAIL, found=found, remedy=remedy)]
    checks = [Check(name="world", health=Health.OK, found=found)]
    try:
        hits = await world.search_text(about.name, limit=3) or await world.search_text(
            "the history of the name", limit=3
        )
        looked = await world.search_image(media.picture(media.put(card)), limit=3)
        read = await world.read(hits[0].url) if hits else None
    except BoundaryError as error:
        return [
            *checks,
            Check(
                name="world answers",
                health=Health.FAIL,
                found=str(error),
                remedy="the folder is damaged: build or import the world again",
            ),
        ]
    said = (
        f"{counted(len(hits), 'text hit')}, {counted(len(looked), 'picture hit')} for a card that "
        "is not in it"
    )
    if read is not None:
        said += f", read {read.title!r} ({len(read.markdown):,} characters)"
    return [*checks, Check(name="world answers", health=Health.OK, found=said)]


# ---------------------------------------------------------------------------------------- a model


class _NoteArguments(BaseModel):
    word: str


async def check_model(
    model: ModelClient, *, profile: Profile, media: MediaStore, rng: random.Random
) -> AsyncIterator[Check]:
    """Reachable, sees, calls tools; what cannot be asked any more is skipped."""
    reached = await _check_reachable(model)
    yield reached
    if reached.health is Health.FAIL:
        for name in ("vision", "tool calls"):
            yield Check(name=name, health=Health.SKIPPED, found="the model cannot be reached")
        return
    yield await _check_vision(model, media=media, rng=rng)
    yield await _check_tools(model, profile=profile)


async def _check_reachable(model: ModelClient) -> Check:
    asked = [Message(role=Role.USER, parts=(trusted("Reply with the one word: ready"),))]
    reply = await _complete(model, asked)
    if isinstance(reply, Check):
        return reply
    said = " ".join(reply.text.split())[:60]
    usage = reply.usage
    price = "price unknown" if usage.cost_usd is None else f"${usage.cost_usd:.6f}"
    found = (
        f"{model.name} says {said!r}; {usage.prompt_tokens} + {usage.completion_tokens} tokens, "
        f"{price}"
    )
    if not reply.text.strip():
        remedy = "the reply is empty: a thinking model may need more than 2,048 reply tokens"
        return Check(name="model", health=Health.WARN, found=found, remedy=remedy)
    return Check(name="model", health=Health.OK, found=found)


async def _check_vision(model: ModelClient, *, media: MediaStore, rng: random.Random) -> Check:
    card, number = draw_testcard(rng)
    ref = media.put(card)
    question = "Which number is printed on this card? Reply with its digits alone."
    asked = [Message(role=Role.USER, parts=(Image(ref=ref), trusted(question)))]
    reply = await _complete(model, asked, name="vision")
    if isinstance(reply, Check):
        return reply
    digits = "".join(char for char in reply.text if char.isdecimal())
    if number in digits:
        return Check(name="vision", health=Health.OK, found=f"reads {number} on a drawn card")
    said = " ".join(reply.text.split())[:60]
    return Check(
        name="vision",
        health=Health.FAIL,
        found=f"the card says {number}, the model says {said!r}",
        remedy="this model does not see pictures, or its server drops them: use a multimodal "
        "model (for vLLM and SGLang look at the server's multimodal options)",
    )


async def _check_tools(model: ModelClient, *, profile: Profile) -> Check:
    spec = ToolSpec.of("note", description="Writes a word down.", arguments=_NoteArguments)
    task = Task(id="doctor", ref="doctor", kind="ask", question=_TOOL_QUESTION)
    prompt = profile.prompt(
        task, handles=(), tools=(spec,), mode=mode_named("ts"), today="2026-01-01"
    )
    sampling = _SAMPLING.model_copy(update={"stop": profile.stop})
    tools = (spec,) if profile.sends_tool_specs else ()
    reply = await _complete(model, prompt, name="tool calls", tools=tools, sampling=sampling)
    if isinstance(reply, Check):
        return reply
    parsed = profile.parse(reply, turn=0)
    wanted = ToolCall(id="", name="note", arguments={"word": _WORD})
    for call in parsed.calls:
        if call.name == wanted.name and call.arguments == wanted.arguments:
            found = f"calls a tool as asked, in profile {profile.name}"
            return Check(name="tool calls", health=Health.OK, found=found)
    if parsed.fault is not None:
        found = f"its reply does not fit profile {profile.name}: {parsed.fault.kind.value}"
    elif parsed.calls:
        found = f"called {parsed.calls[0].name} with other arguments than asked for"
    else:
        said = extract_answer(reply.text).answer or reply.text
        found = f"answered {' '.join(said.split())[:60]!r} instead of calling the tool"
    other = "vdr" if profile.name == "native" else "native"
    return Check(
        name="tool calls",
        health=Health.FAIL,
        found=found,
        remedy=f"try --profile {other}; for a server without tool support --set "
        "endpoint.tools=text; for vLLM --enable-auto-tool-choice with its --tool-call-parser",
    )


_TOOL_QUESTION = f"Write the word {_WORD} down with the tool note. Do nothing else."


async def _complete(
    model: ModelClient,
    asked: list[Message] | tuple[Message, ...],
    *,
    name: str = "model",
    tools: tuple[ToolSpec, ...] = (),
    sampling: Sampling = _SAMPLING,
) -> Completion | Check:
    try:
        return await model.complete(asked, tools=tools, sampling=sampling, context=_CONTEXT)
    except BoundaryError as error:
        return Check(
            name=name,
            health=Health.FAIL,
            found=str(error) if model.name in str(error) else f"{model.name}: {error}",
            remedy=_REMEDIES.get(error.kind, "see docs/endpoints.md"),
        )


# ---------------------------------------------------------------------------------------- a judge


async def check_judges(judge: Judge) -> AsyncIterator[Check]:
    """Three fixed cases: right in other words, wrong, a hedged list of candidates."""
    for case in await sanity(judge):
        yield Check(
            name=f"judge: {case.name}",
            health=Health.OK if case.is_ok else Health.FAIL,
            found=f"expected {case.expected.value}, got {case.verdict.decision.value} "
            f"({case.verdict.reason})",
            remedy="" if case.is_ok else _judge_remedy(case.verdict),
        )


def _judge_remedy(verdict: Verdict) -> str:
    if verdict.decision is Decision.ABSTAIN and verdict.decided_by == "nobody":
        return (
            "it gave no verdict: `vdr doctor --model`, with the name behind --judge-model, says "
            "what is wrong; mend it or take another"
        )
    return "do not score with this judge: use a stronger model or another profile"
