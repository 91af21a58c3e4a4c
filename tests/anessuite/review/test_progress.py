"""How far reviews are, and how much people agree, against numbers worked out by hand."""

import json
from pathlib import Path

import polars as pl
import pytest

from anessuite.errors import ConfigError, SourceError
from anessuite.review.opinions import LEVELS, no_reviews, settle, with_model_level
from anessuite.review.progress import progress, statistics
from anessuite.review.status import review_status
from anessuite.review.store import ReviewStore
from anessuite.storage import Store
from tests.anessuite.review.test_rounds import DEV, frame, made, question, reviews, several, stored

ONE, X, TWO = LEVELS


def test_progress_counts_what_has_enough_opinions_by_the_level_of_the_model() -> None:
    rows = [question(f"en{i}", ONE) for i in range(5)] + [question("zh0", TWO), question("zh1", TWO)]
    questions = frame(rows)
    said = {
        ("en0", "li"): TWO,
        ("en0", "wu"): TWO,
        ("en1", "li"): ONE,
        ("zh0", "li"): TWO,
        ("zh0", "wu"): ONE,
    }
    told = progress(questions, reviews(questions, said), fraction=0.6, required=2)
    assert told.rows() == [("en", ONE, 5, 3, 1, 2), ("zh", TWO, 2, 2, 1, 1)]
    one_is_enough = progress(questions, reviews(questions, said), fraction=0.2, required=1)
    assert one_is_enough.rows() == [("en", ONE, 5, 1, 2, 0), ("zh", TWO, 2, 1, 1, 0)]


def test_reviews_of_another_content_and_of_adjudicators_are_no_progress() -> None:
    questions = frame([question("en0")])
    old = reviews(questions, {("en0", "li"): ONE}, content="as it was")
    judge = reviews(questions, {("en0", "chen"): ONE}, role="adjudicator")
    told = progress(questions, pl.concat([old, judge]), fraction=1, required=1)
    assert told.rows() == [("en", ONE, 1, 1, 0, 1)]
    assert statistics(questions, pl.concat([old, judge])).outdated == 1


def test_progress_is_the_same_whether_the_version_took_the_reviews_or_not() -> None:
    questions = frame([question(f"en{i}", ONE) for i in range(4)])
    said = reviews(questions, {(f"en{i}", who): TWO for i in range(2) for who in ("li", "wu")})
    settled = settle(questions, said).drop("disputed")
    assert settled["level"].to_list() == [TWO, TWO, ONE, ONE]
    assert progress(settled, said, fraction=0.5, required=2).rows() == [("en", ONE, 4, 2, 2, 0)]
    assert statistics(settled, said).model.confusion == [[0, 0, 0], [0, 0, 0], [2, 0, 0]]


def test_agreement_of_two_annotators_is_that_worked_out_by_hand() -> None:
    # ten questions; alike on 4 + 2 + 1 = 7. Li says 5 3 2, Wu 5 3 2:
    # chance = .25 + .09 + .04 = .38, kappa = (.7 - .38) / (1 - .38) = .32 / .62 = .5161
    pairs = [(ONE, ONE)] * 4 + [(X, X)] * 2 + [(TWO, TWO)] + [(ONE, X), (X, TWO), (TWO, ONE)]
    questions = frame([question(f"en{i}", ONE) for i in range(10)])
    said = {(f"en{i}", who): pair[k] for i, pair in enumerate(pairs) for k, who in enumerate(("li", "wu"))}
    told = statistics(questions, reviews(questions, said))
    assert told.reviews == {"li": 10, "wu": 10} and told.several == 10
    assert [(pair.first, pair.second) for pair in told.pairs] == [("li", "wu")]
    assert told.pairs[0].kappa.value == pytest.approx(0.32 / 0.62)
    assert [measure.name for measure in told.human] == [
        "raw agreement",
        "Fleiss' kappa",
        "Krippendorff's alpha (nominal)",
        "Krippendorff's alpha (ordinal)",
    ]
    assert told.human[0].value == pytest.approx(0.7)
    assert told.disputed == ["en7", "en8", "en9"]
    # settled are the seven that both agree on; the model says system1 of all
    assert told.model.confusion == [[4, 0, 0], [2, 0, 0], [1, 0, 0]] and told.model.questions == 7
    assert told.model.measures[0].value == pytest.approx(4 / 7)
    assert told.annotators[0].raw.value == pytest.approx(0.5)


def test_the_drawn_questions_are_compared_with_the_model_by_themselves() -> None:
    questions = frame([question(f"en{i}", ONE) for i in range(4)])
    said = reviews(questions, {("en0", "li"): ONE, ("en1", "li"): ONE, ("en2", "li"): TWO})
    told = statistics(questions, said, drawn=["en0", "en1", "en3"])
    assert told.model.measures[0].value == pytest.approx(2 / 3)
    assert told.drawn is not None and told.drawn.measures[0].value == 1 and told.drawn.questions == 2
    assert statistics(questions, said).drawn is None


def test_without_reviews_every_measure_says_why_it_has_no_value() -> None:
    told = statistics(frame(several()), no_reviews())
    measures = [*told.human, *told.model.measures]
    assert {measure.reason for measure in measures} == {"no question has two ratings"}
    assert all(measure.value is None for measure in measures)
    assert json.loads(json.dumps(told.as_dict()))["model"]["confusion"] == [[0] * 3] * 3


def test_an_adjudicator_ends_a_dispute_and_two_doubts_name_a_question() -> None:
    questions = frame([question("en0", ONE), question("en1", ONE)])
    said = reviews(questions, {("en0", "li"): ONE, ("en0", "wu"): TWO}, gold_correct="no", comment="dose")
    told = statistics(questions, said)
    assert told.disputed == ["en0"]
    assert [(one["id"], one["gold_wrong"], one["comments"]) for one in told.doubted] == [
        ("en0", 2, ["dose", "dose"])
    ]
    judge = reviews(questions, {("en0", "chen"): X}, role="adjudicator")
    decided = statistics(questions, pl.concat([said, judge]))
    assert decided.disputed == [] and decided.adjudicated == 1 and decided.reviews == {"li": 1, "wu": 1}
    assert decided.model.confusion == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_tie_stays_a_tie_until_people_agree() -> None:
    tie = question("en0", ONE, votes=[ONE, TWO, None], level_origin="tie")
    questions = frame([tie, question("en1", ONE, votes=[ONE, ONE, TWO])])
    assert settle(questions, no_reviews())["level_origin"].to_list() == ["tie", "model"]
    said = reviews(questions, {("en0", "li"): TWO})
    settled = settle(questions, said).drop("disputed")
    assert settled.select("level", "level_origin").rows()[0] == (TWO, "human")
    back = settle(settled, no_reviews())  # the review was taken back
    assert back.select("level", "level_origin").rows() == [(ONE, "tie"), (ONE, "model")]
    assert with_model_level(settled)["model_level"].to_list() == [ONE, ONE]


def test_a_question_without_readable_votes_keeps_its_level() -> None:
    unread = question("en0", TWO, votes=[None, None], level_origin="human")
    assert settle(frame([unread]), no_reviews())["level"].to_list() == [TWO]


def test_what_is_wanted_is_what_the_latest_export_said_unless_the_caller_says_otherwise(
    tmp_path: Path,
) -> None:
    store = stored(tmp_path, several())
    assert (review_status(store, DEV).fraction, review_status(store, DEV).required) == (0.6, 2)
    ReviewStore(store, "bench").register(made(store, fraction=0.3, annotators=3).export)
    told = review_status(store, DEV)
    assert (told.fraction, told.required) == (0.3, 3)
    assert told.statistics.drawn is not None
    asked = review_status(store, DEV, fraction=1, required=1)
    assert (asked.fraction, asked.required) == (1, 1) and asked.progress["wanted"].sum() == 20
    with pytest.raises(ConfigError, match="--fraction 2 is no share"):
        review_status(store, DEV, fraction=2)


def test_the_digest_of_reviews_is_of_what_they_say(tmp_path: Path) -> None:
    store, questions = stored(tmp_path, several()), frame(several())
    kept = ReviewStore(store, "bench")
    assert kept.digest() is None and kept.reviews().is_empty()
    kept.change(lambda _: reviews(questions, {("en01", "li"): ONE, ("en00", "li"): TWO}))
    first = kept.digest()
    assert first is not None and len(first) == 64
    kept.reviews().write_parquet(store.absolute(kept.path), compression="snappy")
    assert kept.digest() == first
    kept.change(lambda stored: stored.with_columns(comment=pl.lit("more")))
    assert kept.digest() != first


def test_no_name_leads_out_of_the_folder_of_reviews(tmp_path: Path) -> None:
    for name in ("../x", "a/b", "/etc", ""):
        with pytest.raises(ConfigError, match="is no dataset name"):
            ReviewStore(stored(tmp_path, several()), name)


def test_reviews_that_cannot_be_read_are_never_written_over(tmp_path: Path) -> None:
    store = stored(tmp_path, several())
    store.write_bytes("reviews/bench/reviews.parquet", b"broken")
    with pytest.raises(SourceError, match=r"reviews/bench/reviews\.parquet cannot be read as reviews"):
        ReviewStore(store, "bench").change(lambda _: no_reviews())
    assert store.read_bytes("reviews/bench/reviews.parquet") == b"broken"


def test_reviews_and_exports_are_kept_on_disks_and_object_stores(any_root: str, tmp_path: Path) -> None:
    kept, export = ReviewStore(Store(any_root), "bench"), made(stored(tmp_path, several())).export
    said = reviews(frame(several()), {("en00", "li"): ONE})
    kept.change(lambda _: said)
    kept.change(lambda stored: pl.concat([stored, said.with_columns(annotator=pl.lit("wu"))]))
    assert kept.reviews()["annotator"].to_list() == ["li", "wu"]
    assert kept.register(export) == f"reviews/bench/exports/{export.export}.json"
    assert kept.exports() == [export]
    kept.store.write_bytes("reviews/bench/exports/other.json", b'{"export": 1}')
    with pytest.raises(SourceError, match=r"exports/other\.json is no export of reviews: export"):
        kept.exports()
