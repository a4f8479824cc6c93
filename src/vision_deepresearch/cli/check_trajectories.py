"""What `vdr world check --run` does with a run of trajectories: their messages against the truth."""

from pathlib import Path

from pydantic import JsonValue

from vision_deepresearch.cli.output import console, print_json, progress_bars
from vision_deepresearch.cli.research import prepare_world
from vision_deepresearch.core.content import Message
from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.trajectory import Trajectory
from vision_deepresearch.evals.checker.trajectories import CheckedTrajectories, check_trajectory
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.synth.trajectories.records import Accepted
from vision_deepresearch.synth.vqa.dataset import latest_stages
from vision_deepresearch.wiring.worlds import open_world

_LAST = "accept"
_READABLE = "vdr"
"""The profile whose tags the checker reads."""
_MAX_TOLD = 20


def check(world: str, *, run: Path, limit: int | None, json_wanted: bool) -> int:
    """Check accepted trajectories, and say which have what flaw; exit code 1 if any has."""
    target = console(json_wanted=json_wanted)
    opened = open_world(prepare_world(world, target=target))
    _refuse_another_world(run, world_id=opened.world.manifest().world_id)
    with progress_bars(target) as advance:
        records = _accepted(run)[:limit]
        reports = []
        for number, record in enumerate(records, 1):
            proof = record.proof
            if proof is None and opened.truth is not None:
                proof = opened.truth.proof(record.task.id)
            if proof is None:
                msg = f"nothing is known of the truth of {record.id}: it cannot be checked"
                raise ConfigError(msg)
            messages = _messages(record.trajectory)
            reports.append(check_trajectory(record.id, messages, task=record.task, proof=proof))
            advance("trajectories", number, len(records))
    checked = CheckedTrajectories(reports=tuple(reports))
    looked_at: dict[str, JsonValue] = {
        "calls": sum(report.num_calls for report in reports),
        "boxes": sum(report.num_boxes for report in reports),
        "truths_said": sum(report.num_truths for report in reports),
    }
    flawed = [report for report in reports if report.found]
    if json_wanted:
        print_json({
            "run": str(run),
            "trajectories": len(reports),
            "flawed": checked.num_flawed,
            "failures": dict[str, JsonValue](checked.failures),
            "looked_at": looked_at,
            "reports": [report.model_dump(mode="json") for report in flawed],
        })
    else:
        told = ", ".join(f"{count:,} {name}" for name, count in looked_at.items())
        target.print(f"{len(reports):,} trajectories, {checked.num_flawed:,} flawed ({told})")
        for flaw, count in checked.failures.items():
            target.print(f"{flaw:20} {count:,}")
        for report in flawed[:_MAX_TOLD]:
            first = report.found[0]
            target.print(f"{report.id} turn {first.turn}: {first.why}", soft_wrap=True)
    return 1 if checked.num_flawed else 0


def _refuse_another_world(run: Path, *, world_id: str) -> None:
    with RunFolder.read(run) as folder:
        about = folder.provenance.get("world")
    made_in = about.get("world_id") if isinstance(about, dict) else None
    if made_in != world_id:
        msg = (
            f"{str(run)!r} was made in world {made_in!r}, this is {world_id!r}: name the world that "
            "its config.toml names"
        )
        raise ConfigError(msg)


def _accepted(run: Path) -> list[Accepted]:
    with RunFolder.read(run) as folder:
        last = latest_stages(folder)[_LAST]
        found = [Accepted.model_validate(made) for item in folder.items(last) for made in item.made]
    strange = next((one for one in found if one.trajectory.profile != _READABLE), None)
    if strange is not None:
        msg = (
            f"{strange.id} was written with profile {strange.trajectory.profile!r}: the checker reads "
            f"the tags of {_READABLE!r} alone"
        )
        raise ConfigError(msg)
    return sorted(found, key=lambda one: one.id)


def _messages(trajectory: Trajectory) -> list[Message]:
    """The conversation that is trained on."""
    turns = [message for turn in trajectory.turns for message in (turn.reply, *turn.results)]
    return [*trajectory.prompt, *turns]
