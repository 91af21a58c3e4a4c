"""Columns of an evaluation: what was asked, what each model answered, and the tables that are computed."""

import pyarrow as pa

from anessuite.question_schemas import OPTIONS

ASKED_QUESTION = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("level", pa.string()),
        pa.field("question", pa.string(), nullable=False),
        pa.field("options", OPTIONS, nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
    ]
)
"""A question of the benchmark as it stands there; ``level`` is null where the benchmark has none."""

ANSWER = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("question_id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("level", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("style", pa.string(), nullable=False),
        pa.field("order", pa.uint16(), nullable=False),
        pa.field("attempt", pa.uint16(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("letter", pa.string()),
        pa.field("shown_letter", pa.string()),
        pa.field("shown_gold", pa.string(), nullable=False),
        pa.field("form", pa.string(), nullable=False),
        pa.field("reply_language", pa.string()),
        pa.field("reasoning", pa.string(), nullable=False),
        pa.field("response", pa.string(), nullable=False),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.uint32(), nullable=False),
        pa.field("completion_tokens", pa.uint32(), nullable=False),
        pa.field("cost", pa.float64(), nullable=False),
        pa.field("votes", pa.list_(pa.string())),
        pa.field("request", pa.string(), nullable=False),
    ]
)
"""What a model answered to a question, once. ``model`` is its name in the config, ``style`` how it was asked:
``direct``, ``cot``, ``direct, 5 shots``, ``open``.

``order`` 0 has the options as the benchmark has them, others are shuffles; ``shown_letter`` and
``shown_gold`` are letters as the model saw them, ``letter`` is the benchmark's own. ``attempt`` counts
samples from 1. ``verdict``: correct, wrong, no_answer, refused, truncated; bad_request and request_failed,
where no model answered; not_judged, where no vote of the judge can be read. ``form`` is how the reply states
its letter, or why it has none. ``reply_language``: en, zh, or null where the reply is too short to tell.
``votes``: of the judge, for style ``open`` only. ``cost`` is in the currency of the config's prices."""

SCORE = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("style", pa.string(), nullable=False),
        pa.field("size", pa.float64()),
        pa.field("language", pa.string(), nullable=False),
        pa.field("level", pa.string(), nullable=False),
        pa.field("questions", pa.uint32(), nullable=False),
        pa.field("answers", pa.uint32(), nullable=False),
        pa.field("accuracy", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("spread", pa.float64()),
        pa.field("no_answer", pa.float64(), nullable=False),
        pa.field("refused", pa.float64(), nullable=False),
        pa.field("truncated", pa.float64(), nullable=False),
        pa.field("not_asked", pa.float64(), nullable=False),
        pa.field("tokens", pa.float64(), nullable=False),
        pa.field("cost", pa.float64(), nullable=False),
    ]
)
"""One line for a model in a style, on the questions of a language and a level, options in their own order.

``language``: en, zh, ``all`` (all questions alike, the micro average) or ``mean`` (the mean of the
languages, as the AnesSuite paper's *Avg.*). ``level``: system1, system1.x, system2, ``unlabelled``, ``all``
(micro) or ``mean`` (the mean of the three levels). ``size`` is in billions of parameters, as the config
states it. ``accuracy`` counts all that is not correct as wrong, ``low`` and ``high`` are its 95 % interval,
``spread`` the standard deviation over samples, null where there is one. ``no_answer``, ``refused``,
``truncated`` and ``not_asked`` (no model answered, or no vote of the judge could be read) are shares of the
answers; ``tokens`` (generated) and ``cost`` are means a question and sample."""

COMPARISON = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("style", pa.string(), nullable=False),
        pa.field("other_model", pa.string(), nullable=False),
        pa.field("other_style", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("questions", pa.uint32(), nullable=False),
        pa.field("difference", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("only_model", pa.uint32(), nullable=False),
        pa.field("only_other", pa.uint32(), nullable=False),
        pa.field("p", pa.float64(), nullable=False),
        pa.field("p_holm", pa.float64(), nullable=False),
    ]
)
"""Two contestants on the questions that both were asked. ``difference`` of accuracies with the 95 % interval
of the paired bootstrap over questions; ``only_model`` and ``only_other`` are questions that one of them alone
has right (of several samples: more often right), ``p`` is McNemar's exact test on these, ``p_holm`` the same,
corrected for all pairs."""

LENGTH = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("style", pa.string(), nullable=False),
        pa.field("level", pa.string(), nullable=False),
        pa.field("lower", pa.float64(), nullable=False),
        pa.field("upper", pa.float64(), nullable=False),
        pa.field("answers", pa.uint32(), nullable=False),
        pa.field("accuracy", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
    ]
)
"""Accuracy of the answers whose generated tokens lie from ``lower`` to ``upper``; levels also ``all``."""

LENGTH_EFFECT = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("level", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("answers", pa.uint32(), nullable=False),
        pa.field("questions", pa.uint32(), nullable=False),
        pa.field("odds_ratio", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("why_not", pa.string()),
    ]
)
"""By what the odds of being right change where a reply has twice the tokens, with a 95 % interval.

``method`` ``plain``: all answers of a level; ``within questions``: only answers to the same question are
compared, so that hard questions, which make replies long and wrong, count for nothing. ``model`` may be
``all``. ``why_not`` says why there is no estimate."""

GAP = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("style", pa.string(), nullable=False),
        pa.field("gap", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("difference", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
    ]
)
"""``gap`` ``en - zh`` (language ``all``), or ``system1 - system2`` within a language or ``all``."""

ORDER = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("style", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("orders", pa.uint16(), nullable=False),
        pa.field("questions", pa.uint32(), nullable=False),
        pa.field("lowest", pa.float64(), nullable=False),
        pa.field("highest", pa.float64(), nullable=False),
        pa.field("always_right", pa.float64(), nullable=False),
        pa.field("same_option", pa.float64(), nullable=False),
        pa.field(
            "letters",
            pa.list_(pa.struct([("letter", pa.string()), ("chosen", pa.float64()), ("gold", pa.float64())])),
        ),
    ]
)
"""Sensitivity to the order of options: accuracy in the worst and the best of ``orders`` orders (the
benchmark's own among them), the shares of questions right in all of them and given the same option in all,
and how often each letter was chosen and was right, as shares of all answers."""
