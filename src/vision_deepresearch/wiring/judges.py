"""Who decides whether an answer is right."""

from vision_deepresearch.core.context import Budget, SpendKind
from vision_deepresearch.core.protocols import Judge
from vision_deepresearch.judge.llm import LlmJudge, check_not_self
from vision_deepresearch.judge.profiles import judge_profile
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.models.endpoint import address_of
from vision_deepresearch.models.taped import TapedModel
from vision_deepresearch.store.tape import Tape
from vision_deepresearch.wiring.config import RunConfig, is_hosted
from vision_deepresearch.wiring.models import ModelShelf


def make_judge(
    config: RunConfig,
    *,
    shelf: ModelShelf,
    tape: Tape | None,
    budget: Budget | None = None,
    policy_name: str | None = None,
) -> Judge:
    """The judge a config names.

    Args:
        config: the run's.
        shelf: where its model comes from.
        tape: records what the model says, so that a run that goes on is not judged twice.
        budget: pays all verdicts; None: no cap.
        policy_name: name that the researcher's client had, where it is known without making one (which
            may take a key); None: the client is made and asked.

    Raises:
        ConfigError: no such model, or the researcher's own without `allow_self_judge`.
    """
    if config.judge == "rules" or config.judge_model is None:
        return RuleJudge()
    model = shelf.judge()
    check_not_judged(config)
    if policy_name is None:
        policy_name = shelf.researcher().name if is_hosted(config.model) else config.model
    return LlmJudge(
        model if tape is None else TapedModel(model, tape, spend=SpendKind.JUDGE),
        profile=judge_profile(config.judge),
        policy_name=policy_name,
        allow_self=config.allow_self_judge,
        budget=budget,
    )


def check_not_judged(config: RunConfig) -> None:
    """Refuse a judge that is named as the researcher is.

    Seats and scripts do not say in their clients' names which they are; a provider has two names.

    Raises:
        ConfigError: they are the same and `allow_self_judge` is off.
    """
    judge = address_of(config.judge_model or "")
    check_not_self(judge, address_of(config.model), allowed=config.allow_self_judge)
