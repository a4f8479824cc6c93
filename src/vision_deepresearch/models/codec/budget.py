"""How much of a picture a model sees: one budget for rollout, SFT and RL."""

from typing import Self

from pydantic import Field, model_validator

from vision_deepresearch.core.record import Record


class PictureBudget(Record):
    """What a picture may take. Larger ones are scaled down, smaller ones up."""

    min_tokens: int = Field(default=4, ge=1)
    """Tokens; one stands for 32 x 32 pixels."""
    max_tokens: int = Field(default=1_024, ge=1)
    """Tokens. Source: `IMAGE_MAX_TOKEN_NUM` of the paper's training command."""

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.min_tokens > self.max_tokens:
            msg = f"min_tokens <= max_tokens: got {self.min_tokens} > {self.max_tokens}"
            raise ValueError(msg)
        return self
