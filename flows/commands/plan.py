"""``anes plan``: what a build would take, before anything is spent."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.build import ConfigFile, Name, Sample, quiet_prefect
from flows.commands.datasets import Dataset
from flows.commands.output import JsonOption, errors_explained, print_json, print_table
from flows.commands.plan_training import plan_training
from flows.commands.planned import Planned, Wanted
from flows.commands.versions import Root, root_or_default

if TYPE_CHECKING:
    from tasks.estimate_questions import QuestionEstimate


def plan(
    name: Name,
    config: ConfigFile,
    sample: Sample = None,
    workers: Annotated[int | None, typer.Option(min=1, help="parallel workers; default: all cores")] = None,
    probe: Annotated[int, typer.Option(min=1, help="rows of each source to try")] = 2000,
    root: Root = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Say what a build would take: rows, requests, tokens, cost, time and disk. Builds and spends nothing.

    Examples:

        anes plan corpus --config deployments/corpus.fineweb.yaml

        anes plan qa --config deployments/qa.pubmed.yaml

        anes plan r1 --config deployments/r1.deepseek.yaml

        anes plan bench --config deployments/bench.deepseek.yaml

        anes plan evaluation --config deployments/evaluation.yaml

        anes plan leakage --config deployments/leakage.demo.yaml

        anes plan morpheus --config deployments/training/qwen2.5-7b.yaml
    """
    with errors_explained():
        quiet_prefect()
        wanted = Wanted(config, sample, workers or os.cpu_count() or 1, probe, root_or_default(root))
        total, table, lines = _PLANS[name](wanted)
        if as_json:
            print_json({"dataset": name.value} | total)
            return
        print_table(list(table[0]), [list(row.values()) for row in table], title=f"plan {name.value}")
        for line in lines:
            typer.echo(line)


def _corpus(wanted: Wanted) -> Planned:
    from anessuite.config import read_config
    from flows.corpus import CorpusConfig
    from tasks.estimate import estimate

    recipe = read_config(wanted.config, CorpusConfig)
    curations = {source.language: recipe.curation(source.language) for source in recipe.sources}
    found = estimate(recipe.sources, curations, sample=wanted.sample, probe=wanted.probe)
    total = {
        "rows": sum(e.rows for e in found),
        "kept": sum(e.kept for e in found),
        "stored_rejects": sum(e.rejected for e in found),
        "disk_bytes": sum(e.disk_bytes for e in found),
        "seconds": sum(e.seconds for e in found) / wanted.workers,
        "workers": wanted.workers,
        "requests": 0,
        "tokens": 0,
        "cost": 0.0,
        "sources": [e.as_dict() for e in found],
    }
    lines = [
        f"in all: {total['rows']:,} rows, about {total['kept']:,} kept before duplicates go, "
        f"{total['disk_bytes'] / 1e6:,.1f} MB on disk, {total['seconds']:,.0f} s on {total['workers']} "
        "workers; model requests 0, tokens 0, cost 0",
        f"estimated from the first {wanted.probe:,} rows of each source; not exact: rows scaled by file size",
    ]
    return total, [e.as_dict() | {"exact": "yes" if e.exact else "no"} for e in found], lines


def _qa(wanted: Wanted) -> Planned:
    from dataclasses import asdict

    from anessuite.config import read_config
    from flows.qa import QaConfig
    from tasks.estimate_pairs import TOKENS_PER_SECOND, estimate_pairs
    from tasks.find_citations import read_mesh
    from tasks.select import TOPIC_LANGUAGE
    from tasks.survey import read_lexicon

    recipe = read_config(wanted.config, QaConfig)
    steps = [recipe.ask("questions"), recipe.ask("judge"), recipe.ask("answer")]
    found = estimate_pairs(
        recipe.sources,
        recipe.citations,
        read_mesh(recipe.specialty)[0],
        read_lexicon(recipe.specialty, TOPIC_LANGUAGE)[0],
        steps,
        count=recipe.questions_per_abstract,
        sample=wanted.sample,
        probe=wanted.probe,
    )
    tokens = sum(step.prompt_tokens + step.completion_tokens for step in found.steps)
    total = {
        "citations": found.citations,
        "abstracts": found.abstracts,
        "exact": found.exact,
        "requests": sum(step.requests for step in found.steps),
        "tokens": tokens,
        "cost": sum(step.cost for step in found.steps),
        "hours": sum(step.hours for step in found.steps),
        "steps": [asdict(step) for step in found.steps],
    }
    lines = [
        f"in all: {found.citations:,} citations{'' if found.exact else ' (scaled by file size)'}, "
        f"{found.abstracts:,} abstracts on the specialty, at most {total['requests']:,} requests, "
        f"{tokens:,} tokens, cost {total['cost']:,.2f}, {total['hours']:,.2f} h",
        "at most: as if no question were dropped on the way; requests that the cache knows cost nothing",
        f"hours: {TOKENS_PER_SECOND:g} generated tokens a second for each request in flight; "
        "a model that reasons writes many times the tokens given here",
    ]
    return total, total["steps"], lines


def _r1(wanted: Wanted) -> Planned:
    from anessuite.config import read_config
    from flows.r1 import R1Config
    from tasks.estimate_pairs import TOKENS_PER_SECOND
    from tasks.estimate_questions import REASONING_TOKENS, estimate_questions
    from tasks.pool import read_pool

    recipe = read_config(wanted.config, R1Config)
    pool = read_pool.fn(recipe.pool, specialty=recipe.specialty, sample=wanted.sample, keep_going=False)
    asked = [recipe.ask(number, pool.languages) for number in range(1, recipe.attempts + 1)]
    found = estimate_questions(pool, recipe.questions, recipe.topic, asked, tokens=REASONING_TOKENS)
    first = found.steps[0]
    return _questions(
        found,
        f"at least, if each first attempt is right: {first.requests:,} requests, cost {first.cost:,.2f}; "
        "before repeats and questions of the benchmark go; requests that the cache knows cost nothing",
        f"hours: {TOKENS_PER_SECOND:g} generated tokens a second for each request in flight; an attempt is "
        f"taken for {REASONING_TOKENS:,} tokens, or max_tokens if that is less",
    )


def _bench(wanted: Wanted) -> Planned:
    from anessuite.config import read_config
    from flows.bench import BenchConfig
    from tasks.estimate_pairs import TOKENS_PER_SECOND
    from tasks.estimate_questions import VOTE_TOKENS, estimate_questions
    from tasks.pool import read_pool

    recipe = read_config(wanted.config, BenchConfig)
    pool = read_pool.fn(recipe.sources, specialty=recipe.specialty, sample=wanted.sample, keep_going=False)
    asked = [recipe.ask(pool.languages)]
    found = estimate_questions(pool, recipe.questions, recipe.topic, asked, tokens=VOTE_TOKENS)
    people = round(sum(found.questions.values()) * recipe.review.fraction) * recipe.review.annotators
    return _questions(
        found,
        f"people: about {people:,} reviews, and those of questions on which the votes disagree",
        f"hours: {TOKENS_PER_SECOND:g} generated tokens a second for each request in flight; a vote is taken "
        f"for {VOTE_TOKENS:,} tokens, of which a model that reasons writes many times more",
    )


def _questions(found: "QuestionEstimate", *told: str) -> Planned:
    """The plan of a dataset that is made of exam questions."""
    from dataclasses import asdict

    tokens = sum(step.prompt_tokens + step.completion_tokens for step in found.steps)
    total = {
        "rows": found.rows,
        "questions": found.questions,
        "dropped": found.dropped,
        "requests": sum(step.requests for step in found.steps),
        "tokens": tokens,
        "cost": sum(step.cost for step in found.steps),
        "hours": sum(step.hours for step in found.steps),
        "steps": [asdict(step) for step in found.steps],
    }
    by_language = ", ".join(f"{language} {count:,}" for language, count in found.questions.items())
    lines = [
        f"in all: {found.rows:,} rows, questions {by_language}; at most {total['requests']:,} requests, "
        f"{tokens:,} tokens, cost {total['cost']:,.2f}, {total['hours']:,.2f} h",
        *told,
    ]
    if found.dropped:
        gone = ", ".join(f"{reason} {count:,}" for reason, count in found.dropped.items())
        lines.append(f"rows that make no question: {gone}")
    return total, total["steps"], lines


def _suite(wanted: Wanted) -> Planned:
    """The plans of the four one after another: what all of them take if none is there already."""
    import yaml

    from anessuite.config import read_config
    from anessuite.errors import ConfigError
    from flows.suite import SuiteConfig

    read_config(wanted.config, SuiteConfig)
    parts: dict[str, Any] = yaml.safe_load(wanted.config.read_text(encoding="utf-8"))
    totals, table, lines = dict[str, Any](), list[dict[str, Any]](), list[str]()
    for name, part in parts.items():
        if not isinstance(part, str):
            raise ConfigError(
                f"{wanted.config}: `{name}` is no path, and only files are planned",
                "put it into a file of its own",
            )
        total, _, told = _PLANS[Dataset(name)](replace(wanted, config=Path(part)))
        totals[name] = total
        row = {
            "dataset": name,
            "requests": total["requests"],
            "tokens": total["tokens"],
            "cost": total["cost"],
        }
        table.append(row)
        lines.append(f"{name}: {told[0].removeprefix('in all: ')}")
    whole = {what: sum(row[what] for row in table) for what in ("requests", "tokens", "cost")}
    lines.append(
        f"in all: at most {whole['requests']:,} requests, {whole['tokens']:,} tokens, "
        f"cost {whole['cost']:,.2f}; a dataset that is there with the same recipe takes nothing"
    )
    return whole | {"datasets": totals}, table, lines


def _evaluation(wanted: Wanted) -> Planned:
    from anessuite.builds import Build
    from anessuite.config import read_config
    from anessuite.sources.against import sources_of
    from anessuite.storage import Store
    from anessuite.versions import DatasetRef
    from flows.evaluation import EvaluationConfig
    from tasks.estimate_answers import REPLY_TOKENS, estimate_answers
    from tasks.estimate_pairs import TOKENS_PER_SECOND
    from tasks.lay_out import Shown, choose_exemplars, questions_stage
    from tasks.pool import read_pool

    recipe, store = read_config(wanted.config, EvaluationConfig), Store(wanted.root)
    read = read_pool.fn
    pool = read(sources_of(recipe.bench, store), specialty=None, sample=wanted.sample, keep_going=False)
    others = recipe.exemplars and read([recipe.exemplars], specialty=None, sample=None, keep_going=False)
    exemplars = choose_exemplars.fn(pool, others, most=recipe.shots, seed=recipe.seed)
    contests = recipe.contests(exemplars, pool.languages)
    stage = questions_stage(Build(store, DatasetRef("evaluation", "dev")))
    shown = {} if others else exemplars
    found = estimate_answers(pool, contests, shown, Shown(stage, 0, 1, recipe.seed))
    taken = ", ".join(f"{style} {tokens}" for style, tokens in REPLY_TOKENS.items())
    return _questions(
        found,
        f"hours: {TOKENS_PER_SECOND:g} generated tokens a second for each request in flight; replies are "
        f"taken for so many tokens, or max_tokens if that is less: {taken}; a model that reasons writes many "
        "times more",
        "open answers: as if each question stood without its options; what the cache knows costs nothing",
    )


def _leakage(wanted: Wanted) -> Planned:
    from anessuite.config import read_config
    from anessuite.sources.against import sources_of
    from anessuite.storage import Store
    from flows.leakage import LeakageConfig
    from tasks.estimate_leakage import estimate_leakage
    from tasks.pool import read_pool

    recipe, store = read_config(wanted.config, LeakageConfig), Store(wanted.root)
    sources = sources_of(recipe.bench, store)
    pool = read_pool.fn(sources, specialty=None, sample=wanted.sample, keep_going=False)
    total, steps = estimate_leakage(pool, recipe)
    gone = ", ".join(f"{reason} {count:,}" for reason, count in total["left_out"].items()) or "none"
    lines = [
        f"in all: {total['questions']:,} questions, at most {total['requests']:,} requests, "
        f"{total['tokens']:,} tokens, cost {total['cost']:,.2f}",
        f"questions left out: {gone}; what the cache knows costs nothing",
    ]
    return total, steps, lines


_PLANS = {
    Dataset.corpus: _corpus,
    Dataset.qa: _qa,
    Dataset.r1: _r1,
    Dataset.bench: _bench,
    Dataset.suite: _suite,
    Dataset.evaluation: _evaluation,
    Dataset.leakage: _leakage,
    Dataset.morpheus: plan_training,
}
