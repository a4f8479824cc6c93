"""Judges for stored answers: by profile, without world, tools or researcher.

What their models say is kept on a tape in the run folder's `scores/`, so that a command that was killed
goes on and pays for nothing twice. What a judge could not decide is another sample when it is asked again.
"""

import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.core.content import Conversation, ToolSpec
from vision_deepresearch.core.context import Budget, CallContext, SpendKind
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.protocols import Completion, Judge, ModelClient, Sampling
from vision_deepresearch.core.purse import Purse, PursedBudget
from vision_deepresearch.evals.scores import FOLDER, undecided_before
from vision_deepresearch.judge.emulated import NAME as EMULATED
from vision_deepresearch.judge.emulated import EmulatedJudge, read_prompt
from vision_deepresearch.judge.entities import NAME as ENTITIES
from vision_deepresearch.judge.entities import EntityJudge
from vision_deepresearch.judge.llm import LlmJudge
from vision_deepresearch.judge.metrics import METRICS, MetricJudge
from vision_deepresearch.judge.profiles import PROFILES, judge_profile
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import MemoryMediaStore
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.provenance import provenance
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape import Tape
from vision_deepresearch.store.view import RunView
from vision_deepresearch.wiring.config import make_config, refuse_unpriced, to_toml
from vision_deepresearch.wiring.judges import check_not_judged
from vision_deepresearch.wiring.models import ModelShelf

RULES = "rules"
JUDGES = (RULES, *METRICS, ENTITIES, *PROFILES, EMULATED)
"""By name; those of `METRICS` and the rules ask no model, `entities` need not."""
TAPE = "tape.db"
_ROUND = 100
"""Places of a tape that one verdict may take: more than any profile's asks."""
_OTHERS = "predictions:"
"""Before the name of another system, where a run's config has its model."""


@asynccontextmanager
async def open_judges(
    run: Path,
    *,
    names: Sequence[str],
    judge_model: str | None,
    allow_self: bool,
    overrides: Sequence[str] = (),
    budget_usd: float | None = None,
    prompt: Path | None = None,
) -> AsyncIterator[list[Judge]]:
    """The judges of these names for the answers of a run.

    Args:
        run: its config says whose answers they are.
        names: of `JUDGES`.
        judge_model: of those that ask one.
        allow_self: let a model judge its own answers.
        overrides: `judge_endpoint.KEY=VALUE`.
        budget_usd: of all judging in this folder, earlier commands included; None: no cap.
        prompt: of `emulate-2026-05`: the released prompt.

    Raises:
        ConfigError: no such judge, no model for one or one for none, the judged model itself, a
            cap without prices, or no run.
    """
    _check(names, judge_model=judge_model, overrides=overrides, prompt=prompt)
    researcher, client = judged_models(run)
    async with AsyncExitStack() as stack:
        if judge_model is None:
            yield [_without_model(name) for name in dict.fromkeys(names)]
            return
        values: dict[str, JsonValue] = {
            "model": researcher,
            "judge": "strict",
            "judge_model": judge_model,
            "allow_self_judge": allow_self,
            "summariser": "passages",
        }
        config = make_config(values, overrides=overrides)
        if budget_usd is not None:
            role = ("judge_endpoint", judge_model, config.judge_endpoint)
            refuse_unpriced([role], max_usd=budget_usd)
        check_not_judged(config)
        (run / FOLDER).mkdir(parents=True, exist_ok=True)
        tape = await stack.enter_async_context(Tape.open(run / FOLDER / TAPE))
        budget = Budget()
        if budget_usd is not None:
            purse = Purse(max_usd=budget_usd, spent_usd=tape.spent_usd())
            budget = PursedBudget(purse=purse)
        protected = _protected(run)
        judges: list[Judge] = []
        for name in dict.fromkeys(names):
            if name not in PROFILES and name not in {EMULATED, ENTITIES}:
                judges.append(_without_model(name))
                continue
            # A client each: a scripted one counts what it said about an attempt.
            model = ModelShelf(config, media=MemoryMediaStore(), stack=stack).judge()
            asked = _Asked(model, tape=tape, protected=protected)
            judge: LlmJudge | EmulatedJudge | EntityJudge
            if name == ENTITIES:
                judge = EntityJudge(asked, policy_name=client, allow_self=allow_self, budget=budget)
            elif prompt is not None and name == EMULATED:
                judge = EmulatedJudge(
                    asked,
                    prompt=read_prompt(prompt),
                    policy_name=client,
                    allow_self=allow_self,
                    budget=budget,
                )
            else:
                judge = LlmJudge(
                    asked,
                    profile=judge_profile(name),
                    policy_name=client,
                    allow_self=allow_self,
                    budget=budget,
                )
            asked.rounds = undecided_before(run, judge.profile_id)
            judges.append(judge)
        yield judges


class _Asked:
    """A judge's model behind the tape of a run folder's scores."""

    def __init__(self, model: ModelClient, *, tape: Tape, protected: frozenset[str]) -> None:
        self._model = model
        self._taped = TapedModel(model, tape, spend=SpendKind.JUDGE)
        self._protected = protected
        self.rounds: Counter[tuple[str, int]] = Counter()
        """How often nothing was decided about an attempt: such a sample does not come again."""

    @property
    def name(self) -> str:
        """As the model's."""
        return self._model.name

    async def complete(
        self,
        conversation: Conversation,
        *,
        tools: Sequence[ToolSpec],
        sampling: Sampling,
        context: CallContext,
    ) -> Completion:
        """As the model; a reply about a protected task quotes it and is not kept."""
        model = self._model if context.task_id in self._protected else self._taped
        rounds = self.rounds[context.task_id, context.attempt]
        here = context.at(turn=context.turn, index=context.index + _ROUND * rounds)
        return await model.complete(conversation, tools=tools, sampling=sampling, context=here)


def _check(
    names: Sequence[str],
    *,
    judge_model: str | None,
    overrides: Sequence[str],
    prompt: Path | None,
) -> None:
    unknown = [name for name in names if name not in JUDGES]
    if unknown:
        msg = f"a judge is one of {', '.join(JUDGES)}, got {', '.join(unknown)}: name one of them"
        raise ConfigError(msg)
    wrong = [one for one in overrides if not one.startswith("judge_endpoint.")]
    if wrong:
        msg = f"scoring takes --set judge_endpoint.KEY=VALUE alone, got {wrong[0]!r}: leave it out"
        raise ConfigError(msg)
    asking = [name for name in names if name in {*PROFILES, EMULATED, ENTITIES}]
    needing = [name for name in asking if name != ENTITIES]
    if needing and judge_model is None:
        msg = f"judge {needing[0]!r} asks a model: name it with --judge-model, such as openai:gpt-5"
        raise ConfigError(msg)
    if judge_model is not None and not asking:
        msg = (
            f"judge {names[0]!r} asks no model: leave --judge-model out, or name a judge that does"
        )
        raise ConfigError(msg)
    if (EMULATED in names) != (prompt is not None):
        msg = (
            f"judge {EMULATED!r} and --judge-prompt FILE go together: the released prompt is not "
            "part of this package"
        )
        raise ConfigError(msg)


def _without_model(name: str) -> Judge:
    if name == ENTITIES:
        return EntityJudge(None)
    return RuleJudge() if name == RULES else MetricJudge(name)


def _protected(run: Path) -> frozenset[str]:
    with RunView(run) as view:
        return frozenset(task.id for task in view.tasks() if task.protected)


def judged_models(run: Path) -> tuple[str, str]:
    """Whose answers a run folder holds: as its config names the model, and as its client was called.

    Raises:
        ConfigError: it is no run folder.
    """
    with RunFolder.read(run) as view:
        name = str(tomllib.loads(view.config).get("model", "unknown")).removeprefix(_OTHERS)
        return name, str(view.provenance.get("model") or name)


@asynccontextmanager
async def open_predictions(out: Path, *, system: str, mode: str) -> AsyncIterator[RunFolder]:
    """A run folder for the answers of another system.

    Raises:
        ConfigError: another run is there.
    """
    values: dict[str, JsonValue] = {"model": f"{_OTHERS}{system}", "mode": mode}
    about = provenance(seeds={}, model=system)
    async with RunFolder.open(out, config=to_toml(values), provenance=about) as run:
        yield run
