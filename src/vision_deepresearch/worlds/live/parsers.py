"""Who parses what the web serves: a sealed process of its own, or, if the user says so, this one.

A page or a picture that breaks a limit there is a typed failure here that is never tried again.
"""

from typing import Protocol

from typing_extensions import override

from vision_deepresearch.core.errors import (
    BadImageError,
    FailureKind,
    SandboxError,
    WorldError,
)
from vision_deepresearch.media import pixels
from vision_deepresearch.sandbox.parsing import (
    Breach,
    ParseBreachError,
    ParseLimits,
    ParseWorkers,
)
from vision_deepresearch.worlds.live import page_job
from vision_deepresearch.worlds.pages import WholePage

_WORDS = {
    Breach.TIMEOUT: "takes too long to read",
    Breach.MEMORY: "takes too much memory to read",
    Breach.OUTPUT: "unpacks to too much",
    Breach.DIED: "broke its reader",
}


class Parsers(Protocol):
    """Reads bodies and decodes pictures. Blocking: call it in a thread."""

    reads_pdf: bool
    """Whether the words of PDF files are read."""

    def read(self, body: bytes, *, url: str, charset: str | None) -> WholePage:
        """A body as a page.

        Raises:
            WorldError: no page, none that can be read within the limits, or no parser here
                (unavailable).
        """
        ...

    def clean_picture(self, data: bytes) -> bytes:
        """A picture as a file that is safe to decode in this process.

        Raises:
            WorldError: no picture, or none that can be decoded within the limits.
        """
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class ParsersHere(Parsers):
    """In this process, behind the guards of `media.decode` and `worlds.body` alone."""

    def __init__(self, *, reads_pdf: bool = False) -> None:
        """Nothing is loaded yet; `reads_pdf` needs the extra `pdf`."""
        self.reads_pdf = reads_pdf

    @override
    def read(self, body: bytes, *, url: str, charset: str | None) -> WholePage:
        """See `Parsers`."""
        return page_job.read_body(body, url=url, charset=charset, reads_pdf=self.reads_pdf)

    @override
    def clean_picture(self, data: bytes) -> bytes:
        """The bytes as they are: who uses them decodes them with care."""
        return data

    @override
    def close(self) -> None:
        """Nothing was started."""


class ParsersApart(Parsers):
    """In processes that have nothing: see `sandbox.parsing`. They start with the first page."""

    def __init__(self, *, reads_pdf: bool = False, limits: ParseLimits | None = None) -> None:
        """Nothing is started yet; `reads_pdf` needs the extra `pdf`."""
        jobs = {"page": page_job.JOB, "picture": pixels.JOB}
        self._workers = ParseWorkers(jobs, limits=limits)
        self.reads_pdf = reads_pdf

    @override
    def read(self, body: bytes, *, url: str, charset: str | None) -> WholePage:
        """See `Parsers`."""
        about = {"url": url, "charset": charset, "reads_pdf": self.reads_pdf}
        try:
            parsed = self._workers.run("page", body, about)
        except ParseBreachError as reason:
            msg = f"the page {_WORDS[reason.breach]}: choose another address"
            raise WorldError(FailureKind.BAD_ARGS, msg) from None
        except SandboxError as reason:
            raise WorldError(reason.kind, reason.message) from reason
        return page_job.page_told(parsed.data)

    @override
    def clean_picture(self, data: bytes) -> bytes:
        """A PNG made here of the pixels that came back."""
        try:
            parsed = self._workers.run("picture", data, {})
            return pixels.png_of_pixels(parsed.data)
        except ParseBreachError as reason:
            msg = f"the picture {_WORDS[reason.breach]}"
            raise WorldError(FailureKind.BAD_IMAGE, msg) from None
        except SandboxError as reason:
            raise WorldError(reason.kind, reason.message) from reason
        except BadImageError as reason:
            raise WorldError(FailureKind.BAD_IMAGE, str(reason)) from None

    @override
    def close(self) -> None:
        """End the processes."""
        self._workers.close()
