"""The dataset card of a version: README.md whose front matter makes `datasets.load_dataset(folder)` work."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import yaml

from anessuite.card_documents import DOCUMENTS
from anessuite.card_evaluated import EVALUATED
from anessuite.card_form import CardForm
from anessuite.card_graded import graded_form
from anessuite.card_markdown import Cell, line, table
from anessuite.card_pairs import PAIRS
from anessuite.card_solved import SOLVED
from anessuite.card_words import LANGUAGES
from anessuite.graded_facts import GradedFacts
from anessuite.manifests import Manifest
from anessuite.origins import stage_totals
from anessuite.review.parts import ReviewFacts

_SIZES = [
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
]
_HUB_LICENCES = {
    *("apache-2.0", "mit", "cc0-1.0", "odc-by", "odbl", "pddl", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0"),
    *("cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"),
}
"""Identifiers of the Hugging Face hub that sources of text are likely to have."""


def dataset_card(manifest: Manifest, *, licences: dict[str, str], summary: str) -> str:
    """README.md of a corpus; ``licences`` maps each source to its licence, "" where none is stated."""
    return card(manifest, replace(DOCUMENTS, summary=lambda _: summary), licences)


def pair_card(manifest: Manifest, licences: dict[str, str]) -> str:
    """README.md of a version of question-answer pairs."""
    return card(manifest, PAIRS, licences)


def solved_card(manifest: Manifest, licences: dict[str, str]) -> str:
    """README.md of a version of solved questions."""
    return card(manifest, SOLVED, licences)


def graded_card(manifest: Manifest, facts: GradedFacts, reviewed: ReviewFacts) -> str:
    """README.md of a version of graded questions."""
    return card(manifest, graded_form(facts, reviewed), facts.licences)


def evaluated_card(manifest: Manifest, licences: dict[str, str]) -> str:
    """README.md of an evaluation."""
    return card(manifest, EVALUATED, licences)


def card(manifest: Manifest, form: CardForm, licences: dict[str, str]) -> str:
    """README.md of a version of any dataset; ``form`` has the words that are of its kind alone."""
    sections = [
        f"# {manifest.name} {manifest.version}\n\n{line(form.summary(manifest))}",
        _counts(manifest, form),
        *form.sections(manifest),
        _columns(manifest, form),
        _funnel(manifest, form),
        _reasons(manifest, form),
        f"## Sources\n\n{form.sources(manifest, licences)}",
        _use(manifest, form),
        _limits(manifest, form),
    ]
    front = _front_matter(manifest, form, licences)
    return f"---\n{front}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"


def _front_matter(manifest: Manifest, form: CardForm, licences: dict[str, str]) -> str:
    languages = _loadable(manifest)
    specialty = manifest.recipe.config.get("specialty")
    tags = ["medical", *([" ".join(specialty.split())] if isinstance(specialty, str) else []), "anessuite"]
    content: dict[str, Any] = {
        "pretty_name": f"{manifest.name} {manifest.version}",
        "language": languages,
        "license": hub_licence(licences.values()),
        "task_categories": list(form.task_categories),
        "size_categories": [size_category(manifest.kept)],
        "tags": tags,
        "configs": [
            {"config_name": language, "data_files": f"data/{language}-*.parquet"}
            | ({"default": True} if language == languages[0] else {})
            for language in languages
        ],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def _loadable(manifest: Manifest) -> list[str]:
    """Languages that have rows: an empty config is no use to anyone."""
    return [language for language, rows in manifest.rows.items() if rows] or list(manifest.rows)


def hub_licence(licences: Iterable[str]) -> str:
    """The hub's identifier if all sources share a known one, "unknown" if none states one, else "other"."""
    found = {re.sub(r"[\s_]+", "-", licence.strip().lower()) for licence in licences}
    if found <= {""}:
        return "unknown"
    only = found.pop() if len(found) == 1 else ""
    return only if only in _HUB_LICENCES else "other"


def size_category(rows: int) -> str:
    """The hub's name for a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), "10B<n<100B")


def _counts(manifest: Manifest, form: CardForm) -> str:
    rows = []
    for language, kept in manifest.rows.items():
        files = [f for f in manifest.data_files() if f.path.startswith(f"data/{language}-")]
        name = LANGUAGES.get(language, language)
        rows.append((name, f"`{language}`", kept, len(files), sum(file.bytes for file in files)))
    where = "Figures and samples are in `report.html`; `manifest.json` has the whole recipe."
    warnings = [
        f"> **Warning:** {line(warning)}" for warning in [*manifest.warnings, *_left_out_unsaid(manifest)]
    ]
    counts = table(("language", "config", form.rows, "files", "bytes"), rows)
    return "\n\n".join(["## Contents", f"{form.counts(manifest)} {where}", *warnings, counts])


def _left_out_unsaid(manifest: Manifest) -> list[str]:
    count = len(manifest.quarantined)
    if not count or any("left out" in warning for warning in manifest.warnings):
        return []
    return [f"source files that could not be read and were left out: {count:,}; manifest.json names them"]


def _columns(manifest: Manifest, form: CardForm) -> str:
    rows = [(f"`{name}`", f"`{kind}`", form.columns.get(name, "")) for name, kind in manifest.schema_.items()]
    return f"## Columns\n\n{table(('column', 'type', 'meaning'), rows)}" if rows else ""


def _funnel(manifest: Manifest, form: CardForm) -> str:
    units = {stage.stage: form.unit(stage) for stage in manifest.funnel}
    rows: list[Sequence[Cell]] = [
        (stage, units[stage], rows_in, dropped, rows_in - dropped)
        for stage, rows_in, dropped in stage_totals(manifest.funnel)
    ]
    head = ("stage", "rows are", "rows in", "dropped", "rows out")
    return f"## Funnel\n\n{table(head, rows)}" if rows else ""


def _reasons(manifest: Manifest, form: CardForm) -> str:
    if not manifest.drops:
        return "## Dropped rows\n\nNo row was dropped."
    rows = [
        (f"`{reason}`", form.reasons.get(reason, ""), unit, count)
        for (reason, unit), count in sorted(
            _drops(manifest, form).items(), key=lambda drop: (-drop[1], drop[0])
        )
    ]
    text = "Dropped rows are in `rejected/` with their reason and, where there is any, evidence."
    return f"## Dropped rows\n\n{text}\n\n{table(('reason', 'meaning', 'rows are', 'rows'), rows)}"


def _drops(manifest: Manifest, form: CardForm) -> Counter[tuple[str, str]]:
    """Dropped rows by reason and unit."""
    found: Counter[tuple[str, str]] = Counter()
    for stage in manifest.funnel:
        for reason, count in stage.dropped.items():
            found[reason, form.unit(stage)] += count
    return found


def _use(manifest: Manifest, form: CardForm) -> str:
    languages = _loadable(manifest)
    language = languages[0] if languages else "en"
    return f"""## How to load it

```python
from datasets import load_dataset

{form.rows} = load_dataset("PATH/TO/{manifest.name}/{manifest.version}", "{language}", split="train")
```

Any Parquet reader will do as well: `polars.read_parquet("data/{language}-*.parquet")`.

## How to verify it

```sh
anes verify {manifest.name}@{manifest.version}
```

reads every file again and compares it with the SHA-256 in `manifest.json`."""


def _limits(manifest: Manifest, form: CardForm) -> str:
    config = manifest.recipe.config
    limits = form.limits(manifest)
    if not config.get("against") and "bench" not in config:  # a benchmark itself is no training data
        limits.append(f"The {form.rows} were not decontaminated against any benchmark.")
    if config.get("sample"):
        limits.append(f"A trial: only the first {config['sample']:,} rows of each source were read.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)
