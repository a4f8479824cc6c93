"""Runs model-written Python in a sandbox outside our process; refuses where there is none."""

import asyncio

from pydantic import Field

from vision_deepresearch.core.bank import Origin
from vision_deepresearch.core.content import Image, Text, ToolCall, ToolSpec, trusted, untrusted
from vision_deepresearch.core.errors import BadImageError, BoundaryError, FailureKind
from vision_deepresearch.core.observation import Failure, Observation
from vision_deepresearch.core.protocols import (
    MediaStore,
    Sandbox,
    SandboxResult,
    SandboxStatus,
    ToolContext,
)
from vision_deepresearch.core.record import Record
from vision_deepresearch.tools.arguments import read_arguments
from vision_deepresearch.tools.failures import message_of
from vision_deepresearch.tools.layout import merged
from vision_deepresearch.tools.limits import ToolLimits

NAME = "python"
_PICTURES = ("*.png", "*.jpg", "*.jpeg", "*.webp", "*.gif")
_MAX_PICTURES = 4
"""Of one program that are shown; more are named only."""
_SWITCHED_OFF = "python is switched off here: no sandbox is configured; go on without it"


class PythonArguments(Record):
    """A program."""

    code: str = Field(
        min_length=1,
        max_length=100_000,
        description="Python source. Print what you want to see, save pictures as .png in the working "
        "folder to look at them; nothing else is kept between calls.",
    )


class Python:
    """Runs a program and shows what it printed."""

    def __init__(self, *, sandbox: Sandbox | None, media: MediaStore, limits: ToolLimits) -> None:
        self._sandbox = sandbox
        self._media = media
        self._limits = limits
        self._spec = ToolSpec.of(
            NAME,
            description="Run a Python program for calculations, without network. Printed output "
            f"is the result. At most {limits.python_timeout_s:g} seconds.",
            arguments=PythonArguments,
        )

    @property
    def spec(self) -> ToolSpec:
        """Name, description and argument schema."""
        return self._spec

    async def run(self, call: ToolCall, context: ToolContext) -> Observation:
        """Run the program of one call; pictures that it saved get handles."""
        if self._sandbox is None:
            return Observation.failed(FailureKind.UNAVAILABLE, _SWITCHED_OFF)
        try:
            arguments = read_arguments(PythonArguments, call=call)
            result = await self._sandbox.run(
                arguments.code, timeout=self._limits.python_timeout_s, collect=_PICTURES
            )
        except BoundaryError as error:
            return Observation.failed(error.kind, message_of(error))
        shown = _shown(result, max_chars=self._limits.result_chars)
        pictures: list[Text | Image] = []
        for name, data in list(result.artifacts.items())[:_MAX_PICTURES]:
            pictures += await self._picture(name, data, context=context)
        for name in list(result.artifacts)[_MAX_PICTURES:]:
            pictures += _not_shown(name, f"not shown: at most {_MAX_PICTURES} of one program are")
        for name in result.left_behind:
            pictures += _not_shown(name, "not taken: too large, or no plain file")
        return shown.model_copy(update={"parts": (*shown.parts, *pictures)})

    async def _picture(self, name: str, data: bytes, *, context: ToolContext) -> list[Text | Image]:
        """A saved picture under a handle of its own; what is no picture is named."""
        try:
            ref = await asyncio.to_thread(self._media.put, data)
            handle = context.bank.add(ref, Origin(kind="made"))
        except (BadImageError, BoundaryError):
            return _not_shown(name, "cannot be shown: no picture that we take")
        label = f", {ref.width} x {ref.height} pixels\n"
        return [
            trusted(f"\n{handle}: "),
            untrusted(name),
            trusted(label),
            Image(ref=ref, handle=handle),
        ]


def _not_shown(name: str, why: str) -> list[Text | Image]:
    return [trusted("\n[File] "), untrusted(name), trusted(f" {why}")]


def _shown(result: SandboxResult, *, max_chars: int) -> Observation:
    """Output and how the program ended; anything but success is a typed failure."""
    failure = _failure_of(result)
    room = max_chars - 200
    output = _clipped(result.stdout, room=room // 2 if failure else room)
    parts: list[Text] = []
    if failure is not None:
        label = "[Timeout]" if failure.kind is FailureKind.TIMEOUT else "[Error]"
        told = _clipped(result.stderr or failure.message, room=room // 2)
        parts += [trusted(f"{label}\n"), untrusted(told), trusted("\n" if output else "")]
    if output:
        parts += [trusted("[Output]\n"), untrusted(output)]
    elif failure is None:
        parts.append(trusted("[Success] Nothing was printed."))
    return Observation(parts=merged(parts), failure=failure)


def _failure_of(result: SandboxResult) -> Failure | None:
    match result.status:
        case SandboxStatus.OK:
            return None
        case SandboxStatus.TIMEOUT:
            return Failure(kind=FailureKind.TIMEOUT, message="the program took too long")
        case SandboxStatus.OOM:
            message = "the program used too much memory"
        case SandboxStatus.OUTPUT:
            message = "the program printed too much"
        case SandboxStatus.KILLED:
            message = "the program was stopped"
        case SandboxStatus.ERROR:
            message = "the program raised an error"
    return Failure(kind=FailureKind.GUEST_ERROR, message=message)


def _clipped(text: str, *, room: int) -> str:
    """Both ends of a long text: errors stand at the end, headings at the start."""
    if len(text) <= room:
        return text
    half = (room - 60) // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
