"""The columns of the parquet formats, fixed so that every shard and every run has the same."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_FEATURES = {
    "messages": [
        {
            "role": {"dtype": "string", "_type": "Value"},
            "content": [
                {
                    "type": {"dtype": "string", "_type": "Value"},
                    "text": {"dtype": "string", "_type": "Value"},
                }
            ],
        }
    ],
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
}
"""Told to the library `datasets`, so that it gives pictures to TRL, not bytes."""


def schema_of(format_name: str) -> "pa.Schema":
    """The columns of a parquet format."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    picture = pa.struct([("bytes", pa.binary()), ("path", text)])
    if format_name == "trl":
        block = pa.struct([("type", text), ("text", text)])
        message = pa.struct([("role", text), ("content", pa.list_(block))])
        columns = [("messages", pa.list_(message)), ("images", pa.list_(picture))]
        told = json.dumps({"info": {"features": _FEATURES}})
        return pa.schema(columns, metadata={"huggingface": told})
    if format_name == "verl":
        message = pa.struct([("role", text), ("content", text)])
        reward = pa.struct([("style", text), ("ground_truth", text)])
        extra = pa.struct([
            ("index", whole),
            *((name, text) for name in ("split", "task_id", "ref", "question")),
            ("answers", pa.list_(text)),
            *((name, text) for name in ("gold", "mode")),
            *((name, whole) for name in ("judged", "correct")),
        ])
        return pa.schema([
            ("data_source", text),
            ("prompt", pa.list_(message)),
            # Bytes alone: verl hands every other key of a picture on to its processor.
            ("images", pa.list_(pa.struct([("bytes", pa.binary())]))),
            ("ability", text),
            ("agent_name", text),
            ("reward_model", reward),
            ("extra_info", extra),
        ])
    kept = pa.struct([
        ("sha256", text),
        ("media_type", text),
        ("bytes", pa.binary()),
        ("path", text),
    ])
    return pa.schema([
        *((name, text) for name in ("task_id", "ref", "kind", "split", "question", "answer")),
        ("attempt", whole),
        *((name, text) for name in ("model", "mode", "stop")),
        ("num_turns", whole),
        *((name, text) for name in ("given_answer", "decision")),
        ("is_correct", pa.bool_()),
        *((name, pa.large_string()) for name in ("task", "trajectory", "verdict")),
        ("images", pa.list_(kept)),
    ])
