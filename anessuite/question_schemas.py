"""Columns of Parquet files that hold multiple-choice questions, attempts at them, and solved ones."""

import pyarrow as pa

OPTIONS = pa.list_(pa.struct([pa.field("letter", pa.string()), pa.field("text", pa.string())]))
"""The options in order; a struct each, since not all readers of Parquet know maps."""

_QUESTION = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("language", pa.string(), nullable=False),
    pa.field("question", pa.string(), nullable=False),
    pa.field("options", OPTIONS, nullable=False),
    pa.field("answer", pa.string(), nullable=False),
]
_ORIGIN = [
    pa.field("source", pa.string(), nullable=False),
    pa.field("source_id", pa.string(), nullable=False),
    pa.field("subject", pa.string(), nullable=False),
]

EXAM_QUESTION = pa.schema([*_QUESTION, *_ORIGIN])
"""A multiple-choice question; ``answer`` is the letter of the right option, ``id`` of stem and options."""

ATTEMPT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("attempt", pa.uint16(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("letter", pa.string()),
        pa.field("form", pa.string(), nullable=False),
        pa.field("fault", pa.string()),
        pa.field("evidence", pa.string()),
        pa.field("reasoning", pa.string(), nullable=False),
        pa.field("response", pa.string(), nullable=False),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.uint32(), nullable=False),
        pa.field("completion_tokens", pa.uint32(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("request", pa.string(), nullable=False),
    ]
)
"""One attempt at question ``id``, counted from 1. ``letter`` is what the reply settles on and ``form`` how it
says so, or why there is no letter; ``fault`` is what is wrong with the reasoning; ``request`` its key in the
cache of replies."""

SOLVED_QUESTION = pa.schema(
    [
        *_QUESTION,
        pa.field("reasoning", pa.string(), nullable=False),
        pa.field("response", pa.string(), nullable=False),
        pa.field("pass_rate", pa.float32(), nullable=False),
        pa.field("pass_rate_low", pa.float32()),
        pa.field("pass_rate_high", pa.float32()),
        pa.field("attempts", pa.uint16(), nullable=False),
        pa.field("correct", pa.uint16(), nullable=False),
        pa.field("attempt", pa.uint16(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("tokens", pa.uint32(), nullable=False),
        *_ORIGIN,
    ]
)
"""A question with verified reasoning: that of ``attempt``, of ``attempts`` made, ``correct`` of them right.
``tokens`` were generated in the attempt that is kept; the interval is null where attempts stop at success."""

VOTES = pa.list_(pa.struct([pa.field("level", pa.string()), pa.field("rationale", pa.string())]))
"""The votes of the annotator model, in order; a level is null where the reply could not be read."""

GRADED_QUESTION = pa.schema(
    [
        *_QUESTION,
        pa.field("level", pa.string(), nullable=False),
        pa.field("level_origin", pa.string(), nullable=False),
        pa.field("votes", VOTES, nullable=False),
        pa.field("agreement", pa.float32(), nullable=False),
        pa.field("reviewed", pa.bool_(), nullable=False),
        *_ORIGIN,
        pa.field("licence", pa.string(), nullable=False),
    ]
)
"""A benchmark question with its cognitive level. ``agreement`` is the share of votes for the model's level;
``level_origin`` is model, tie (the votes were tied), human or adjudicated."""

REJECTED_QUESTION = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("question", pa.string()),
        pa.field("options", OPTIONS),
        pa.field("answer", pa.string()),
        *_ORIGIN,
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string()),
    ]
)
"""A question that was dropped, or a row of a source that holds none."""
