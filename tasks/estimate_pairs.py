"""Estimate what a build of pairs takes: citations and abstracts from a probe, requests, tokens, cost."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from anessuite.llm.config import ModelConfig
from anessuite.llm.tally import cost_of
from anessuite.llm.tokens import message_tokens
from anessuite.settings import Settings
from anessuite.sources.citations import CitationSource
from anessuite.sources.entrez import look_up, newest
from anessuite.sources.eutils import Eutils
from anessuite.sources.files import XML_SUFFIXES, find_files
from filters.citation import CitationRules, citation_reason, off_topic, topic_columns
from filters.lexicon import Lexicon
from tasks.generate import Asked
from tasks.select import TOPIC_LANGUAGE, CitationFile, read_batches

_MOST_FETCHED = 500
"""Citations of a query that are fetched for a plan."""
_SAMPLED = 40
"""Abstracts whose prompts are tokenised."""
TOKENS_PER_SECOND = 30.0
"""Assumed speed of one request in flight, for the hours; a 70B model on a busy server is of that order."""
_TYPICAL_QUESTION = (
    "Which dose of the drug lowers the incidence of the event in these patients, and by how much?"
)
_REPLY_TOKENS = {"generate-questions": 40, "generate-judge": 60, "generate-answer": 70}
"""Generated tokens of one question, verdict and answer; a model that reasons writes many times as many."""


@dataclass(frozen=True, slots=True)
class StepEstimate:
    """One step that asks a model; at most so many requests, if the steps before dropped nothing."""

    step: str
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    hours: float
    counted: str


@dataclass(frozen=True, slots=True)
class PairEstimate:
    """What the sources hold, and what each step would take."""

    citations: int
    abstracts: int
    exact: bool
    steps: list[StepEstimate]


def estimate_pairs(
    sources: list[CitationSource],
    rules: CitationRules,
    mesh: list[str],
    lexicon: Lexicon,
    asked: list[Asked],
    *,
    count: int,
    sample: int | None,
    probe: int,
) -> PairEstimate:
    """Read up to ``probe`` citations of each source, scale by bytes, and tokenise real prompts.

    Citations and abstracts are counted before later versions, deletions and repeats are looked at. With
    ``sample`` exactly what a build would read is read. No more than ``max_abstracts`` of the rules are asked
    about.

    Of a query PubMed tells how many citations it has, and some of the newest are read.

    Raises SourceError as a build would, ConfigError for a query without an e-mail address for NCBI.
    """
    citations, useful, exact, shown = 0, 0, True, list[dict[str, Any]]()
    for source in sources:
        rows, kept, scale = _source(source, rules, mesh, lexicon, sample=sample, probe=probe)
        citations, useful = citations + round(rows * scale), useful + round(kept.height * scale)
        exact &= scale == 1.0
        shown += kept.head(_SAMPLED).to_dicts()
    drawn = min(useful, rules.max_abstracts or useful)
    numbers = [drawn, drawn * count, drawn * count]
    steps = [_step(one, shown, number, count) for one, number in zip(asked, numbers, strict=True)]
    return PairEstimate(citations, useful, exact, steps)


def _source(
    source: CitationSource,
    rules: CitationRules,
    mesh: list[str],
    lexicon: Lexicon,
    *,
    sample: int | None,
    probe: int,
) -> tuple[int, pl.DataFrame, float]:
    if source.entrez is not None:
        return _query(source, rules, mesh, lexicon, sample=sample, probe=probe)
    found = find_files(source.path or "", suffixes=XML_SUFFIXES)
    files = [CitationFile(source.label, file, sample) for file in found]
    return _probe(files if sample is None else files[:1], rules, mesh, lexicon, probe)


def _query(
    source: CitationSource,
    rules: CitationRules,
    mesh: list[str],
    lexicon: Lexicon,
    *,
    sample: int | None,
    probe: int,
) -> tuple[int, pl.DataFrame, float]:
    """As `_probe`, of the newest citations of a query."""
    query, eutils = source.entrez, Eutils(Settings())
    assert query is not None
    found = look_up(eutils, query)
    with TemporaryDirectory(prefix="anes-plan-") as folder:
        file = Path(folder) / "newest.xml"
        file.write_bytes(newest(eutils, query, found, min(probe, _MOST_FETCHED)))
        files = [CitationFile(source.label, one) for one in find_files(str(file), suffixes=XML_SUFFIXES)]
        rows, kept, _ = _probe(files, rules, mesh, lexicon, probe)
    return rows, kept, min(found.count, sample or found.count) / max(1, rows)


def _probe(
    files: list[CitationFile], rules: CitationRules, mesh: list[str], lexicon: Lexicon, probe: int
) -> tuple[int, pl.DataFrame, float]:
    """Citations read, the useful ones, and how much more there is of the source, by bytes."""
    rows, seen = 0, 0
    kept = [pl.DataFrame(schema={"title": pl.String, "abstract": pl.String})]
    for one in files:
        seen += one.file.bytes
        for batch in read_batches(one):
            citations = batch.filter(~pl.col("deleted"))
            rows += citations.height
            kept.append(_useful(citations, rules, mesh, lexicon))
        if rows >= probe:
            break
    total = sum(one.file.bytes for one in files)
    return rows, pl.concat(kept), total / max(1, seen)


def _useful(citations: pl.DataFrame, rules: CitationRules, mesh: list[str], lexicon: Lexicon) -> pl.DataFrame:
    frame = citations.filter(citation_reason(rules).is_null())
    frame = frame.with_columns(text=pl.concat_str("title", "abstract", separator="\n"))
    frame = frame.with_columns(topic_columns(mesh, lexicon, rules))
    return frame.filter(off_topic(rules, TOPIC_LANGUAGE).is_null()).select("title", "abstract")


def _step(asked: Asked, abstracts: list[dict[str, Any]], requests: int, count: int) -> StepEstimate:
    rows = [row | {"question": _TYPICAL_QUESTION} for row in abstracts[:_SAMPLED]]
    each = _REPLY_TOKENS[asked.step] * (count if asked.step == "generate-questions" else 1)
    return step_estimate(asked, rows, requests, each)


def step_estimate(asked: Asked, rows: list[dict[str, Any]], requests: int, reply_tokens: int) -> StepEstimate:
    """So many requests of a step; prompts are tokenised for ``rows``, replies taken for ``reply_tokens``."""
    model: ModelConfig = asked.model
    messages = [next(asked.requests(row)).messages for row in rows]
    mean, how = message_tokens(model, messages) if rows else (0.0, "")
    prompt, completion = round(mean * requests), min(reply_tokens, model.max_tokens) * requests
    return StepEstimate(
        step=asked.step,
        model=model.model,
        requests=requests,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost=cost_of(model.price, prompt, completion),
        hours=completion / (TOKENS_PER_SECOND * model.concurrency) / 3600,
        counted=how,
    )
