"""What a user can set of live worlds; keys are no part of it, they stay in the environment."""

from typing import Literal

from pydantic import Field

from vision_deepresearch.core.record import Record


class LiveSettings(Record):
    """Table `[live]` of a recipe, or `--set live.NAME=`."""

    upload_pictures: bool = False
    """Consent: whether the pictures of a question and their crops may be sent to picture engines."""
    combine: Literal["first", "merge"] = "first"
    """Several text engines: the first that answers, or all merged by rank (each is paid)."""
    base_urls: dict[str, str] = {}
    """Where an engine answers instead of its own address, by engine: a proxy, a served world."""
    prices: dict[str, float] = {}
    """Dollars of one call by engine, instead of the shipped table's."""
    image_host: Literal["none", "s3"] = "none"
    """Where pictures are shown to engines that want a url."""
    s3_endpoint: str = ""
    """For example https://s3.eu-central-1.amazonaws.com; keys in S3_ACCESS_KEY_ID and
    S3_SECRET_ACCESS_KEY."""
    s3_bucket: str = ""
    s3_region: str = "us-east-1"
    assets_at: tuple[str, ...] = ()
    """Beginnings of addresses from which pictures are fetched though they are not public: the
    `/assets/` of a served world of one's own, and nothing else."""
    check_reader_urls: bool = True
    """Whether a reader is only asked for public addresses. Off for served worlds alone: a reader of
    your own would read your network."""
    read_pdf: bool = False
    """Whether `web` reads PDF files too (extra `pdf`)."""
    parsing: Literal["sealed", "limited", "here"] = "sealed"
    """Where pages, PDF files and pictures of the web are parsed. `sealed`: in a process without files,
    network and other processes (Linux with Landlock and seccomp), or not at all. `limited`: in a
    process with limits of time and memory alone. `here`: in this process."""
    call_s: float = Field(default=60.0, gt=0)
    """Seconds for one call with all its attempts."""
    attempt_s: float = Field(default=30.0, gt=0)
    max_attempts: int = Field(default=4, ge=1)
    concurrency: int = Field(default=4, ge=1)
    """Calls at a time to one provider, to begin with; adapts."""
