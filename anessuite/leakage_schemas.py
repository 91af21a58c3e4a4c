"""Columns of a leakage analysis: what each model makes of each question, and where questions were found."""

import pyarrow as pa

from anessuite.question_schemas import OPTIONS


def _text(name: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, pa.string(), nullable=nullable)


_PLACE = [_text("question_id"), _text("language"), _text("source"), _text("source_id")]

PROBE = pa.schema(
    [
        _text("id"),
        *_PLACE,
        _text("question"),
        pa.field("options", OPTIONS, nullable=False),
        _text("model"),
        pa.field("size", pa.float64()),
    ]
)
"""A question that one model is asked about; ``id`` is of question and model."""

PROBED_QUESTION = pa.schema(
    [
        _text("id"),
        *_PLACE,
        _text("model"),
        pa.field("size", pa.float64()),
        pa.field("options", pa.uint8(), nullable=False),
        pa.field("orders", pa.uint16()),
        pa.field("tokens", pa.uint32()),
        pa.field("log_probability", pa.float64()),
        pa.field("rank", pa.uint16()),
        pa.field("margin", pa.float64()),
        pa.field("z", pa.float64()),
        pa.field("highest_z", pa.float64()),
        pa.field("lowest_z", pa.float64()),
        pa.field("forest", pa.float64()),
        pa.field("forest_highest", pa.float64()),
        pa.field("flag_order", pa.bool_()),
        pa.field("flag_order_outlier", pa.bool_()),
        pa.field("flag_shuffled", pa.bool_()),
        pa.field("substring", pa.float64()),
        pa.field("substring_control", pa.float64()),
        pa.field("substring_shuffled", pa.float64()),
        pa.field("ngrams", pa.float64()),
        pa.field("ngrams_control", pa.float64()),
        pa.field("controls", pa.uint16()),
        pa.field("flag_continuation", pa.bool_()),
    ]
)
"""A question and a model. Scores and flags of a test are null where it was not made, or has nothing to say:
with fewer than six orders (two options), or a continuation of fewer than 20 characters."""

REJECTED_PROBE = pa.schema(
    [
        _text("id"),
        _text("language"),
        _text("question", nullable=True),
        pa.field("options", OPTIONS),
        _text("source"),
        _text("source_id"),
        _text("model"),
        _text("stage"),
        _text("reason"),
        _text("evidence", nullable=True),
    ]
)
"""A question that is not tested at all (``model`` is empty), or not with one model."""

FOUND = pa.schema([_text("question_id"), _text("dataset"), _text("place"), _text("reason"), _text("row")])
"""A row of one of our versions that holds a question: ``place`` is removed or left."""

_FOUND_IN = pa.list_(
    pa.struct([_text("dataset"), _text("place"), pa.field("rows", pa.uint32()), _text("example")])
)
OVERLAP = pa.schema(
    [
        _text("id"),
        _text("language"),
        _text("source"),
        _text("source_id"),
        _text("question"),
        pa.field("flagged_by", pa.list_(pa.string()), nullable=False),
        pa.field("found_in", _FOUND_IN, nullable=False),
    ]
)
"""A question with the models of which a test flags it (``model: test``), and the versions that hold it."""
FLAGS = ("flag_order", "flag_order_outlier", "flag_shuffled", "flag_continuation")
"""Columns that flag a question, in the order of reports."""
