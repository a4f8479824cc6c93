"""What one call of the sandbox may use, and how many run at once."""

from pydantic import Field

from vision_deepresearch.core.record import Record

_MIB = 1 << 20


class SandboxLimits(Record):
    """Enforced by the kernel or by the parent of the program, never by the program itself.

    Numbers: safety design, measured with numpy, pandas and sympy on one BLAS thread.
    """

    memory_bytes: int = Field(default=1024 * _MIB, gt=0)
    """Address space."""
    file_bytes: int = Field(default=16 * _MIB, gt=0)
    """Of one file."""
    scratch_bytes: int = Field(default=64 * _MIB, gt=0)
    """Of all files. A tmpfs in tier A; in tier B looked at every 50 ms."""
    scratch_entries: int = Field(default=2000, gt=0)
    """Files and folders, looked at every 50 ms: a million empty ones take no room, but long to remove."""
    open_files: int = Field(default=64, gt=8)
    stack_bytes: int = Field(default=64 * _MIB, gt=0)
    output_bytes: int = Field(default=_MIB, gt=0)
    """Standard output and error together."""
    artifact_bytes: int = Field(default=4 * _MIB, gt=0)
    """Of one file that is handed back; four times that in all."""
    concurrency: int = Field(default=4, gt=0)
    """Calls at a time: each may use the memory above."""
    calls_per_zygote: int = Field(default=1000, gt=0)
    """Then a fresh one takes over."""
