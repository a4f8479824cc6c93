"""Entity Recall: did the search come across the entities that lead to the answer? 0 or 1 per trajectory.

What was found stands in the place of the answer (see `evals.found`). All names found word for word: 1,
without a model. Else a model is asked, for synonyms and other ways count; without one, only the closed
names of generated worlds are decided. A task without gold entities is none: abstain, never 0.

Source: VDR-Bench (arXiv 2602.02185), Entity Recall; its prompt is not published.
"""

import re
import unicodedata
from collections.abc import Sequence

from vision_deepresearch.core.content import Message, Role, trusted
from vision_deepresearch.core.context import Budget
from vision_deepresearch.core.episode import Decision, Verdict
from vision_deepresearch.core.errors import BoundaryError, FailureKind
from vision_deepresearch.core.protocols import FinishReason, ModelClient, Sampling
from vision_deepresearch.core.task import Task
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.core.untrusted import neutralise
from vision_deepresearch.judge.calls import CALL_S, JudgeCalls
from vision_deepresearch.judge.case import Piece, cut_middle, lay_out_pieces
from vision_deepresearch.judge.llm import check_not_self
from vision_deepresearch.judge.profiles import JudgeProfile
from vision_deepresearch.judge.verdicts import read_verdict

NAME = "entities"
ENTITIES = JudgeProfile(
    name=NAME,
    version=1,
    prompt="entities.md",
    prompt_sha256="2a5591ea923996ed798029c52732d99e401f9a532c787266cfaa5b45bd3c19ef",
    again_sha256="148e0ed71295a3ad1f9ccb2a6668086cc53fb69d1a17ae16eb74f19b701ad0ea",
    case="entities/1",
    rules="named/1",
    rules_may_reject=False,
    max_answer_chars=25_000,
)


class EntityJudge:
    """Decides by names, then by a model where there is one."""

    def __init__(
        self,
        model: ModelClient | None,
        *,
        policy_name: str = "",
        allow_self: bool = False,
        budget: Budget | None = None,
    ) -> None:
        """Take a model, or none.

        Raises:
            ConfigError: the judge is the judged model.
        """
        self._calls: JudgeCalls | None = None
        self._profile_id = f"{NAME}/{ENTITIES.version}"
        if model is not None:
            check_not_self(model.name, policy_name, allowed=allow_self)
            self._profile_id = ENTITIES.id_with(model.name)
            sampling = Sampling(temperature=ENTITIES.temperature, max_tokens=ENTITIES.max_tokens)
            self._calls = JudgeCalls(
                model, sampling=sampling, concurrency=8, budget=budget, call_s=CALL_S
            )

    @property
    def profile_id(self) -> str:
        """Name and version; with a model its name and the hash of the profile."""
        return self._profile_id

    async def judge(self, task: Task, trajectory: Trajectory) -> Verdict:
        """Decide on what was found, which is the trajectory's answer here."""
        by_name = recall_by_name(task, trajectory)
        is_settled = by_name.score is None or by_name.decision is Decision.CORRECT
        if self._calls is None or is_settled:
            return by_name.model_copy(update={"judge": self._profile_id})
        return await self._by_model(self._calls, task, trajectory, share=by_name.score or 0.0)

    async def _by_model(
        self, calls: JudgeCalls, task: Task, trajectory: Trajectory, *, share: float
    ) -> Verdict:
        entities = (task.gold.entities or ()) if task.gold else ()
        found = cut_middle(trajectory.answer or "", max_chars=ENTITIES.max_answer_chars)
        pieces = [
            Piece(name="QUESTION", text=neutralise(task.question)),
            *(
                Piece(name=f"ENTITY {number}", text=neutralise(text))
                for number, text in enumerate(entities, start=1)
            ),
            Piece(name="FOUND", text=neutralise(found)),
        ]
        conversation = [
            Message(role=Role.SYSTEM, parts=(trusted(ENTITIES.instructions),)),
            lay_out_pieces(pieces),
        ]
        for number in range(ENTITIES.max_asks):
            try:
                completion = await calls.ask(conversation, about=trajectory, number=number)
            except BoundaryError as error:
                why = f"the judge could not be asked ({error.kind.value})"
                return self._abstain(why, failure=error.kind)
            is_whole = completion.finish is not FinishReason.LENGTH
            ruling = read_verdict(completion.text) if is_whole else None
            if ruling is not None:
                return Verdict(
                    decision=ruling.decision,
                    reason="as the model says",
                    judge=self._profile_id,
                    decided_by="model",
                    score=share,
                )
            conversation.append(Message(role=Role.USER, parts=(trusted(ENTITIES.reminder),)))
        return self._abstain(f"{ENTITIES.max_asks} replies of the judge hold no verdict")

    def _abstain(self, reason: str, *, failure: FailureKind | None = None) -> Verdict:
        return Verdict(
            decision=Decision.ABSTAIN,
            reason=reason,
            judge=self._profile_id,
            decided_by="nobody",
            failure=failure,
        )


def recall_by_name(task: Task, found: Trajectory) -> Verdict:
    """Entity Recall by names alone; abstains where a name that is missing may have synonyms.

    Args:
        task: with gold entities, or there is nothing to decide and no score.
        found: what was found stands in its answer.
    """
    profile_id = f"{NAME}/{ENTITIES.version}"
    entities = task.gold.entities if task.gold else None
    if not entities or task.gold is None:
        return Verdict(
            decision=Decision.ABSTAIN,
            reason="the task has no gold entities",
            judge=profile_id,
            decided_by="nobody",
        )
    num_named = len(named_in(entities, found.answer or ""))
    is_whole = num_named == len(entities)
    # Only a generated world has checkable golds and names without synonyms.
    is_closed = task.gold.type.is_checkable and task.kind != "benchmark"
    is_decided = is_whole or is_closed
    decision = Decision.CORRECT if is_whole else Decision.INCORRECT
    return Verdict(
        decision=decision if is_decided else Decision.ABSTAIN,
        reason=f"{num_named} of {len(entities)} are named"
        + ("" if is_decided else ": a model has to be asked about synonyms"),
        judge=profile_id,
        decided_by="rule" if is_decided else "nobody",
        score=num_named / len(entities),
    )


def named_in(names: Sequence[str], text: str) -> list[str]:
    """The names that stand in a text as whole words, whatever their case and width."""
    plain = _plain(text)
    return [
        name
        for name in names
        if re.search(rf"(?<!\w){re.escape(_plain(name))}(?!\w)", plain) is not None
    ]


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
