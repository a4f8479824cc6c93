"""What `vdr tape` and `vdr cost` do: read recordings and print them."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from vision_deepresearch.cli.live import plain
from vision_deepresearch.cli.output import console, counted, print_json
from vision_deepresearch.store.recording import Recording
from vision_deepresearch.store.run import RunFolder
from vision_deepresearch.store.tape_files import (
    TapeGroup,
    find_recording,
    merge_tapes,
    read_recordings,
    summarise_tape,
    tape_file,
)

_KEY_CHARS = 12
_SHOWN_CHARS = 4000
_PROTECTED = "(of a protected task: not shown)"


def ls(path: Path, *, kind: str | None, limit: int, json_wanted: bool) -> None:
    """List recordings, newest first."""
    wanted = (one for one in read_recordings(tape_file(path)) if kind is None or one.kind == kind)
    newest = list(islice(reversed(deque(wanted, maxlen=limit)), limit))
    if json_wanted:
        print_json({"recordings": [_told(one) for one in newest]})
        return
    target = console()
    for one in newest:
        price = "" if one.reply.cost_usd is None else f" ${one.reply.cost_usd:.4f}"
        target.print(
            f"{one.key.hex()[:_KEY_CHARS]} {_moment(one.created_s)} {one.kind:13} {_ending(one):9} "
            f"{one.latency_s:6.2f}s{price}  {plain(_asked(one), width=100)}",
            soft_wrap=True,
        )
    if not newest:
        target.print("nothing recorded")


def show(path: Path, key: str, *, json_wanted: bool) -> None:
    """Show one recording."""
    one = find_recording(tape_file(path), key)
    if json_wanted:
        words: dict[str, object] = {"request": json.loads(one.text), "reply": one.reply.value}
        print_json({**_told(one), **({} if one.is_sealed else words)})
        return
    target = console()
    target.print(f"key       {one.key.hex()}", soft_wrap=True)
    target.print(f"made      {_moment(one.created_s)}, {one.latency_s:.2f} s", soft_wrap=True)
    target.print(f"provider  {plain(one.provider)}", soft_wrap=True)
    target.print(f"ended     {_ending(one)}; kept: {one.keep.value}", soft_wrap=True)
    price = "unknown, or free" if one.reply.cost_usd is None else f"${one.reply.cost_usd:.6f}"
    target.print(f"price     {price}", soft_wrap=True)
    asked, came = (_PROTECTED,) * 2 if one.is_sealed else (one.text, one.reply.value)
    target.print(f"asked     {plain(asked, width=_SHOWN_CHARS)}", soft_wrap=True)
    target.print(f"came      {plain(came, width=_SHOWN_CHARS)}", soft_wrap=True)


def stats(path: Path, *, json_wanted: bool) -> None:
    """Count recordings."""
    told = summarise_tape(tape_file(path))
    if json_wanted:
        print_json(told.model_dump(mode="json"))
        return
    target = console()
    _print_groups(told.groups)
    if told.first_s is not None and told.last_s is not None:
        target.print(f"made from {_moment(told.first_s)} to {_moment(told.last_s)}")
    target.print(f"{told.blob_bytes / 1e6:.1f} MB of pictures; {told.damaged} damaged")


def merge(target: Path, sources: Sequence[Path], *, json_wanted: bool) -> None:
    """Merge tapes into one file."""
    done = asyncio.run(merge_tapes(target, [tape_file(source) for source in sources]))
    if json_wanted:
        print_json({
            "tape": str(target),
            "taken": done.taken,
            "older": done.older,
            "damaged": done.damaged,
        })
        return
    console().print(
        f"{counted(done.taken, 'recording')} taken into {target}, {done.older} older than what was "
        f"there, {done.damaged} damaged and left out",
        soft_wrap=True,
    )


def cost(run: Path, *, json_wanted: bool) -> None:
    """What a run cost, as its trajectories counted it, and whom its own tape shows as paid."""
    with RunFolder.read(run) as view:
        ledger = view.ledger()
    groups = summarise_tape(tape_file(run)).groups
    if json_wanted:
        print_json({
            **ledger.model_dump(mode="json"),
            "paid_calls": ledger.num_paid,
            "recorded_usd": _known_usd(groups),
            "recorded": [group.model_dump(mode="json") for group in groups],
        })
        return
    target = console()
    more = " and more: some prices are unknown" if ledger.has_unknown_cost else ""
    target.print(
        f"{counted(ledger.trajectories, 'trajectory').replace('trajectorys', 'trajectories')}: "
        f"${ledger.cost_usd:.4f}{more}",
        soft_wrap=True,
    )
    for kind, number in sorted(ledger.calls.items()):
        replayed = ledger.replayed.get(kind, 0)
        target.print(f"{kind.value:13} {number:6} calls, {replayed} of them replayed")
    target.print(
        f"tokens        {ledger.prompt_tokens:,} in, {ledger.completion_tokens:,} out",
        soft_wrap=True,
    )
    if groups:
        target.print(
            f"recorded in this run, lost attempts and the judge included: ${_known_usd(groups):.4f}"
            " of known prices",
            soft_wrap=True,
        )
        _print_groups(groups)


def _known_usd(groups: Sequence[TapeGroup]) -> float:
    """Dollars of all recordings with a price; cents of binary fractions are rounded away."""
    return round(sum(group.cost_usd for group in groups), 9)


def _print_groups(groups: Sequence[TapeGroup]) -> None:
    target = console()
    for group in groups:
        price = f"${group.cost_usd:.4f}" if group.cost_usd or not group.unpriced else "no price"
        target.print(
            f"{group.kind:13} {plain(group.provider, width=40):30} {group.recordings:6} "
            f"({group.failures} failed, {group.empty} empty)  {group.median_latency_s:.2f} s  {price}",
            soft_wrap=True,
        )


def _told(one: Recording) -> dict[str, object]:
    return {
        "key": one.key.hex(),
        "kind": one.kind,
        "provider": one.provider,
        "ended": _ending(one),
        "made": _moment(one.created_s),
        "latency_s": one.latency_s,
        "cost_usd": one.reply.cost_usd,
        "asked": _asked(one),
    }


def _ending(one: Recording) -> str:
    failure = one.failure
    if failure is not None:
        return failure.kind.value
    return "empty" if one.reply.is_empty else "ok"


def _asked(one: Recording) -> str:
    """What was asked, without what is the same for all."""
    if one.is_sealed:
        return _PROTECTED
    body = json.loads(one.text).get("body")
    return json.dumps(body, ensure_ascii=False)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
