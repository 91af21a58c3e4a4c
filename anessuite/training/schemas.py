"""Columns of the rows that are trained on, and of those that are not."""

import pyarrow as pa

from anessuite.question_schemas import OPTIONS

MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))

EXAMPLE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("prompt", MESSAGES),
        pa.field("completion", MESSAGES),
        pa.field("text", pa.string()),
        pa.field("options", OPTIONS),
        pa.field("solution", pa.string()),
        pa.field("pass_rate", pa.float32()),
        pa.field("tokens", pa.uint32(), nullable=False),
        pa.field("held_out", pa.bool_(), nullable=False),
        pa.field("places", pa.list_(pa.uint32()), nullable=False),
    ]
)
"""A row of one stage of training. ``id`` is the row's in its version; ``group`` its name in the mix;
``tokens`` counts by the base model's tokenizer, the chat template among them (of GRPO, the prompt's);
``places`` are its numbers in the order of the stage, several where the mix repeats it, none if held out."""

REJECTED_EXAMPLE = pa.schema(
    [
        *(EXAMPLE.field(name) for name in ("id", "stage", "language", "source", "source_id")),
        pa.field("text", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string()),
    ]
)
"""A row that is not trained on. ``stage`` is that of the training."""
