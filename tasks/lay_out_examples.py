"""The rows that each stage of training is given, in which order; all others with the reason why not.

Stages ``examples`` (can a row be used?) and ``order`` (does the mix take it?). A part holds rows of one
stage of training and one source, such as ``sft-00-00000``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import NothingKept
from anessuite.schemas import empty
from anessuite.stages import Sifted, Stage, split
from anessuite.training.examples import read_examples
from anessuite.training.order import ordered
from anessuite.training.recipes import FineTuning, GroupOptimization, Pretraining, TrainingStage
from anessuite.training.schemas import EXAMPLE, REJECTED_EXAMPLE
from anessuite.training.tokens import Tokens
from filters import training

EXAMPLES, ORDER = "examples", "order"


@dataclass(frozen=True)
class HeldOut:
    """The slice of rows that neither SFT nor GRPO trains on."""

    share: float
    seed: int


def examples_stage(build: Build) -> Stage:
    """The stage of rows that can be used."""
    return Stage(build, EXAMPLES, "rows", EXAMPLE, REJECTED_EXAMPLE)


def order_stage(build: Build) -> Stage:
    """The stage of rows that are used."""
    return Stage(build, ORDER, "rows", EXAMPLE, REJECTED_EXAMPLE)


@task(name="lay out examples", cache_policy=NO_CACHE)
def lay_out_examples(
    build: Build,
    stages: Mapping[str, TrainingStage],
    tokens: Tokens,
    held_out: HeldOut,
    *,
    sample: int | None = None,
) -> Stage:
    """Judge the rows of every stage of training and put those that are used into order.

    Raises NothingKept, naming the stage of training that has no row left, and what `read_examples` raises.
    """
    examples, order = examples_stage(build), order_stage(build)
    for name, stage in stages.items():
        _judge(examples, name, stage, tokens, held_out, sample)
        _order(examples, order, name, stage, held_out.seed)
    return order


def _judge(
    examples: Stage, name: str, stage: TrainingStage, tokens: Tokens, held_out: HeldOut, sample: int | None
) -> None:
    """Read and judge; a source is read to its end, and read again from its beginning after a kill."""
    seen: set[str] = set()
    for number, source in enumerate(stage.data):
        left = sample
        for count, frame in enumerate(read_examples(source, stage, examples.build.store)):
            part = f"{name}-{number:02d}-{count:05d}"
            rows = frame if left is None else frame.head(left)
            left = None if left is None else left - rows.height
            if examples.done(part) is None:
                kept, rejected = judged(rows, name, stage, tokens, held_out, seen)
                examples.write(part, kept, _rejected(rejected, name), rows_in=rows.height)
            seen |= set(examples.read(part)["id"])
            if left is not None and left <= 0:
                break


def judged(
    rows: pl.DataFrame,
    name: str,
    stage: TrainingStage,
    tokens: Tokens,
    held_out: HeldOut,
    seen: set[str],
) -> Sifted:
    """Rows (READ) that stage ``name`` can use, and those it cannot, whose ids are in ``seen`` among them."""
    counted = rows.with_columns(
        _lengths(rows, stage, tokens).alias("tokens"),
        stage=pl.lit(name),
        held_out=pl.lit(False) if isinstance(stage, Pretraining) else _is_held_out(held_out),
        places=pl.lit([], dtype=pl.List(pl.UInt32)),
    )
    repeated = pl.col("id").is_in(list(seen)) | (pl.int_range(pl.len()).over("id") > 0)
    reason = pl.coalesce(
        pl.col("why"), pl.when(repeated).then(pl.lit(training.REPEATED)), *_reasons(stage), pl.lit(None)
    )
    evidence = pl.struct("tokens", "pass_rate").struct.json_encode()
    return split(counted, reason, evidence)


def _is_held_out(held_out: HeldOut) -> pl.Expr:
    return training.is_held_out(held_out.share, seed=held_out.seed)


def _lengths(rows: pl.DataFrame, stage: TrainingStage, tokens: Tokens) -> pl.Series:
    if isinstance(stage, Pretraining):
        return tokens.of_texts(rows["text"])
    if isinstance(stage, GroupOptimization):
        return tokens.of_prompts(rows["prompt"])
    return tokens.of_replies(rows["prompt"], rows["completion"])


def _reasons(stage: TrainingStage) -> Iterator[pl.Expr]:
    if isinstance(stage, FineTuning):
        yield training.too_long(stage.max_length)
    if isinstance(stage, GroupOptimization):
        yield training.no_gold()
        yield pl.when(pl.col("held_out")).then(pl.lit(training.HELD_OUT))
        if stage.drop_always_right:
            yield training.always_right()
        if stage.drop_always_wrong:
            yield training.always_wrong()
        yield training.too_long(stage.max_prompt)


def _rejected(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Dropped rows with their words in one column; ``stage`` is the stage of training."""
    said = [
        pl.col(column).list.eval(pl.element().struct.field("content")).list.join("\n").fill_null("")
        for column in ("prompt", "completion")
    ]
    whole = pl.concat_str(*said, pl.col("text").fill_null(""), separator="\n").str.strip_chars()
    return rows.with_columns(text=whole, stage=pl.lit(name)).select(REJECTED_EXAMPLE.names)


def _order(examples: Stage, order: Stage, name: str, stage: TrainingStage, seed: int) -> None:
    parts = [part for part in examples.parts() if part.startswith(f"{name}-")]
    if all(order.done(part) is not None for part in parts):
        return
    slim = pl.concat(
        [
            examples.read(part).select("id", "group", "tokens", "pass_rate", "held_out", part=pl.lit(part))
            for part in parts
        ]
        or [pl.DataFrame(schema={name: empty(EXAMPLE).schema[name] for name in ("id", "group")})]
    )
    if not slim.height or slim["held_out"].all():
        raise NothingKept(
            f"{examples.build.ref}: stage {name} has no row to train on; dropped: {_drops(examples, parts)}",
            "rejected rows have reasons: build it as dev with other limits, or name other data",
        )
    places, beyond = places_of(slim.with_row_index("row"), stage, seed)
    for part in parts:
        rows = examples.read(part).with_columns(
            pl.col("id").replace_strict(beyond, default=None, return_dtype=pl.String).alias("why")
        )
        found = rows.drop("places").join(places, on="id", how="left", maintain_order="left")
        found = found.with_columns(pl.col("places").fill_null([]))
        unused = (pl.col("places").list.len() == 0) & ~pl.col("held_out")
        reason = pl.when(unused).then(pl.coalesce("why", pl.lit(training.BEYOND_MIX)))
        kept, rejected = split(found, reason)
        order.write(part, kept.select(EXAMPLE.names), _rejected(rejected, name), rows_in=rows.height)


def places_of(slim: pl.DataFrame, stage: TrainingStage, seed: int) -> tuple[pl.DataFrame, dict[str, str]]:
    """Places by id, and ids that ``max_rows`` leaves out with that reason."""
    trained = slim.filter(~pl.col("held_out"))
    beyond: dict[str, str] = {}
    if stage.max_rows is not None and trained.height > stage.max_rows:
        drawn = trained.sample(trained.height, shuffle=True, seed=seed)
        beyond = dict.fromkeys(drawn["id"][stage.max_rows :], training.BEYOND_MAX)
        trained = drawn.head(stage.max_rows)
    by_tokens = isinstance(stage, Pretraining)
    found = ordered(
        trained.with_columns(weight=pl.col("tokens").cast(pl.Int64) if by_tokens else pl.lit(1, pl.Int64)),
        stage.mix,
        most_repeats=stage.most_repeats,
        seed=seed,
        budget=stage.tokens if isinstance(stage, Pretraining) else None,
        by="pass_rate" if isinstance(stage, GroupOptimization) and stage.easy_first else None,
    )
    named = found.join(slim.select("row", "id"), on="row")
    return named.group_by("id").agg(places=pl.col("place").sort()), beyond


def _drops(examples: Stage, parts: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for reason, count in (examples.done(part) or {})["dropped"].items():
            found[reason] = found.get(reason, 0) + count
    return found


def write_inputs(order: Stage, name: str, folder: Path) -> tuple[Path, Path | None]:
    """The files of a stage of training for its process: rows in order, and what is held out (or None)."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [order.read(part) for part in order.parts() if part.startswith(f"{name}-")]
    rows = pl.concat(parts)
    train, held = folder / f"{name}.parquet", folder / f"{name}.held_out.parquet"
    rows.explode("places").drop_nulls("places").sort("places").drop("places").write_parquet(train)
    out = rows.filter(pl.col("held_out")).sort("id")
    out.drop("places").write_parquet(held)
    return train, held if out.height else None
