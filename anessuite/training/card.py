"""The model card of a training: README.md, whose front matter the hub reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import yaml

from anessuite.card_markdown import Cell, code, line, table
from anessuite.card_words import language_name
from anessuite.manifests import Manifest
from anessuite.scores import ALL, MEAN
from anessuite.training.results import BENCH, GENERAL, Results

REASONS = {
    "no_prompt": "the row asks nothing",
    "no_completion": "the row has no reply",
    "no_text": "the row has no text",
    "malformed_row": "no JSON object",
    "exact_duplicate": "the same row came before in this stage",
    "too_long": "more tokens than `max_length` (of GRPO: its prompt, than `max_prompt`)",
    "no_gold": "the solution is no letter of the options",
    "held_out": "of the slice that no stage trains on",
    "always_right": "each of two or more attempts was right: no gradient",
    "always_wrong": "no attempt was right: no gradient",
    "beyond_max_rows": "not drawn among `max_rows`",
    "beyond_mix": "the mix of groups has no place for it",
}
COLUMNS = {
    "id": "id of the row in its version; of files a hash of prompt and completion",
    "stage": "the stage of training",
    "language": "en or zh",
    "group": "its name in the mix",
    "source": "the version or file",
    "source_id": "the row there",
    "prompt": "messages before the reply",
    "completion": "the reply",
    "text": "of pre-training: the document",
    "options": "of GRPO: the options",
    "solution": "of GRPO: the right letter",
    "pass_rate": "share of right attempts in r1",
    "tokens": "by the base model's tokenizer, with its chat template; of GRPO the prompt's",
    "held_out": "looked at, never trained on",
    "places": "its numbers in the order of the stage",
}


def model_card(manifest: Manifest, results: Results) -> str:
    """README.md of a training."""
    sections = [
        f"# {manifest.name} {manifest.version}\n\n{_summary(manifest)}",
        *(f"> **Warning:** {line(warning)}" for warning in manifest.warnings),
        _accuracy(results),
        _forgetting(results),
        _stages(manifest, results),
        _weights(manifest, results),
        _data(manifest),
        _use(manifest, results),
        _limits(),
    ]
    return f"---\n{_front(manifest, results)}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"


def _front(manifest: Manifest, results: Results) -> str:
    config = manifest.recipe.config
    languages = (
        sorted({str(one) for one in results.scores(BENCH)["language"]} - {ALL, MEAN})
        if BENCH in results.examined
        else []
    )
    content: dict[str, Any] = {
        "base_model": config["base"]["path"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "language": languages or ["en", "zh"],
        "tags": ["medical", "anessuite", "trl", *{one.kind: None for one in results.plan.values()}],
        "configs": [{"config_name": name, "data_files": f"data/{name}-*.parquet"} for name in manifest.rows],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def _summary(manifest: Manifest) -> str:
    config = manifest.recipe.config
    data = ", ".join(
        dict.fromkeys(one.name for one in manifest.recipe.inputs if not one.name.startswith("base "))
    )
    return line(f"{config['base']['path']}, trained on {data}, after the paper AnesSuite (arXiv 2504.02404).")


def _accuracy(results: Results) -> str:
    return _examined(results, BENCH, "## Accuracy before and after", "")


def _forgetting(results: Results) -> str:
    return _examined(results, GENERAL, "## What was forgotten", "The same on questions of other fields.")


def _examined(results: Results, name: str, heading: str, said: str) -> str:
    scores = results.scores(name)
    if not scores.height:
        return ""
    found = results.examined[name]
    text = (
        f"{said} Accuracy in percent with 95 % intervals over questions ({code(found.ref)}); differences "
        "from the base model by the paired bootstrap, p corrected for all pairs (Holm)."
    ).strip()
    return "\n\n".join([heading, text, score_table(scores), gain_table(results.against_base(name))])


def score_table(scores: pl.DataFrame) -> str:
    """A row a model, a column a language."""
    languages = list(dict.fromkeys(scores["language"]))
    rows = [
        [code(model), *(_cell(scores, model, language) for language in languages)]
        for model in dict.fromkeys(scores["model"])
    ]
    return table(("model", *map(_language, languages)), rows)


def _language(language: str) -> str:
    return {ALL: "all questions", MEAN: "mean of languages"}.get(language) or language_name(language)


def _cell(scores: pl.DataFrame, model: str, language: str) -> str:
    found = scores.filter((pl.col("model") == model) & (pl.col("language") == language))
    if not found.height:
        return "–"
    row = found.row(0, named=True)
    return f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


def gain_table(gains: pl.DataFrame) -> str:
    """What each model gained over the base, in percentage points."""
    rows: list[Sequence[Cell]] = [
        (
            code(row["model"]),
            _language(row["language"]),
            f"{100 * row['difference']:+.1f} ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})",
            f"{row['p_holm']:.2g}",
        )
        for row in gains.iter_rows(named=True)
    ]
    return table(("model", "questions", "against base, points", "p"), rows) if rows else ""


def _stages(manifest: Manifest, results: Results) -> str:
    rows: list[Sequence[Cell]] = [
        (
            code(name),
            one.kind,
            one.rows,
            one.places,
            one.held_out,
            _tokens(one.tokens),
            one.steps,
            one.reached,
        )
        for name, one in results.plan.items()
    ]
    head = ("stage", "kind", "rows", "places", "held out", "tokens a pass", "steps", "places reached")
    runs = manifest.recipe.config["runs"] or [list(results.plan)]
    told = "; ".join(" > ".join(run) for run in runs)
    return (
        f"## Stages\n\nRuns: {told}. The loss of sft is on replies alone; rewards of grpo are "
        "read by the reader of answers that construction and evaluation use. Curves are in `report.html` and "
        f"`tables/curves.parquet`.\n\n{table(head, rows)}"
    )


def _tokens(tokens: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(tokens.items()))


def _weights(manifest: Manifest, results: Results) -> str:
    rows: list[Sequence[Cell]] = [
        (
            code(one.label),
            code(f"models/{folder_of(one.label)}/") if one.label in results.kept else "not kept",
            sum(file.bytes for file in one.files),
            code(one.digest),
        )
        for one in results.models
    ]
    text = "`manifest.json` has the SHA-256 of each file."
    return f"## Models\n\n{text}\n\n{table(('model', 'folder', 'bytes', 'digest'), rows)}"


def folder_of(label: str) -> str:
    """Folder of a model in the version."""
    return label.replace("+", ".")


def _data(manifest: Manifest) -> str:
    columns = [(code(name), code(kind), COLUMNS.get(name, "")) for name, kind in manifest.schema_.items()]
    drops = [
        (code(reason), REASONS.get(reason, ""), count)
        for reason, count in sorted(manifest.drops.items(), key=lambda drop: -drop[1])
    ]
    dropped = table(("reason", "meaning", "rows"), drops) if drops else "No row was left out."
    return (
        "## Data\n\n`data/` has every row that was trained on or held out, with its places in the order, "
        f"`rejected/` all others.\n\n{table(('column', 'type', 'meaning'), columns)}\n\n"
        f"### Rows left out\n\n{dropped}"
    )


def _use(manifest: Manifest, results: Results) -> str:
    kept = next((one.label for one in reversed(results.models) if one.label in results.kept), "")
    folder = f"PATH/TO/{manifest.name}/{manifest.version}/models/{folder_of(kept)}"
    return f"""## How to use it

```sh
vllm serve {folder}
anes verify {manifest.name}@{manifest.version}
```

Asked in the words of the training exports (style `plain` of `anes build evaluation`), it reasons in
`<think>...</think>` and ends with its answer."""


def _limits() -> str:
    lines = (
        "A score says how a model does on exam questions, and nothing about its use at a bedside. It is no "
        "medical device.",
        "A right letter proves no right reasoning, in the data and in the reward.",
    )
    return "## Limits\n\n" + "\n".join(f"- {text}" for text in lines)
