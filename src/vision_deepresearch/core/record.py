"""The base of everything that touches disk, wire or config: frozen, and strict about keys.

A record is a value: it is never changed after it was made, and a key it does not know is an
error instead of a silent loss.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen pydantic model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    LATER_FIELDS: ClassVar[frozenset[str]] = frozenset()
    """Fields that a record got later: fingerprints leave them out while they are None, so that what
    was hashed before there were any keeps its name."""
