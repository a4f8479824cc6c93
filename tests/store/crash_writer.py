"""A run that can be killed at any moment: started by the crash tests as a process of its own.

Says on stdout what was acknowledged ("ack N") and what was asked of the outside ("call KEY"),
each line in one write, so that the lines outlive the process.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.builders import a_task, a_trajectory
from vision_deepresearch.core.episode import Decision, Verdict, episode_of
from vision_deepresearch.core.errors import WorldError
from vision_deepresearch.store.recording import Reply, Request
from vision_deepresearch.store.run import RunFolder

CONCURRENCY = 8
CALLS_EACH = 3


def say(line: str) -> None:
    """Write a line to stdout at once."""
    os.write(1, f"{line}\n".encode())


async def main(folder: Path, num_tasks: int) -> None:
    """Finish the run: every task once, with some calls each."""
    async with RunFolder.open(folder, config="size = 1\n", provenance={}) as run:
        tape = run.tape()
        finished = run.done()
        tasks = [a_task(ref=f"crash/{number}") for number in range(num_tasks)]
        queue = iter([(n, task) for n, task in enumerate(tasks) if (task.id, 0) not in finished])
        say("open")

        async def work() -> None:
            for number, task in queue:
                for step in range(CALLS_EACH):

                    async def call(key: str = f"{number}/{step}") -> Reply:
                        say(f"call {key}")
                        await asyncio.sleep(0)
                        return Reply(value=f'"{key}"', cost_usd=0.25)

                    request = Request(
                        kind="text_search",
                        provider="test",
                        version=1,
                        body={"number": number, "step": step},
                    )
                    answer = await tape.ask(request, call, error=WorldError)
                    assert answer.reply.value == f'"{number}/{step}"'
                verdict = Verdict(decision=Decision.CORRECT, reason="equal", judge="test")
                await run.put_episode(episode_of(task, a_trajectory(task), verdict))
                say(f"ack {number}")

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(work())
        say("done")


if __name__ == "__main__":
    with asyncio.Runner() as runner:
        runner.run(main(Path(sys.argv[1]), int(sys.argv[2])))
