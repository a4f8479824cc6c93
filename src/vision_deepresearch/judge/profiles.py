"""Judge profiles: everything a verdict depends on besides the model, pinned and part of its id.

A profile is data. A changed prompt file does not load until its hash here, and with it the version,
is raised: verdicts of different ids are not comparable.

Example of an id: `strict/1+openai:gpt-5+3f9a12cc` - profile, version, model, hash of this record.
"""

import hashlib
from pathlib import Path
from typing import Literal

from vision_deepresearch.core.errors import ConfigError
from vision_deepresearch.core.record import Record
from vision_deepresearch.judge.rules import PROFILE_ID as RULES_ID

DEFAULT_PROFILE = "strict"
NO_RULES = "none"
"""In place of the rules' id: the model is always asked."""
_PROMPTS = Path(__file__).parent / "prompts"


class JudgeProfile(Record):
    """How a model is asked for a verdict."""

    name: str
    version: int
    """Raised with every change of meaning."""
    prompt: str
    """File of the instructions, in `prompts/`."""
    prompt_sha256: str
    """Of that file, hex."""
    again: str = "again.md"
    """File of the reminder after a reply that holds no verdict."""
    again_sha256: str
    """Of that file, hex."""
    parser: Literal["verdicts/1", "letters/1", "checklist/1"] = "verdicts/1"
    case: Literal["case/1", "checklist/1", "entities/1"] = "case/1"
    """How question, references and answer are laid out; `checklist/1`: with the task's check list;
    `entities/1`: gold entities and what was found."""
    rules: str = RULES_ID
    """The rules asked before the model, or `NO_RULES`."""
    rules_may_reject: bool
    """Whether the rules decide "incorrect" for checkable golds; else they only accept."""
    temperature: float = 0.0
    """Always sent."""
    max_tokens: int = 2048
    """Of a reply, thinking included."""
    max_answer_chars: int = 4000
    """Of the answer; of a longer one the first and the last half of these are shown."""
    max_asks: int = 3
    """Replies that may hold no verdict before the judge abstains."""
    votes: Literal[1] = 1

    @property
    def instructions(self) -> str:
        """The system prompt."""
        return _read(self.prompt, sha256=self.prompt_sha256)

    @property
    def reminder(self) -> str:
        """What is said after a reply without a verdict."""
        return _read(self.again, sha256=self.again_sha256)

    def id_with(self, model: str) -> str:
        """The id that every verdict carries: profile, version, model, hash of this record."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]
        return f"{self.name}/{self.version}+{model}+{digest}"


_AGAIN_SHA256 = "148e0ed71295a3ad1f9ccb2a6668086cc53fb69d1a17ae16eb74f19b701ad0ea"
PROFILES = {
    "strict": JudgeProfile(
        name="strict",
        version=1,
        prompt="strict.md",
        prompt_sha256="821750ba5c0a2c30b36b82e12442ec98b281446a3e2696924d743ed8b28959c2",
        again_sha256=_AGAIN_SHA256,
        rules_may_reject=True,
    ),
    "contains": JudgeProfile(
        name="contains",
        version=1,
        prompt="contains.md",
        prompt_sha256="6a94cfdf51e400655d4115d9daa24d321bcb8060021f8fbdbc5197c25c9e7ad3",
        again_sha256=_AGAIN_SHA256,
        # A list that holds the gold is wrong by rule and right here.
        rules_may_reject=False,
    ),
    "hle-json": JudgeProfile(
        name="hle-json",
        version=1,
        prompt="hle.md",
        prompt_sha256="961bff2f6737c4c17f83b4d689b47f565912803ddc6657579618333b940f2a3a",
        again_sha256=_AGAIN_SHA256,
        rules_may_reject=False,
    ),
    "simpleqa-abc": JudgeProfile(
        name="simpleqa-abc",
        version=1,
        prompt="abc.md",
        prompt_sha256="110e4ca58016379b293834ef0e24f0735a2d7b3e9b614e264484becc5419adda",
        again_sha256=_AGAIN_SHA256,
        parser="letters/1",
        rules_may_reject=False,
    ),
    "checklist": JudgeProfile(
        name="checklist",
        version=1,
        prompt="checklist.md",
        prompt_sha256="673ef323bca496c61996cc66a6f9546e479f9eae21ebf262f92590ff427fc62a",
        again_sha256=_AGAIN_SHA256,
        parser="checklist/1",
        case="checklist/1",
        rules=NO_RULES,
        rules_may_reject=False,
        max_answer_chars=25_000,
    ),
}
"""By name. `strict`: one final answer. `contains`: the answer may stand anywhere (the paper's). The
others follow public judges in our words: `hle-json` (HLE, WebWatcher), `simpleqa-abc` (SimpleQA,
LiveVQA), `checklist` (MM-BrowseComp)."""


def judge_profile(name: str) -> JudgeProfile:
    """The profile of a name.

    Raises:
        ConfigError: there is none of that name.
    """
    profile = PROFILES.get(name)
    if profile is None:
        msg = f"a judge profile is one of {', '.join(PROFILES)}, got {name!r}: name one of them"
        raise ConfigError(msg)
    return profile


def _read(name: str, *, sha256: str) -> str:
    data = (_PROMPTS / name).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        msg = (
            f"the judge prompt {name} should have the hash {sha256[:12]}, has {found[:12]}: put the"
            " file back, or raise the version of its profiles and set the hash"
        )
        raise ConfigError(msg)
    return data.decode("utf-8").strip()
