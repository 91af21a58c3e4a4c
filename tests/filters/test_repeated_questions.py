"""Questions from several abstracts: which ask the same, and which only look alike."""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.agents import parse_agents
from filters.repeated_questions import REPEATED, RepeatRules, repeated

RULES = RepeatRules()


def drop(
    *questions: str | None, ranks: list[float | None] | None = None, rules: RepeatRules = RULES
) -> pl.DataFrame:
    ids = [chr(ord("a") + number) for number in range(len(questions))]
    frame = pl.DataFrame({"id": ids, "question": questions}, schema={"id": pl.String, "question": pl.String})
    return repeated(
        frame if ranks is None else frame.with_columns(rank=pl.Series(ranks, dtype=pl.Float64)), rules
    )


def reasons(*questions: str) -> list[str]:
    return drop(*questions)["reason"].to_list()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("How does sugammadex reverse rocuronium?", "How does sugammadex reverse rocuronium?"),
        ("How does sugammadex reverse rocuronium?", "how does Sugammadex  reverse Rocuronium"),
        ("Why is N₂O avoided in bowel surgery?", "Why is N2O avoided in bowel surgery？"),
        ("丙泊酚的半衰期是多少？", "丙泊酚的半衰期是多少"),
        ("ＭＡＣ是什么？", "MAC 是什么?"),
    ],
)
def test_case_width_and_punctuation_make_no_other_question(one: str, two: str) -> None:
    assert drop(one, two).rows() == [("b", "exact_duplicate_question", "a", 1.0)]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (
            "What are the side effects of neostigmine in children?",
            "In children, what are the side effects of neostigmine?",
        ),
        (
            "What are the risk factors for postoperative nausea and vomiting?",
            "What are the main risk factors for vomiting and nausea postoperatively?",
        ),
        (
            "What is the dose of ketamine for induction of anaesthesia?",
            "What is the recommended ketamine dose for anesthesia induction?",
        ),
        (
            "Which factors predict difficult intubation in obese patients?",
            "In the obese patient, which factor predicts a difficult intubation?",
        ),
        ("What is the mechanism of action of propofol?", "What is Diprivan's mechanism of action?"),
        ("How does lignocaine block sodium channels?", "How does lidocaine block the sodium channel?"),
        (
            "How long does a spinal block with hyperbaric bupivacaine last?",
            "How long does the spinal block last with hyperbaric bupivacaine?",
        ),
        ("How do propofol and ketamine differ in shock?", "How do ketamine and propofol differ in shock?"),
        ("What tumour is most often found with myasthenia?", "Which tumors are often found with myasthenia?"),
        ("老年患者术后谵妄的危险因素有哪些？", "术后谵妄在老年患者中的主要危险因素是什么？"),
        ("丙泊酚的作用机制是什么？", "异丙酚有什么作用机制？"),
        ("全身麻醉诱导时如何预防误吸？", "如何在全身麻醉诱导时预防误吸？"),
    ],
)
def test_word_order_function_words_and_synonyms_of_a_drug_make_no_other_question(one: str, two: str) -> None:
    assert drop(one, two).rows() == [("b", "near_duplicate_question", "a", 1.0)]
    assert reasons(two, one) == ["near_duplicate_question"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (
            "How often does 10 mg of bupivacaine cause hypotension?",
            "How often does 20 mg of bupivacaine cause hypotension?",
        ),
        ("What does 0.5 MAC of sevoflurane do?", "What does 1.5 MAC of sevoflurane do?"),
        (
            "What is given for type 1 diabetes before surgery?",
            "What is given for type 2 diabetes before surgery?",
        ),
        ("Why does IL-6 rise after surgery?", "Why does IL-8 rise after surgery?"),
        ("Why does propofol lower intracranial pressure?", "Why does ketamine lower intracranial pressure?"),
        ("What is the dose of bupivacaine?", "What is the dose of levobupivacaine?"),
        ("How does hypothermia increase drug clearance?", "How does hypothermia decrease drug clearance?"),
        (
            "Which drugs are safe in malignant hyperthermia?",
            "Which drugs are not safe in malignant hyperthermia?",
        ),
        ("Why do patients take aspirin before surgery?", "Why do patients take no aspirin before surgery?"),
        ("Why doesn't xenon trigger hyperthermia?", "Why does xenon trigger hyperthermia?"),
        ("How is pain treated with epinephrine?", "How is pain treated without epinephrine?"),
        ("What happens before extubation?", "What happens after extubation?"),
        ("What causes hypertension during laparoscopy?", "What causes hypotension during laparoscopy?"),
        ("What is hyperparathyroidism in anesthesia?", "What is hypoparathyroidism in anesthesia?"),
        ("How is hyperkalemia treated?", "How is hypokalemia treated?"),
        ("When is dantrolene given?", "Why is dantrolene given?"),
        ("How is dantrolene given?", "How often is dantrolene given?"),
        ("What is done for laryngospasm?", "What is laryngospasm?"),
        ("What is the effect of xenon on blood pressure?", "What is the effect of xenon on heart rate?"),
        (
            "What is the effect of hypothermia on coagulation?",
            "What is the effect of coagulation on hypothermia?",
        ),
        ("How does pain affect anxiety?", "How does anxiety affect pain?"),
        ("Why is ketamine better than propofol in shock?", "Why is propofol better than ketamine in shock?"),
        (
            "How are patients changed from morphine to methadone?",
            "How are patients changed from methadone to morphine?",
        ),
        ("What is the onset of rocuronium?", "What is the duration of rocuronium?"),
        ("What is malignant hyperthermia?", "What are the symptoms of malignant hyperthermia?"),
        ("What are the risk factors for delirium?", "What are the risk factors for delirium in children?"),
        ("How does hepatitis A change drug doses?", "How does hepatitis B change drug doses?"),
        ("Which block spares the left lung?", "Which block spares the right lung?"),
        ("丙泊酚对血压的影响是什么？", "丙泊酚对心率的影响是什么？"),
        ("丙泊酚对血压有什么影响？", "氯胺酮对血压有什么影响？"),
        ("术前评估包括哪些内容？", "术后评估包括哪些内容？"),
        ("低体温对凝血功能有何影响？", "凝血功能对低体温有何影响？"),
        ("0.5%罗哌卡因的作用时间是多久？", "0.75%罗哌卡因的作用时间是多久？"),
        ("哪些药物适用于肝功能不全患者？", "哪些药物不适用于肝功能不全患者？"),
        ("高钾血症的处理措施有哪些？", "低钾血症的处理措施有哪些？"),
        ("何时给予丹曲林？", "为何给予丹曲林？"),
        ("谵妄的危险因素有哪些？", "儿童谵妄的危险因素有哪些？"),
    ],
)
def test_another_number_drug_direction_or_aspect_is_another_question(one: str, two: str) -> None:
    assert reasons(one, two) == []


def test_words_may_be_added_if_the_rules_say_so() -> None:
    one = "What are the risk factors for chronic pain after thoracic surgery?"
    two = "What are the risk factors for severe chronic pain after thoracic surgery?"
    assert reasons(one, two) == []
    rows = drop(one, two, rules=RepeatRules(min_similarity=0.8)).rows()
    assert rows == [("b", "near_duplicate_question", "a", pytest.approx(6 / 7))]
    three = "What are the risk factors for severe chronic pain after cardiac surgery?"
    assert drop(one, three, rules=RepeatRules(min_similarity=0.5)).rows() == []


def test_the_higher_rank_stays_then_the_smaller_id() -> None:
    same = "How does desflurane irritate the airway?"
    assert drop(same, same, same, ranks=[0.2, 0.9, 0.9])["repeats"].to_list() == ["b", "b"]
    assert drop(same, same, same)["repeats"].to_list() == ["a", "a"]
    assert drop(same, same, ranks=[None, 0.0])["id"].to_list() == ["a"]


def test_the_most_similar_question_that_stays_is_named() -> None:
    rules = RepeatRules(min_similarity=0.75, lsh_threshold=0.5)
    base = "Which drugs prevent shivering, nausea, pain"
    rows = drop(
        f"{base}?", f"{base}, cough, itching?", f"{base}, itching?", ranks=[3, 2, 1], rules=rules
    ).rows()
    assert rows == [("c", "near_duplicate_question", "b", pytest.approx(6 / 7))]


def test_no_chain_drops_a_question_unlike_all_that_stay() -> None:
    rules = RepeatRules(min_similarity=0.75)
    words = "Which drugs prevent nausea, vomiting, shivering, cough, itching"
    rows = drop(f"{words}?", f"{words}, hiccup?", f"{words}, hiccup, sweating?", rules=rules)
    assert rows["id"].to_list() == ["b", "c"]
    assert rows["repeats"].to_list() == ["a", "a"]
    strict = RepeatRules(min_similarity=0.85)
    assert drop(f"{words}?", f"{words}, hiccup?", f"{words}, hiccup, sweating?", rules=strict)[
        "id"
    ].to_list() == ["b"]


def test_other_columns_and_other_agents_can_be_given() -> None:
    frame = pl.DataFrame(
        {"id": ["x", "y"], "question": ["How is heliox used?", "How is helmix used?"], "answer": ["1", "2"]}
    )
    assert repeated(frame, RULES).height == 0
    assert repeated(frame, RULES, agents=parse_agents("heliox, helmix"))["repeats"].to_list() == ["x"]


def test_nothing_repeated_gives_an_empty_frame_of_the_same_columns() -> None:
    for frame in (drop(), drop("What is xenon?"), drop(None, "What is xenon?")):
        assert dict(frame.schema) == REPEATED
        assert frame.height == 0


def test_empty_questions_repeat_each_other_and_words_without_content_do_not() -> None:
    assert reasons("", " ?") == ["exact_duplicate_question"]
    assert reasons("What is it?", "What was that?") == []


def test_an_id_twice_is_refused() -> None:
    frame = pl.DataFrame({"id": ["x", "x"], "question": ["a", "b"]})
    with pytest.raises(ValueError, match="'x'"):
        repeated(frame, RULES)


BASE = [
    "How does sugammadex reverse rocuronium?",
    "How is rocuronium reversed by sugammadex?",
    "How does Bridion reverse rocuronium",
    "What is the dose of propofol in children?",
    "In children, what is the propofol dose?",
    "What is the dose of propofol in adults?",
    "What is the dose of ketamine in children?",
    "丙泊酚的作用机制是什么？",
    "异丙酚的作用机制是什么？",
    "氯胺酮的作用机制是什么？",
    "",
]
rows = st.lists(st.tuples(st.sampled_from(BASE), st.sampled_from([0.1, 0.5, None])), max_size=9)


@settings(max_examples=60, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    some: list[tuple[str, float | None]], chance: random.Random
) -> None:
    frame = pl.DataFrame(
        [(f"{number:02}", *row) for number, row in enumerate(some)],
        schema={"id": pl.String, "question": pl.String, "rank": pl.Float64},
        orient="row",
    )
    order = list(range(len(some)))
    chance.shuffle(order)
    assert repeated(frame[order], RULES).equals(repeated(frame, RULES))


@settings(max_examples=60, deadline=None)
@given(rows)
def test_what_is_named_stays_and_a_second_pass_drops_nothing(some: list[tuple[str, float | None]]) -> None:
    frame = pl.DataFrame(
        [(f"{number:02}", *row) for number, row in enumerate(some)],
        schema={"id": pl.String, "question": pl.String, "rank": pl.Float64},
        orient="row",
    )
    dropped = repeated(frame, RULES)
    kept = frame.filter(~pl.col("id").is_in(dropped["id"].to_list()))
    assert set(dropped["repeats"]) <= set(kept["id"])
    assert repeated(kept, RULES).height == 0
    rank = {
        row["id"]: (-(row["rank"] if row["rank"] is not None else -1), row["id"]) for row in frame.to_dicts()
    }
    assert all(rank[row["repeats"]] < rank[row["id"]] for row in dropped.to_dicts())


def test_verdicts_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import polars as pl\n"
        "from filters.repeated_questions import RepeatRules, repeated\n"
        f"frame = pl.DataFrame({{'id': list('abcdefghijk'), 'question': {BASE!r}}})\n"
        "print(repeated(frame, RepeatRules()).rows())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert "near_duplicate_question" in printed.pop()


@pytest.mark.parametrize("value", [{"min_similarty": 1}, {"min_similarity": 0.2}, {"num_perm": 2}])
def test_unknown_keys_and_values_out_of_range_are_refused(value: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        RepeatRules.model_validate(value)


def _near(questions: list[str]) -> list[tuple[str, str]]:
    frame = pl.DataFrame({"id": [f"{number:06}" for number in range(len(questions))], "question": questions})
    named = dict(zip(frame["id"], frame["question"], strict=True))
    found = repeated(frame, RULES).filter(pl.col("reason") == "near_duplicate_question")
    return [(named[row["id"]], named[row["repeats"]]) for row in found.to_dicts()]


def test_real_questions_on_different_subjects_stay(shared_data: Path) -> None:
    pubmedqa = json.loads((shared_data / "pubmed" / "pubmedqa.json").read_text(encoding="utf-8"))
    assert _near([each["QUESTION"] for each in pubmedqa.values()]) == []


def test_real_questions_asked_twice_are_found(shared_data: Path) -> None:
    lines = (shared_data / "mcq" / "medmcqa_dev.jsonl").read_text(encoding="utf-8").splitlines()
    near = _near([json.loads(line)["question"] for line in lines])
    assert 10 <= len(near) <= 25
    assert (
        "Which of the following is not a cause of Squamous cell Carcinoma for Head & Neck:",
        "Which of the following does not cause head and neck squamous cell carcinoma",
    ) in near


def test_real_questions_on_one_disease_stay_apart(shared_data: Path) -> None:
    with gzip.open(shared_data / "web" / "en" / "medquad.jsonl.gz", "rt", encoding="utf-8") as file:
        questions = [pair["question"] for line in file for pair in json.loads(line)["qa"]]
    near = _near(questions[:6000])
    assert len(near) <= 20
    assert not any("symptoms" in one and "symptoms" not in two for one, two in near)


def test_real_chinese_questions_asked_twice_are_found(shared_data: Path) -> None:
    questions: list[str] = []
    for path in sorted((shared_data / "mcq" / "cmmlu").rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            questions += [row["Question"] for row in csv.DictReader(file)]
    near = _near(questions)
    assert 2 <= len(near) <= 8
