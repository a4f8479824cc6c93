"""The judge of the released runner of May 2026, to reproduce its figures with its errors.

The prompt is a file that the user gives. The reply is read as the released code reads it, and where it
reads nothing, a normalised exact match with the reference decides in silence. One departure: where the
model cannot be asked, that code compares texts as well; here the answer stays unjudged, for an outage
is no property of a criterion.

Source: Osilly/Vision-DeepResearch@67af60f, rllm/eval/eval_runner.py.
"""

import hashlib
import re
from pathlib import Path

from vision_deepresearch.core.content import Message, Role, trusted, untrusted
from vision_deepresearch.core.context import Budget
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import BoundaryError, ConfigError
from vision_deepresearch.core.protocols import ModelClient, Sampling
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.judge.calls import CALL_S, JudgeCalls
from vision_deepresearch.judge.llm import check_not_self
from vision_deepresearch.judge.replies import read_as_released
from vision_deepresearch.judge.rules import judge_outcome

NAME = "emulate-2026-05"
_PLACES = ("question", "reference_answer", "assistant_answer")
"""In braces in the prompt, as the released code names them."""
_PLACE = re.compile(r"\{(" + "|".join(_PLACES) + r")\}")
_SYSTEM = "You are a helpful assistant."
_MAX_TOKENS = 1024
_EDGES = ".,;:!?\"'"


class EmulatedJudge:
    """Asks once, reads as the released runner does."""

    def __init__(
        self,
        model: ModelClient,
        *,
        prompt: str,
        policy_name: str,
        allow_self: bool = False,
        concurrency: int = 8,
        budget: Budget | None = None,
    ) -> None:
        """Take a prompt, see `read_prompt`.

        Raises:
            ConfigError: the judge is the judged model.
        """
        check_not_self(model.name, policy_name, allowed=allow_self)
        self._prompt = prompt
        digest = hashlib.sha256(prompt.encode()).hexdigest()[:8]
        self._profile_id = f"{NAME}/1+{model.name}+{digest}"
        self._calls = JudgeCalls(
            model,
            sampling=Sampling(temperature=0.0, max_tokens=_MAX_TOKENS),
            concurrency=concurrency,
            budget=budget,
            call_s=CALL_S,
        )

    @property
    def profile_id(self) -> str:
        """Name, version, model, hash of the prompt."""
        return self._profile_id

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        """Decide, or abstain where there is nothing to compare or nobody to ask."""
        settled = judge_outcome(task, trajectory)
        if settled is not None:
            return settled.model_copy(update={"judge": self._profile_id})
        assert task.gold is not None, "a task without gold is settled"
        answer = (trajectory.answer or "").strip()
        gold = " OR ".join(task.gold.answers)
        values = dict(zip(_PLACES, (task.question, gold, answer), strict=True))
        conversation = (
            Message(role=Role.SYSTEM, parts=(trusted(_SYSTEM),)),
            Message(role=Role.USER, parts=(untrusted(neutralise(self._filled(values))),)),
        )
        try:
            completion = await self._calls.ask(conversation, about=trajectory, number=0)
        except BoundaryError as error:
            return Verdict(
                decision=Decision.ABSTAIN,
                reason=f"the judge could not be asked ({error.kind.value})",
                judge=self._profile_id,
                decided_by="nobody",
                failure=error.kind,
            )
        said = read_as_released(completion.text)
        if said is not None:
            return Verdict(
                decision=said,
                reason="as the released parser reads the reply",
                judge=self._profile_id,
                decided_by="model",
            )
        is_same = any(_normal(answer) == _normal(one) for one in task.gold.answers)
        return Verdict(
            decision=Decision.CORRECT if is_same else Decision.INCORRECT,
            reason="the released parser reads nothing: exact match in its place",
            judge=self._profile_id,
        )

    def _filled(self, values: dict[str, str]) -> str:
        return _PLACE.sub(lambda place: values[place[1]], self._prompt)


def read_prompt(path: Path) -> str:
    """A prompt file: text with {question}, {reference_answer} and {assistant_answer} in it.

    Raises:
        ConfigError: it cannot be read, or one of the three is missing.
    """
    try:
        prompt = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        msg = f"a judge prompt is a text file in UTF-8, {str(path)!r} cannot be read: {reason}"
        raise ConfigError(msg) from reason
    missing = [name for name in _PLACES if f"{{{name}}}" not in prompt]
    if missing:
        msg = (
            f"the judge prompt {str(path)!r} lacks {', '.join(f'{{{one}}}' for one in missing)}: "
            "give the released runner's prompt with all three places to fill"
        )
        raise ConfigError(msg)
    return prompt


def _normal(text: str) -> str:
    return " ".join(text.lower().split()).strip(_EDGES)
