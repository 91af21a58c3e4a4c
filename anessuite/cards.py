"""The dataset card of a version: README.md whose front matter makes `datasets.load_dataset(folder)` work."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from anessuite.manifests import Manifest

REASONS: dict[str, str] = {
    "no_text": "the row holds no text",
    "malformed_json": "the line is not a JSON object",
    "not_extractable": "no main text was found in the web page",
    "extraction_timeout": "finding the main text of the web page took too long",
    "no_term": "no term of the lexicon occurs, not even inside a word; these rows are counted, not stored",
    "no_whole_word": "terms occur only inside other words or in phrases that do not count",
    "no_core_term": "too few terms that belong to the specialty itself",
    "too_few_hits": "too few hits of terms",
    "too_few_terms": "too few different terms",
    "too_sparse": "too few hits for the length of the text",
    "wrong_language": "not written in the language of its source",
    "too_short": "fewer characters than the least length",
    "too_long": "more characters than the greatest length",
    "broken_characters": "damaged encoding or control characters",
    "lorem_ipsum": "placeholder text",
    "javascript_warning": "mostly a notice that JavaScript is missing",
    "curly_brackets": "so many curly brackets that it is program code",
    "boilerplate": "mostly notices on cookies, terms or privacy",
    "short_words": "words too short on average for prose",
    "long_words": "words too long on average for prose",
    "too_many_symbols": "too many hash signs or ellipses",
    "few_alphabetic_words": "too few words hold a letter",
    "few_alphabetic_chars": "too few characters are letters, digits or punctuation",
    "mostly_bullets": "nearly all lines are bullets",
    "mostly_ellipses": "many lines break off in an ellipsis",
    "no_terminal_punctuation": "no sentence ends",
    "duplicate_lines": "too many lines repeat an earlier line",
    "duplicate_paragraphs": "too many paragraphs repeat an earlier one",
    "exact_duplicate": "the same text as another row, but for case, width and white space",
    "near_duplicate": "nearly the same text as a longer or earlier row",
    "contaminated_lcs": "shares more than 64 characters with a question of the benchmark",
    "contaminated_cover": "holds so much of a question of the benchmark that it gives it away",
}
"""What the reasons to drop a row mean; a reason that is not here is shown as it is."""

LANGUAGES = {"en": "English", "zh": "Chinese"}
KINDS = {
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "ip": "IP addresses",
    "cn_id": "Chinese identity numbers",
}
"""Names of the kinds of personal data that are masked."""

_COLUMNS = {
    "id": "hash of the normalised text; the same text has the same id in every version",
    "text": "the document; personal data is replaced by tags such as `<EMAIL>`",
    "language": "language of the source (ISO 639-1)",
    "source": "name of the source in the config",
    "source_id": "the id that the source gave, or its file and row",
    "url": "address of the page, where the source gave one",
    "terms": "different lexicon terms found, in order of first occurrence",
    "term_hits": "how often terms were found",
    "hits_per_1000_chars": "term hits per 1,000 characters",
    "masked": "how many pieces of personal data were masked",
}
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
    """README.md of a version; ``licences`` maps each source to its licence, "" where none is stated."""
    sections = [
        f"# {manifest.name} {manifest.version}\n\n{_line(summary)}",
        _counts(manifest),
        _columns(manifest),
        _funnel(manifest),
        _reasons(manifest),
        _sources(manifest, licences),
        _use(manifest),
        _limits(manifest),
    ]
    return f"---\n{_front_matter(manifest, licences)}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"


def _front_matter(manifest: Manifest, licences: dict[str, str]) -> str:
    languages = _loadable(manifest)
    specialty = manifest.recipe.config.get("specialty")
    tags = ["medical", *([" ".join(specialty.split())] if isinstance(specialty, str) else []), "anessuite"]
    content: dict[str, Any] = {
        "pretty_name": f"{manifest.name} {manifest.version}",
        "language": languages,
        "license": hub_licence(licences.values()),
        "task_categories": ["text-generation"],
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


def _counts(manifest: Manifest) -> str:
    read = manifest.kept + manifest.dropped
    rows = []
    for language, kept in manifest.rows.items():
        files = [f for f in manifest.data_files() if f.path.startswith(f"data/{language}-")]
        name = LANGUAGES.get(language, language)
        rows.append((name, f"`{language}`", kept, len(files), sum(file.bytes for file in files)))
    text = (
        f"{read:,} rows were read, {manifest.kept:,} were kept and {manifest.dropped:,} dropped, each for a "
        "stated reason. Figures and samples are in `report.html`; `manifest.json` has the whole recipe."
    )
    warnings = [
        f"> **Warning:** {_line(warning)}" for warning in [*manifest.warnings, *_left_out_unsaid(manifest)]
    ]
    parts = [
        "## Contents",
        text,
        *warnings,
        _table(("language", "config", "documents", "files", "bytes"), rows),
    ]
    return "\n\n".join(parts)


def _left_out_unsaid(manifest: Manifest) -> list[str]:
    count = len(manifest.quarantined)
    if not count or any("left out" in warning for warning in manifest.warnings):
        return []
    return [f"source files that could not be read and were left out: {count:,}; manifest.json names them"]


def _columns(manifest: Manifest) -> str:
    rows = [(f"`{name}`", f"`{kind}`", _COLUMNS.get(name, "")) for name, kind in manifest.schema_.items()]
    return f"## Columns\n\n{_table(('column', 'type', 'meaning'), rows)}" if rows else ""


def _funnel(manifest: Manifest) -> str:
    rows: list[Sequence[str | int]] = [
        (stage, rows_in, dropped, rows_in - dropped) for stage, rows_in, dropped in stage_totals(manifest)
    ]
    return f"## Funnel\n\n{_table(('stage', 'rows in', 'dropped', 'rows out'), rows)}" if rows else ""


def stage_totals(manifest: Manifest) -> list[tuple[str, int, int]]:
    """Stages in order over all sources: name, rows that entered, rows dropped."""
    entered: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for stage in manifest.funnel:
        entered[stage.stage] += stage.rows_in
        dropped[stage.stage] += sum(stage.dropped.values())
    return [(stage, entered[stage], dropped[stage]) for stage in entered]


def _reasons(manifest: Manifest) -> str:
    if not manifest.drops:
        return "## Dropped rows\n\nNo row was dropped."
    ranked = sorted(manifest.drops.items(), key=lambda drop: (-drop[1], drop[0]))
    rows = [(f"`{reason}`", REASONS.get(reason, ""), count) for reason, count in ranked]
    text = "Dropped rows are in `rejected/` with their reason and, where there is any, evidence."
    return f"## Dropped rows\n\n{text}\n\n{_table(('reason', 'meaning', 'rows'), rows)}"


def _sources(manifest: Manifest, licences: dict[str, str]) -> str:
    read: dict[str, int] = {}
    kept: dict[str, int] = {}
    for stage in manifest.funnel:
        read.setdefault(stage.source, stage.rows_in)
        kept[stage.source] = stage.rows_out
    names = list(dict.fromkeys([*read, *licences]))
    rows = [
        (name, licences.get(name) or "not stated", read.get(name, 0), kept.get(name, 0)) for name in names
    ]
    text = "Each document stays under the licence and the terms of use of its source."
    return f"## Sources\n\n{text}\n\n{_table(('source', 'licence', 'rows read', 'rows kept'), rows)}"


def _use(manifest: Manifest) -> str:
    languages = _loadable(manifest)
    language = languages[0] if languages else "en"
    return f"""## How to load it

```python
from datasets import load_dataset

documents = load_dataset("PATH/TO/{manifest.name}/{manifest.version}", "{language}", split="train")
```

Any Parquet reader will do as well: `polars.read_parquet("data/{language}-*.parquet")`.

## How to verify it

```sh
anes verify {manifest.name}@{manifest.version}
```

reads every file again and compares it with the SHA-256 in `manifest.json`."""


def _limits(manifest: Manifest) -> str:
    config = manifest.recipe.config
    masked = ", ".join(f"{count:,} {KINDS.get(kind, kind)}" for kind, count in manifest.masked.items())
    limits = [
        "The documents were chosen by terms and rules, not by people: some are off the topic, and some "
        "on the topic are missing.",
        "They are texts as their authors published them: out of date, contradictory or wrong in places. They "
        "are no medical advice.",
        f"Personal data is masked by patterns ({masked or 'none was found'}). Names, addresses and dates "
        "are not masked.",
        "Near duplicates are found by a random method (MinHash): a few may remain.",
    ]
    if not config.get("against"):
        limits.append("The documents were not decontaminated against any benchmark.")
    if config.get("sample"):
        limits.append(f"A trial: only the first {config['sample']:,} rows of each source were read.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _table(head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    rows = [[f"{cell:,}" if isinstance(cell, int) else _cell(cell) for cell in row] for row in rows]
    right = [all(re.fullmatch(r"[\d,]+", row[i]) for row in rows) for i in range(len(head))]
    marks = ["---:" if is_right and rows else "---" for is_right in right]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(head), marks, *rows])


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    """One line of Markdown; what would open an HTML element is escaped outside of code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)
