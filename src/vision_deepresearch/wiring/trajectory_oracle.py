"""The offline teacher at work: the oracle, the truth's roles, a world, tools; no run folder.

Any process may open one: that is how the work is spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vision_deepresearch.agent.researcher import Researcher
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.mode import mode_named
from vision_deepresearch.core.protocols import MediaStore, TruthSource
from vision_deepresearch.judge.rules import RuleJudge
from vision_deepresearch.media.store import FolderMediaStore
from vision_deepresearch.models.oracle import OracleModel
from vision_deepresearch.models.oracle_habits import LIVELY, Habits
from vision_deepresearch.synth.roles.trajectories import TrajectoryRoles
from vision_deepresearch.synth.roles.trajectories_truth import TruthDescriber, TruthHitJudge
from vision_deepresearch.synth.stage import EachStage
from vision_deepresearch.synth.trajectories.degrade import DamagedTruth
from vision_deepresearch.synth.trajectories.records import Assignment
from vision_deepresearch.synth.trajectories.stages import trajectory_stages
from vision_deepresearch.synth.trajectories.teacher import PhasedTeacher
from vision_deepresearch.synth.vqa.dataset import VqaDataset, open_vqa_dataset
from vision_deepresearch.tools.summarise import PassagePicker
from vision_deepresearch.tools.toolset import build_tools
from vision_deepresearch.wiring.config import NoiseConfig
from vision_deepresearch.wiring.models import make_profile
from vision_deepresearch.wiring.trajectory_config import TrajectoryConfig
from vision_deepresearch.wiring.trajectory_crew import crew_of
from vision_deepresearch.wiring.vqa import truth_of_dataset
from vision_deepresearch.wiring.worlds import OpenedWorld, open_world, world_folder
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld


def oracle_stages(config: str, out: str) -> Sequence[EachStage]:
    """The stages, in a process of their own; the config as JSON."""
    return open_oracle(TrajectoryConfig.model_validate_json(config), out=Path(out)).stages


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleBench:
    """The workplace of the oracle."""

    source: OpenedWorld
    truth: TruthSource
    dataset: VqaDataset | None
    media: FolderMediaStore
    researcher: Researcher
    judge_id: str
    stages: tuple[EachStage, ...]


def open_oracle(config: TrajectoryConfig, *, out: Path) -> OracleBench:
    """Open what the stages need, without the run folder.

    Raises:
        ConfigError: a world whose truth is not known, settings that would do nothing here.
    """
    settings = config.trajectories
    _refuse_idle_settings(config)
    dataset = open_vqa_dataset(Path(settings.questions)) if settings.questions else None
    source = open_world(world_folder(config.run.world), embedder=config.run.embedder)
    truth = DamagedTruth(_truth(source, dataset))
    media = FolderMediaStore(out / "media")
    researcher = _researcher(config, source=source, truth=truth, media=media)
    judge = RuleJudge()
    roles = TrajectoryRoles(
        visual=researcher.model,
        text=researcher.model,
        hit_judge=TruthHitJudge(truth),
        describer=TruthDescriber(truth),
    )
    crew = crew_of(config, researcher=researcher, roles=roles, judge=judge)
    make_teacher = crew.make_teacher

    def make_knowing_teacher(record: Assignment) -> PhasedTeacher | None:
        truth.take(record)
        return make_teacher(record)

    if config.degrade is not None:
        crew = replace(crew, make_teacher=make_knowing_teacher)
    return OracleBench(
        source=source,
        truth=truth,
        dataset=dataset,
        media=media,
        researcher=researcher,
        judge_id=judge.profile_id,
        stages=trajectory_stages(crew),
    )


def _refuse_idle_settings(config: TrajectoryConfig) -> None:
    """Nothing that a user set may be without effect.

    Raises:
        ConfigError: other models, another judge or reader, or noise beside the oracle.
    """
    run, settings = config.run, config.trajectories
    idle = {
        "trajectories.text_model": settings.text_model is not None,
        "trajectories.judge_model": settings.judge_model is not None,
        "judge": run.judge != "rules",
        "summariser": run.summariser != "passages",
        "noise": run.noise != NoiseConfig(),
    }
    named = [name for name, is_set in idle.items() if is_set]
    if named:
        msg = f"the oracle needs no other model, judge or noise: leave {', '.join(named)} out"
        raise ConfigError(msg)


def _truth(source: OpenedWorld, dataset: VqaDataset | None) -> TruthSource:
    """What is known about the questions.

    Raises:
        ConfigError: a world whose truth is not known.
    """
    if source.generated is None or source.truth is None:
        about = source.world.manifest()
        msg = f"the oracle teaches in generated worlds only, {about.name!r} is a {about.kind} world"
        raise ConfigError(msg)
    if dataset is None:
        return source.truth
    return truth_of_dataset(source, dataset)


def _researcher(
    config: TrajectoryConfig, *, source: OpenedWorld, truth: DamagedTruth, media: MediaStore
) -> Researcher:
    run = config.run
    mode, profile = mode_named(run.mode), make_profile(run)
    oracle = OracleModel(
        truth,
        profile,
        max_turns=run.limits.max_turns,
        habits=replace(
            LIVELY if config.trajectories.is_lively else Habits(),
            verifies=config.trajectories.verify_evidence,
        ),
        repairs=truth.repairs,
    )
    return Researcher(
        model=oracle,
        profile=profile,
        tools=build_tools(
            mode.tools,
            world=MeteredWorld(source.world),
            media=media,
            summariser=PassagePicker(),
            limits=run.tools,
            offers_repair=config.degrade is not None,
        ),
        mode=mode,
        limits=run.limits,
        sampling=run.sampling,
        today=run.today,
        media=media,
    )
