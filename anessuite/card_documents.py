"""What the card of a corpus says."""

from collections.abc import Mapping

from anessuite.card_form import CardForm
from anessuite.card_markdown import table
from anessuite.card_words import KINDS, REASONS
from anessuite.manifests import Manifest

COLUMNS = {
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


def _summary(_: Manifest) -> str:
    return "Documents for continued pre-training, found in web corpora by a two-stage keyword filter."


def _counts(manifest: Manifest) -> str:
    read = manifest.kept + manifest.dropped
    return (
        f"{read:,} rows were read, {manifest.kept:,} were kept and {manifest.dropped:,} dropped, each for a "
        "stated reason."
    )


def _sources(manifest: Manifest, licences: Mapping[str, str]) -> str:
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
    return f"{text}\n\n{table(('source', 'licence', 'rows read', 'rows kept'), rows)}"


def _limits(manifest: Manifest) -> list[str]:
    masked = ", ".join(f"{count:,} {KINDS.get(kind, kind)}" for kind, count in manifest.masked.items())
    return [
        "The documents were chosen by terms and rules, not by people: some are off the topic, and some "
        "on the topic are missing.",
        "They are texts as their authors published them: out of date, contradictory or wrong in places. They "
        "are no medical advice.",
        f"Personal data is masked by patterns ({masked or 'none was found'}). Names, addresses and dates "
        "are not masked.",
        "Near duplicates are found by a random method (MinHash): a few may remain.",
    ]


DOCUMENTS = CardForm(
    rows="documents",
    task_categories=("text-generation",),
    summary=_summary,
    counts=_counts,
    columns=COLUMNS,
    reasons=REASONS,
    unit=lambda _: "",
    sources=_sources,
    limits=_limits,
)
