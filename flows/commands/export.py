"""``anes export``: a version in the form that a tool for training or evaluation reads."""

from typing import Annotated

import typer

from flows.commands.output import JsonOption, errors_explained, print_json, print_table
from flows.commands.versions import Ref, Root, root_or_default


def export(
    ref: Ref,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="jsonl, trl-sft, trl-grpo, trl-dpo, llamafactory or verl; of bench: anesbench, lm-eval",
        ),
    ],
    out: Annotated[str, typer.Option(help="folder or URL for the files; it may hold no export yet")],
    root: Root = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Write a finished version for training or evaluation: one file a language, and where it came from.

    jsonl has every column. A benchmark has two forms more: anesbench, the JSON
    that the published evaluator reads, and lm-eval, a folder of tasks for
    `lm_eval run --include_path OUT --tasks anes_bench` (its README.md says more).

    Examples:

        anes export qa@2026.12.01 --to trl-sft --out exports/qa

        anes export corpus@2026.12.01 --to llamafactory --out exports/corpus

        anes export r1@2026.12.01 --to trl-grpo --out exports/r1

        anes export bench@2026.12.01 --to lm-eval --out exports/bench
    """
    with errors_explained():
        from anessuite.exports import export as write
        from anessuite.storage import Store
        from anessuite.versions import DatasetRef

        written = write(Store(root_or_default(root)), DatasetRef.parse(ref), to, Store(out))
        if as_json:
            print_json({"version": ref, "format": written.format, "files": written.files})
            return
        print_table(["file", "rows"], list(written.files.items()), title=f"{ref} as {to} in {out}")
