"""The base of everything that touches disk, wire or config: frozen, and strict about keys.

A record is a value: it is never changed after it was made, and a key it does not know is an
error instead of a silent loss.
"""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen pydantic model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
