"""Processes that train one model together, one device each: what they add up and agree on.

Every process has all weights and takes a share of the rows of a batch. The losses of rows are
divided by what the whole batch counts, so gradients are added, never averaged: two processes take
the step that one would. One process alone is a group of one, for which nothing here does anything.
"""

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist

from vision_deepresearch.core.errors import ConfigError, TrainingStoppedError

T = TypeVar("T")

_PATIENCE = datetime.timedelta(hours=2)
"""How long one waits for the others: the first one saves and samples meanwhile."""
_BUCKET_NUMBERS = 1 << 24
"""Of gradients that are added up in one go: 64 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """This process among those of its run."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share_of(self, costs: Sequence[float]) -> list[int]:
        """Which of some pieces of work are this process's, rising; every one is somebody's.

        Longest first, each to who has the least so far: the same in every process.
        """
        loads = [0.0] * self.size
        mine: list[int] = []
        for index in sorted(range(len(costs)), key=lambda one: (-costs[one], one)):
            to = min(range(self.size), key=lambda rank: (loads[rank], rank))
            loads[to] += costs[index]
            if to == self.rank:
                mine.append(index)
        return sorted(mine)

    def total(self, value: float, *, device: torch.device) -> float:
        """Sum over all processes."""
        if self.size == 1:
            return value
        held = torch.tensor([value], dtype=torch.float64, device=device)
        with _heard():
            dist.all_reduce(held)
        return float(held)

    def add_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Let every process have the sum of all gradients; one that nobody has stays None.

        Cost: each gradient once over the wire, and a copy of 64 MiB.
        """
        if self.size == 1 or not parameters:
            return
        device = parameters[0].device
        there = torch.tensor([one.grad is not None for one in parameters], device=device).float()
        with _heard():
            dist.all_reduce(there)
        gradients: list[torch.Tensor] = []
        for one, count in zip(parameters, there.tolist(), strict=True):
            if count:  # a process without pictures has none for the vision tower
                one.grad = torch.zeros_like(one) if one.grad is None else one.grad
                gradients.append(one.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([one.reshape(-1) for one in bucket])
            with _heard():
                dist.all_reduce(flat)
            for one, added in zip(bucket, flat.split([one.numel() for one in bucket]), strict=True):
                one.copy_(added.view_as(one))

    def gathered(self, value: T) -> list[T]:
        """What every process has, by rank. For small things: it is pickled."""
        if self.size == 1:
            return [value]
        found: list[T | None] = [None] * self.size
        with _heard():
            dist.all_gather_object(found, value)
        return [one for one in found if one is not None]

    def from_first(self, value: T | None) -> T | None:
        """What the first process has; the others' is not looked at."""
        if self.size == 1:
            return value
        held = [value]
        with _heard():
            dist.broadcast_object_list(held, src=0)
        return held[0]

    def agree_on(self, value: str, *, what: str) -> None:
        """Stop where processes differ: they would add up gradients of different models.

        Raises:
            TrainingStoppedError: says who has what.
        """
        found = self.gathered(value)
        if len(set(found)) > 1:
            told = ", ".join(f"process {rank}: {one[:12]}" for rank, one in enumerate(found))
            msg = f"{what} should be the same in every process, got {told}: start from a checkpoint"
            raise TrainingStoppedError(msg)


@contextlib.contextmanager
def joined(*, rank: int, size: int, local_rank: int, device: str) -> Iterator[Peers]:
    """Meet the other processes; the address to meet at is in the environment, as torchrun sets it.

    Args:
        rank: of this process, from 0.
        size: of the group.
        local_rank: number of this process's GPU, where there are any.
        device: of the recipe.

    Raises:
        ConfigError: there are fewer GPUs than processes.
    """
    is_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if is_gpu:
        if local_rank >= torch.cuda.device_count():
            msg = (
                f"one GPU per process was expected, got {torch.cuda.device_count()} for process "
                f'{local_rank}: start fewer, or set device = "cpu"'
            )
            raise ConfigError(msg)
        torch.cuda.set_device(local_rank)
    dist.init_process_group(
        "nccl" if is_gpu else "gloo", rank=rank, world_size=size, timeout=_PATIENCE
    )
    try:
        yield Peers(rank=rank, size=size)
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    """Say what it means that the others do not answer."""
    try:
        yield
    except RuntimeError as error:
        msg = (
            "another process of this run is gone; look at what it said, and give the same command "
            f"again: it goes on from the last checkpoint ({str(error).splitlines()[0]})"
        )
        raise TrainingStoppedError(msg) from error


def _buckets(gradients: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    """The gradients in order, as many together as go over the wire in one piece."""
    buckets: list[list[torch.Tensor]] = []
    room = 0
    for one in gradients:
        if not buckets or one.numel() > room:
            buckets.append([])
            room = _BUCKET_NUMBERS
        buckets[-1].append(one)
        room -= one.numel()
    return buckets
