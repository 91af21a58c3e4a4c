"""The report of question-answer pairs: counted frame by frame, evidence that reads well, hostile texts."""

import html
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anessuite.manifests import Input, Manifest, Quarantined, Recipe, Stage
from anessuite.pair_reports import PairFacts, pair_facts, pair_report
from anessuite.report_bins import log_lower, log_upper, share_lower
from anessuite.report_evidence import evidence_of
from anessuite.report_facts import SAMPLES_KEPT, SAMPLES_PER_REASON, TOP_JOURNALS
from anessuite.report_models import steps_of
from anessuite.report_parts import with_share
from anessuite.schemas import QA_PAIR, REJECTED_PAIR, empty
from tests.anessuite.test_reports import HOSTILE, assert_harmless

QUESTION = "Which dose of sugammadex reverses rocuronium at a count of two?"
ANSWER = "Sugammadex 2 mg/kg, with atropine 10 µg/kg, in 1,200 ms; 88% of the patients recover."
ARTICLE: dict[str, Any] = {
    "source": "pubmed",
    "source_id": "99000001#0",
    "pmid": "99000001",
    "title": "Reversal of rocuronium",
    "journal": "Anaesthesia",
    "year": 2021,
    "doi": None,
}


def pair(**changes: Any) -> dict[str, Any]:
    fields = dict.fromkeys(QA_PAIR.names, "-") | ARTICLE
    fields |= {"id": "a1", "question": QUESTION, "answer": ANSWER, "language": "en", "grounding_score": 0.93}
    return fields | {"verdict": "The dose is in the abstract."} | changes


def dropped(stage: str, reason: str, evidence: Any = None, **changes: Any) -> dict[str, Any]:
    shown = evidence if evidence is None or isinstance(evidence, str) else json.dumps(evidence)
    fields = ARTICLE | {"id": "b1", "question": QUESTION, "answer": ANSWER, "language": "en"}
    return fields | {"stage": stage, "reason": reason, "evidence": shown} | changes


def kept(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=empty(QA_PAIR).schema)


def rejected(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=empty(REJECTED_PAIR).schema)


def facts(kept_rows: list[dict[str, Any]] | None = None, *rows: dict[str, Any]) -> PairFacts:
    return pair_facts(
        [kept(*([pair()] if kept_rows is None else kept_rows))], [rejected(*rows)], {"pubmed": "NLM"}
    )


def manifest(**changes: Any) -> Manifest:
    funnel = [
        Stage(
            stage="citations", source="citations", rows_in=1000, dropped={"off_topic": 700, "no_abstract": 60}
        ),
        Stage(stage="updates", source="citations", rows_in=240, dropped={"superseded": 3}),
        Stage(stage="questions", source="abstracts", rows_in=237, dropped={"not_parseable": 37}),
        Stage(stage="rules", source="questions", rows_in=580, dropped={"mentions_study": 80}),
        Stage(stage="judge", source="questions", rows_in=500, dropped={"not_answerable": 110}),
        Stage(
            stage="answer", source="questions", rows_in=390, dropped={"ungrounded_number": 40, "truncated": 1}
        ),
        Stage(stage="repeats", source="questions", rows_in=349, dropped={"near_duplicate_question": 9}),
        Stage(stage="decontaminate", source="questions", rows_in=340, dropped={"contaminated_lcs": 4}),
    ]
    config = {
        "generator": {"model": "org/Writer", "parameters": {"temperature": 0.7}},
        "filter": {"model": "org/Judge"},
    }
    prompts = [f"prompts/qa/{name}.en.v2.md" for name in ("questions", "judge", "answer")]
    fields: dict[str, Any] = {
        "name": "qa",
        "version": "2026.12.01",
        "created": datetime(2026, 12, 1, tzinfo=UTC),
        "recipe": Recipe(
            inputs=[Input(name="pubmed", source="pubmed26n0001.xml.gz", bytes=12345, digest="feed" * 16)],
            config=config,
            texts=dict.fromkeys(prompts, "beef" * 16),
        ),
        "code": {"version": "0.1.0"},
        "packages": {"polars": "2.1.0"},
        "schema_": {"question": "string"},
        "files": [],
        "rows": {"en": 336},
        "drops": {reason: n for stage in funnel for reason, n in stage.dropped.items()},
        "funnel": funnel,
        "masked": {},
        "quarantined": [],
        "requests": {
            "generate-questions.requests": 237,
            "generate-questions.prompt_tokens": 237_000,
            "generate-questions.completion_tokens": 23_700,
            "generate-answer.requests": 390,
            "generate-answer.prompt_tokens": 390_390,
            "generate-answer.completion_tokens": 39_000,
            "generate-answer.fault_truncated": 1,
        },
        "warnings": [],
    }
    return Manifest(**(fields | changes))


def plain(*rows: dict[str, Any]) -> Manifest:
    """For tests that look at rows: with their stage alone, and no requests, there is little to draw."""
    drops = {row["reason"]: 1 for row in rows}
    stage = Stage(stage=rows[0]["stage"] if rows else "judge", source="questions", rows_in=9, dropped=drops)
    return manifest(funnel=[stage], drops=drops, requests={})


def shown(page: str) -> str:
    """The page's text without elements and their style, on one line."""
    body = re.sub(r"(?s)<style>.*?</style>", "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


@pytest.fixture(scope="module")
def text() -> str:
    return shown(pair_report(manifest(), facts()))


def test_each_kind_of_row_has_a_funnel_of_its_own_with_pass_rates(text: str) -> None:
    assert "Citations citations 1,000 760 240 24.0 % 24.0 % updates 240 3 237 98.8 % 23.7 %" in text
    assert "Abstracts questions 237 37 200 84.4 % 84.4 %" in text
    assert "Questions rules 580 80 500 86.2 % 86.2 %" in text
    assert "decontaminate 340 4 336 98.8 % 57.9 %" in text
    assert "2.9 for each of 200 abstracts" in text
    assert "336 57.9 % of the questions" in text


def test_reasons_stand_under_their_stage_with_their_share_of_it_and_their_meaning(text: str) -> None:
    assert "off_topic 700 70.0 % neither a main subject" in text
    assert "judge not_answerable 110 22.0 % the filter model says" in text
    assert "answer ungrounded_number 40 10.3 % the answer holds a number" in text
    assert "110 of 500 questions dropped, 22.0\u00a0%".replace("\u00a0", " ") in text


def test_models_prompts_tokens_and_faults_are_told_by_step(text: str) -> None:
    assert "generator writes the questions org/Writer temperature 0.7" in text
    assert "generate-questions generator questions.en.v2 237 237,000 23,700 1,000 100" in text
    assert "generate-answer filter answer.en.v2 390 390,390 39,000 1,001 100" in text
    assert "generate-answer truncated 1 0.26 % the model's reply was cut off" in text
    assert "627 690,090 tokens" in text


def test_a_build_that_asked_no_model_says_so() -> None:
    text = shown(pair_report(manifest(requests={}), facts()))
    assert "No model was asked." in text
    assert "Replies of no use There were none." in text


def test_counts_of_requests_are_split_at_the_last_stop() -> None:
    assert steps_of({"generate-a.b.requests": 1, "plain": 2}) == {
        "generate-a.b": {"requests": 1},
        "": {"plain": 2},
    }


def test_the_page_loads_and_runs_nothing() -> None:
    page = pair_report(manifest(), facts(None, dropped("judge", "not_answerable")))
    assert_harmless(page)
    assert "default-src 'none'" in page


def test_warnings_and_unreadable_files_stand_before_the_numbers() -> None:
    broken = Quarantined(source="pubmed", path="b.xml.gz", error="no root")
    page = pair_report(manifest(warnings=["5 requests without an answer"], quarantined=[broken]), facts())
    assert page.index("5 requests without an answer") < page.index("no root") < page.index("Citations read")


# Facts


def test_frames_are_counted_whole_however_they_are_cut() -> None:
    rows = [
        pair(
            id=f"{i:03d}", pmid=str(i // 3), year=None if i % 7 == 0 else 1990 + i % 30, journal=f"J{i % 25}"
        )
        | {"question": "q" * (i + 1), "grounding_score": i / 60}
        for i in range(60)
    ]
    gone = [dropped(f"stage{i % 2}", f"reason{i % 3}", id=f"{i:03d}") for i in range(60)]
    whole = pair_facts([kept(*rows)], [rejected(*gone)], {})
    cut = pair_facts((kept(row) for row in reversed(rows)), (rejected(row) for row in reversed(gone)), {})
    for name in PairFacts.__dataclass_fields__:
        one, other = getattr(whole, name), getattr(cut, name)
        assert one.equals(other, null_equal=True) if isinstance(one, pl.DataFrame) else one == other, name
    assert whole.per_abstract.rows() == [(3, 20)]
    assert whole.journals.height == TOP_JOURNALS
    assert whole.journal_count == 25
    assert whole.years["pairs"].sum() == whole.grounding["pairs"].sum() == 60
    assert whole.lengths.filter(pl.col("text") == "question")["pairs"].sum() == 60
    assert whole.kept_samples["id"].to_list() == [f"{i:03d}" for i in range(SAMPLES_KEPT)]
    assert set(whole.rejected_samples.group_by("stage", "reason").len()["len"]) == {SAMPLES_PER_REASON}
    assert whole.rejected_samples.height == 6 * SAMPLES_PER_REASON


def test_many_counts_are_added_up_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anessuite.report_facts._MOST_UNSUMMED", 3)
    frames = [kept(pair(id=str(i), pmid=str(i % 4))) for i in range(20)]
    assert pair_facts(frames, [], {}).per_abstract.rows() == [(5, 4)]


def test_facts_of_nothing_make_a_whole_page() -> None:
    nothing = pair_facts([], [], {})
    for version in (manifest(rows={}, drops={}, funnel=[], requests={}), manifest(rows={"en": 0, "zh": 0})):
        page = pair_report(version, nothing)
        assert_harmless(page)
        assert not re.search(r"NaN|Infinity|undefined", page)
    assert "No row was dropped." in pair_report(manifest(funnel=[], drops={}), nothing)


def test_a_question_that_a_dropped_one_repeats_is_shown_if_it_stays() -> None:
    gone = dropped("repeats", "near_duplicate_question", {"repeats": "a1", "similarity": 0.93})
    lost = dropped("repeats", "near_duplicate_question", {"repeats": "zz", "similarity": 0.81}, id="b2")
    found = facts([pair(question="What reverses rocuronium?"), pair(id="a2")], gone, lost)
    assert found.repeated == {"a1": "What reverses rocuronium?"}
    text = shown(pair_report(manifest(), found))
    assert "Repeats a question that stays, 93.0 % alike: What reverses rocuronium?" in text
    assert "Repeats the row zz, 81.0 % alike." in text


@given(st.floats(min_value=0.001, max_value=1e6), st.sampled_from([4, 8, 16]))
@settings(max_examples=50, deadline=None)
def test_a_value_lies_in_its_logarithmic_bin(value: float, per_decade: int) -> None:
    lower = log_lower(pl.lit(value), per_decade=per_decade)
    low, high = pl.select(lower.alias("low"), log_upper(lower, per_decade=per_decade).alias("high")).row(0)
    assert low * (1 - 1e-6) - 1e-6 <= value <= high * (1 + 1e-6) + 1e-6


def test_a_whole_share_is_a_bin_of_its_own_and_what_is_no_number_is_in_none() -> None:
    scores = pl.DataFrame({"score": [0.0, 0.049, 0.05, 0.95, 0.999, 1.0, 7.0, float("nan")]})
    scores = scores.select(share_lower(pl.col("score").cast(pl.Float32), bins=20))
    assert scores["score"].to_list() == [0.0, 0.0, 0.05, 0.95, 0.95, 1.0, 1.0, None]


def test_years_are_drawn_in_equal_spans_without_gaps() -> None:
    few = facts([pair(id=str(year), year=year) for year in (2020, 2023)] + [pair(id="x", year=None)])
    page = pair_report(plain(), few)
    assert all(f">{label}</text>" in page for label in ("2021", "2023", "not stated"))
    many = facts([pair(id=str(year), year=year) for year in (1951, 2024)])
    page = pair_report(plain(), many)
    assert all(f">{label}</text>" in page for label in ("1950–1954", "1990–1994", "2020–2024"))


def test_only_nothing_is_none_and_only_all_is_all_beside_a_bar() -> None:
    figures = [with_share(part, 1000).split("\u2007")[-1] for part in (0, 1, 500, 999, 1000)]
    assert figures == ["0 %", "<1 %", "50 %", ">99 %", "100 %"]
    assert with_share(0, 0).endswith("– %")


# Evidence


def article(row: dict[str, Any]) -> str:
    """The HTML of a dropped row, between its article's tags."""
    page = pair_report(plain(row), facts([], row))
    return page.split('<article class="pair">')[1].split("</article>")[0]


def test_numbers_and_drugs_that_were_not_found_are_marked_in_the_answer() -> None:
    missing = {"numbers": ["88%", "1200"], "agents": ["atropine"], "words": ["recov"], "support": 0.75}
    text = article(dropped("answer", "ungrounded_number", missing))
    assert '<div class="ungrounded"><p class="text"' in text
    for marked in ("88%", "1,200", "atropine"):
        assert re.search(rf"<mark title=\"\w+\">{marked}</mark>", text), marked
    assert '<mark class="idle" title="wording">recover</mark>' in text
    assert "numbers 88%, 1200; drugs atropine; wording recov · 75.0 % of the wording was found" in text


def test_a_number_inside_a_longer_one_is_not_marked() -> None:
    missing = {"numbers": ["2", "0.5"], "agents": [], "words": [], "support": None}
    row = dropped(
        "answer", "ungrounded_number", missing, answer="Use 2 mg, not 12 mg, 2.5 mg, 20.5 mg or 0·5 mg."
    )
    answer = article(row).split("ungrounded")[1]
    assert re.findall(r"<mark[^>]*>([^<]*)</mark>", answer) == ["2", "0·5"]
    assert "Use <mark" in answer


def test_missing_chinese_words_are_marked_as_they_are() -> None:
    missing = {"numbers": ["三分之一"], "agents": [], "words": ["阻滞"], "support": 0.2}
    text = article(dropped("answer", "ungrounded_number", missing, answer="三分之一的患者出现阻滞。"))
    assert (
        '<mark title="numbers">三分之一</mark>的患者出现<mark class="idle" title="wording">阻滞</mark>。'
        in text
    )


def test_a_verdict_shows_its_sentence_and_what_was_denied() -> None:
    verdict = {"relevant": True, "answerable": False, "unambiguous": True, "reason": "No vials are <named>."}
    text = article(dropped("judge", "not_answerable", verdict, answer=None))
    assert "relevant: yes" in text
    assert '<span class="bad">answerable: no</span>' in text
    assert ">No vials are &lt;named&gt;.</blockquote>" in text


def test_what_a_model_said_instead_is_shown_as_it_was_said() -> None:
    said = {"reply": "Sure!\n1. What is <b>MAC</b>?", "detail": "length"}
    row = dropped("questions", "not_parseable", said, question=None, answer=None)
    text = article(row)
    assert "Sure!\n1. What is &lt;b&gt;MAC&lt;/b&gt;?</pre>" in text
    assert "The server said: length" in text
    silent = article(row | {"evidence": json.dumps({"detail": "HTTP 503"})})
    assert "There was no text in the reply." in silent
    assert "HTTP 503" in silent


def test_what_a_pair_has_in_common_with_a_benchmark_is_marked_in_question_and_answer() -> None:
    text = f"{QUESTION}\n{ANSWER}"
    start = text.index("count of two?")
    length = text.index("mg/kg") + 5 - start
    match = {"field": "question", "start": start, "length": length, "item_start": 0, "item_length": length}
    item = {
        "benchmark": "exams.jsonl",
        "item": "17",
        "coverage": 0.63,
        "answer_found": True,
        "matches": [match],
    }
    text = article(
        dropped("decontaminate", "contaminated_lcs", {"items": [item], "of_items": 3, "complete": True})
    )
    assert "<mark>count of two?</mark>" in text
    assert "<mark>Sugammadex 2 mg/kg</mark>" in text
    assert "Gives away question 17 of exams.jsonl · 63.0 % of its stem" in text
    assert "and 2 questions more" in text


def test_a_citation_is_shown_by_its_title_with_what_it_is_about() -> None:
    about = {"mesh": ["Maize", "Plant Breeding"], "terms": 0, "core": 0, "hits": 0}
    text = article(
        dropped("citations", "off_topic", about, question=None, answer=None, source_id="a.xml.gz#7")
    )
    assert '<p class="text" dir="auto">Reversal of rocuronium</p>' in text
    assert "main subjects (MeSH): Maize, Plant Breeding" in text
    assert "a.xml.gz#7" in text


@pytest.mark.parametrize(
    "evidence",
    [
        *(None, "", "not json", "[1, 2]", "null", '"\\ud800"', "7", '{"a": {"b": [1]}}', '{"numbers": "88"}'),
        '{"numbers": [null, "", " ", 7, {"a": 1}], "agents": [["x"]], "words": ["(", "\\\\"], "support": ""}',
        '{"relevant": false, "answerable": "no", "reason": ["x"]}',
        '{"reply": {"a": 1}, "detail": null}',
        '{"repeats": ["x"], "similarity": 9}',
        '{"items": 7, "of_items": "many"}',
        '{"items": [null, {"matches": [{"start": -5, "length": 999999}, {"start": "a"}]}]}',
        '{"detail": "\\ud800 \\u202e"}',
    ],
)
def test_strange_evidence_breaks_nothing(evidence: str | None) -> None:
    rows = (
        dropped("judge", "not_answerable", evidence),
        dropped("judge", "no_answer", evidence, answer=None, id="b2"),
    )
    page = pair_report(plain(*rows), facts([], *rows))
    page.encode()
    assert_harmless(page)
    assert page.count("sugammadex reverses") == 2


@given(st.text(max_size=30), st.text(max_size=12))
@settings(max_examples=100, deadline=None)
def test_marks_lie_within_the_answer_whatever_is_missing(answer: str, missing: str) -> None:
    evidence = json.dumps({"numbers": [missing], "agents": [missing], "words": [missing]})
    row = dropped("answer", "ungrounded_number", evidence, answer=answer)
    assert all(0 <= span.start < span.end <= len(answer) for span in evidence_of(row, {}).answer)


# Texts from outside


def test_hostile_text_stays_text_wherever_it_comes_from() -> None:
    bad = dict.fromkeys(["title", "journal", "pmid", "source", "source_id", "doi"], HOSTILE)
    evidences = [
        {"reply": HOSTILE, "detail": HOSTILE, HOSTILE: HOSTILE},
        {"relevant": False, "reason": HOSTILE, HOSTILE: [HOSTILE]},
        {"numbers": [HOSTILE], "agents": ["script"], "words": ["alert"], "support": 0.5, HOSTILE: HOSTILE},
        {"repeats": "a1", "similarity": 0.5},
        {"repeats": HOSTILE},
        {
            "items": [
                {
                    "benchmark": HOSTILE,
                    "item": HOSTILE,
                    "matches": [{"start": 0, "length": 9, "text": HOSTILE}],
                }
            ]
        },
        HOSTILE,
    ]
    rows = [
        dropped(HOSTILE, HOSTILE, evidence, id=str(number), question=HOSTILE, answer=HOSTILE, **bad)
        for number, evidence in enumerate(evidences)
    ]
    model = {"model": HOSTILE, "parameters": {HOSTILE: HOSTILE}, "served": HOSTILE}
    version = manifest(
        rows={HOSTILE: 1},
        funnel=[Stage(stage=HOSTILE, source=HOSTILE, rows_in=9, dropped={HOSTILE: 7})],
        warnings=[HOSTILE],
        requests={f"{HOSTILE}.requests": 1, f"{HOSTILE}.fault_{HOSTILE}": 1},
        recipe=Recipe(
            inputs=[Input(name=HOSTILE, source=HOSTILE, bytes=1, digest=HOSTILE)],
            config={"generator": model, "filter": HOSTILE, HOSTILE: HOSTILE},
            texts={f"prompts/{HOSTILE}": HOSTILE},
        ),
    )
    stays = pair(question=HOSTILE, answer=HOSTILE, verdict=HOSTILE, language=HOSTILE, **bad)
    for chosen in (rows[:4], rows[4:]):
        found = pair_facts([kept(stays)], [rejected(*chosen)], {HOSTILE: HOSTILE})
        page = pair_report(version, found)
        assert_harmless(page)
        assert "⟨U+202E⟩" in page


def test_only_a_pmid_that_is_a_number_becomes_a_link() -> None:
    page = pair_report(plain(), facts([pair(), pair(id="a2", pmid='1/"><script>')]))
    assert 'href="https://pubmed.ncbi.nlm.nih.gov/99000001/"' in page
    assert page.count('href="https://') == 1


def test_long_texts_are_cut() -> None:
    stays = pair(question="word " * 5000, answer="word " * 5000, verdict="word " * 5000, title="word " * 500)
    said = dropped("judge", "not_answerable", {"reply": "word " * 5000})
    assert len(pair_report(plain(said), facts([stays], said))) < 200_000


def test_two_languages_are_told_apart() -> None:
    both = facts(
        [pair(), pair(id="a2", language="zh", question="丙泊酚如何代谢？", answer="主要在肝脏代谢。")]
    )
    page = pair_report(manifest(rows={"en": 1, "zh": 1}), both)
    assert_harmless(page)
    assert "Length of answers, Chinese" in page
    assert "主要在肝脏代谢。" in page


def test_importing_the_report_imports_no_chart_library() -> None:
    code = "import sys, anessuite.pair_reports; print(int('altair' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
