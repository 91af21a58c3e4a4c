"""Publish a training: the rows that were used, the models, curves and scores, card and report."""

import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.manifests import Manifest, Recipe
from anessuite.stages import Stage
from anessuite.training.card import folder_of, model_card
from anessuite.training.curves import curves
from anessuite.training.jobs import HISTORY
from anessuite.training.models import Trained
from anessuite.training.plans import StagePlan
from anessuite.training.report import training_report
from anessuite.training.results import Results, read_examined
from anessuite.training.schemas import EXAMPLE, REJECTED_EXAMPLE
from tasks.lay_out_examples import examples_stage
from tasks.publish_stages import Finished, Placed, publish_stages, warnings_of
from tasks.show import show_training

PACKAGES = ("torch", "transformers", "trl", "accelerate", "peft", "datasets", "tokenizers", "vllm")


@task(name="publish", cache_policy=NO_CACHE)
def publish_trained(
    build: Build,
    recipe: Recipe,
    order: Stage,
    plan: Mapping[str, StagePlan],
    models: Sequence[tuple[Trained, bool]],
    examined: Mapping[str, str],
    work: Path,
) -> str:
    """Finish the version; returns its reference. ``models`` come with whether their weights are kept."""
    results = Results(
        plan,
        [one for one, _ in models],
        frozenset(one.label for one, is_kept in models if is_kept),
        curves({one.label: one.folder.parent / HISTORY for one, _ in models}),
        {name: read_examined(build.store, ref) for name, ref in examined.items()},
    )
    stages = [examples_stage(build), order]
    finished = Finished(
        build=build,
        recipe=recipe,
        stages=stages,
        data=EXAMPLE,
        rejected=REJECTED_EXAMPLE,
        finish=lambda rows: rows,
        languages=[*plan],
        config_by="stage",
        packages=PACKAGES,
        placed=[
            Placed(f"models/{folder_of(one.label)}/{file.path}", one.folder / file.path)
            for one in results.models
            if one.label in results.kept
            for file in one.files
        ],
        warnings=[*warnings_of(stages, {}), *_warnings(results)],
    )

    def pages(manifest: Manifest) -> dict[str, str | bytes]:
        tables = {f"tables/{name}.parquet": _parquet(frame) for name, frame in results.tables.items()}
        return {
            "README.md": model_card(manifest, results),
            "report.html": training_report(manifest, results),
        } | tables

    manifest = publish_stages(finished, pages)
    if not build.store.is_local:
        shutil.rmtree(work, ignore_errors=True)
    show_training(build, manifest, results)
    return str(build.ref)


def _warnings(results: Results) -> list[str]:
    return [
        f"stage {name} has no row held out, so it cannot stop early: raise `held_out`"
        for name, one in results.plan.items()
        if one.kind == "sft" and not one.held_out
    ]


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()
