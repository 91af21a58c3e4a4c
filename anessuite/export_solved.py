"""Solved questions as training tools read them: reasoning in ``<think>``, the answer on the last line.

- ``trl-sft``: ``messages``; ``llamafactory``: ``instruction``, ``input``, ``output``.
- ``trl-grpo``: ``prompt`` (messages), ``options``, ``solution`` (the letter), ``language``, ``pass_rate``.
- ``verl``: Parquet with ``data_source``, ``prompt``, ``ability``, ``reward_model``, ``extra_info``.
- ``trl-dpo``: ``prompt``, ``chosen``, ``rejected``, one row a wrong attempt at a solved question.

The columns are those that TRL (docs, dataset formats), LLaMA-Factory (data/README.md) and verl (docs, prepare
data) publish.
"""

import polars as pl

ASKED = {
    "en": "Think it through step by step. Then end with a line of exactly this form, X being the letter of "
    "the right option: Answer: X",
    "zh": "请逐步思考，最后单独一行写出正确选项的字母 X，格式为：答案：X",
}
"""What a training prompt asks for after the question, by language."""
_STATES = {"en": "Answer: ", "zh": "答案："}


def _prompt() -> pl.Expr:
    lines = pl.col("options").list.eval(
        pl.format("{}. {}", pl.element().struct.field("letter"), pl.element().struct.field("text"))
    )
    asks = pl.col("language").replace_strict(ASKED, default=ASKED["en"], return_dtype=pl.String)
    return pl.format("{}\n\n{}\n\n{}", "question", lines.list.join("\n"), asks)


def _reply(reasoning: str = "reasoning", response: str = "response", answer: str = "answer") -> pl.Expr:
    """The whole reply. The response stays as it is if its end states the answer; else a line does."""
    states = pl.format(
        "{}{}",
        pl.col("language").replace_strict(_STATES, default=_STATES["en"], return_dtype=pl.String),
        answer,
    )
    said = pl.col(response).str.strip_chars()
    ended = (
        pl.when(said.str.ends_with(states))
        .then(said)
        .otherwise(pl.concat_str(said, states, separator="\n\n").str.strip_chars())
    )
    return pl.format("<think>\n{}\n</think>\n\n{}", pl.col(reasoning).str.strip_chars(), ended)


def _turns(**turns: pl.Expr) -> pl.Expr:
    return pl.concat_list(pl.struct(role=pl.lit(role), content=content) for role, content in turns.items())


def messages(frame: pl.DataFrame) -> pl.DataFrame:
    """For supervised fine-tuning."""
    return frame.select(messages=_turns(user=_prompt(), assistant=_reply()))


def instructions(frame: pl.DataFrame) -> pl.DataFrame:
    """For supervised fine-tuning with LLaMA-Factory."""
    return frame.select(instruction=_prompt(), input=pl.lit(""), output=_reply())


def verifiable(frame: pl.DataFrame) -> pl.DataFrame:
    """For GRPO: no reply, but what a reward compares with."""
    return frame.select(
        "id", "options", "language", "pass_rate", prompt=_turns(user=_prompt()), solution="answer"
    ).select("prompt", "options", "solution", "language", "pass_rate", "id")


def rewarded(frame: pl.DataFrame) -> pl.DataFrame:
    """For reinforcement learning with verl."""
    extra = pl.struct("id", "language", "options", "pass_rate", split=pl.lit("train"))
    return frame.select(
        data_source=pl.lit("anessuite/r1"),
        prompt=_turns(user=_prompt()),
        ability=pl.lit("medicine"),
        reward_model=pl.struct(style=pl.lit("rule"), ground_truth="answer"),
        extra_info=extra,
    )


def preferences(frame: pl.DataFrame, attempts: pl.DataFrame) -> pl.DataFrame:
    """For DPO: the kept reply beside each wrong one of the same question, as it was written."""
    wrong = attempts.filter(pl.col("verdict") == "wrong").select(
        "id", "attempt", wrong_reasoning="reasoning", wrong_response="response"
    )
    pairs = (
        frame.drop("attempt").join(wrong, on="id", how="inner", maintain_order="left").sort("id", "attempt")
    )
    said = pl.format(
        "<think>\n{}\n</think>\n\n{}",
        pl.col("wrong_reasoning").str.strip_chars(),
        pl.col("wrong_response").str.strip_chars(),
    )
    return pairs.select(
        prompt=_turns(user=_prompt()), chosen=_turns(assistant=_reply()), rejected=_turns(assistant=said)
    )
