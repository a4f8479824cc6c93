"""A judge that asks a model where rules may not decide, and abstains where the model does not.

Order: no gold or the outside failed (abstain), no answer (incorrect), the rules as far as the
profile lets them, then the model. The model is shown question, references and answer; its reply is
read strictly. A judge that cannot be asked or understood is never a wrong answer.
"""

import unicodedata

from vision_deepresearch.core.content import Message, Role, trusted
from vision_deepresearch.core.context import Budget
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import BoundaryError, ConfigError, FailureKind
from vision_deepresearch.core.protocols import FinishReason, ModelClient, Sampling
from vision_deepresearch.core.task import Gold, Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.judge.calls import CALL_S, JudgeCalls
from vision_deepresearch.judge.case import lay_out
from vision_deepresearch.judge.profiles import NO_RULES, JudgeProfile
from vision_deepresearch.judge.replies import READERS
from vision_deepresearch.judge.rules import judge_answer, judge_outcome
from vision_deepresearch.judge.verdicts import Ruling

MAX_REASON_CHARS = 300


class LlmJudge:
    """Decides by rule or by model. One per run: it bounds how many calls run at a time."""

    def __init__(
        self,
        model: ModelClient,
        *,
        profile: JudgeProfile,
        policy_name: str,
        allow_self: bool = False,
        concurrency: int = 8,
        budget: Budget | None = None,
        call_s: float = CALL_S,
    ) -> None:
        """Read the prompts.

        Args:
            model: the judge; wrapped in a tape by who wants verdicts to replay.
            profile: how it is asked.
            policy_name: name of the model whose answers are judged.
            allow_self: let a model judge itself.
            concurrency: calls at a time.
            budget: of all verdicts together; None: no cap. A spent budget makes it abstain.
            call_s: seconds that one reply may take.

        Raises:
            ConfigError: the judge is the judged model, a prompt file was changed, or the
                concurrency is less than 1.
        """
        check_not_self(model.name, policy_name, allowed=allow_self)
        self._profile = profile
        self._profile_id = profile.id_with(model.name)
        self._instructions = Message(role=Role.SYSTEM, parts=(trusted(profile.instructions),))
        self._reminder = Message(role=Role.USER, parts=(trusted(profile.reminder),))
        self._read = READERS[profile.parser]
        self._calls = JudgeCalls(
            model,
            sampling=Sampling(temperature=profile.temperature, max_tokens=profile.max_tokens),
            concurrency=concurrency,
            budget=budget,
            call_s=call_s,
        )

    @property
    def profile_id(self) -> str:
        """Profile, version, model, hash of the profile: `strict/1+openai:gpt-5+3f9a12cc`."""
        return self._profile_id

    @property
    def budget(self) -> Budget:
        """What the verdicts of this judge cost; counted under `SpendKind.JUDGE`."""
        return self._calls.budget

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        """Decide, or abstain. The model is asked only where there is an answer to compare."""
        settled = judge_outcome(task, trajectory)
        if settled is not None:
            return settled.model_copy(update={"judge": self._profile_id})
        answer = (trajectory.answer or "").strip()
        assert task.gold is not None, "a task without gold is settled"
        needs_list = self._profile.case == "checklist/1"
        if needs_list and not task.gold.checklist:
            return self._abstain("the task has no check list, which this profile grades by")
        ruled = None if self._profile.rules == NO_RULES else self._by_rule(answer, gold=task.gold)
        if ruled is not None:
            return ruled
        message = lay_out(
            task.question,
            gold=task.gold,
            answer=answer,
            max_answer_chars=self._profile.max_answer_chars,
            shows_checklist=needs_list,
        )
        return await self._by_model(message, gold=task.gold, trajectory=trajectory)

    def _by_rule(self, answer: str, *, gold: Gold) -> Verdict | None:
        """What the rules may decide under this profile."""
        found = judge_answer(answer, gold=gold)
        may_reject = self._profile.rules_may_reject and gold.type.is_checkable
        is_decided = found.decision is Decision.CORRECT or (
            found.decision is Decision.INCORRECT and may_reject
        )
        return found.model_copy(update={"judge": self._profile_id}) if is_decided else None

    async def _by_model(self, message: Message, *, gold: Gold, trajectory: Trajectory) -> Verdict:
        conversation = [self._instructions, message]
        for number in range(self._profile.max_asks):
            try:
                completion = await self._calls.ask(conversation, about=trajectory, number=number)
            except BoundaryError as error:
                why = f"the judge could not be asked ({error.kind.value})"
                return self._abstain(why, failure=error.kind)
            # A reply that was cut may hold words it quotes and not its own verdict yet.
            is_whole = completion.finish is not FinishReason.LENGTH
            ruling = self._read(completion.text, gold) if is_whole else None
            if ruling is not None:
                return self._verdict(ruling)
            conversation.append(self._reminder)
        return self._abstain(f"{self._profile.max_asks} replies of the judge hold no verdict")

    def _verdict(self, ruling: Ruling) -> Verdict:
        detail = "" if ruling.is_attempted else "not attempted: "
        said = f'{detail}"{ruling.extracted_answer}": ' if ruling.extracted_answer else detail
        return Verdict(
            decision=ruling.decision,
            reason=_short(f"{said}{ruling.rationale}") or "the judge gave no reason",
            judge=self._profile_id,
            decided_by="model",
            is_attempted=ruling.is_attempted,
            score=ruling.score,
        )

    def _abstain(self, reason: str, *, failure: FailureKind | None = None) -> Verdict:
        return Verdict(
            decision=Decision.ABSTAIN,
            reason=reason,
            judge=self._profile_id,
            decided_by="nobody",
            failure=failure,
        )


def check_not_self(judge_name: str, policy_name: str, *, allowed: bool) -> None:
    """Refuse a model that judges its own answers: it finds them better than others do.

    Names are compared without case, space, scheme and closing slashes, endpoints included: the same
    model at another endpoint has another name and is the user's to know.

    Raises:
        ConfigError: they are the same and that is not allowed.
    """
    if allowed or _canonical(judge_name) != _canonical(policy_name):
        return
    msg = (
        f"the judge needs to be another model than the judged one, got {judge_name!r} for both:"
        " name another judge, or pass --allow-self-judge"
    )
    raise ConfigError(msg)


def _canonical(name: str) -> str:
    plain = "".join(unicodedata.normalize("NFKC", name).casefold().split())
    return plain.replace("https://", "").replace("http://", "").rstrip("/")


def _short(text: str) -> str:
    """One harmless line, cut."""
    line = " ".join(neutralise(text, max_chars=4 * MAX_REASON_CHARS).split())
    return line if len(line) <= MAX_REASON_CHARS else f"{line[: MAX_REASON_CHARS - 4]} ..."
