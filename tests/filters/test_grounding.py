"""Answers as a model writes them from abstracts on anesthesiology: what is in them, and what is not."""

import json
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from anessuite.errors import ConfigError
from filters.agents import parse_agents, read_agents
from filters.grounding import (
    GroundingRules,
    grounding,
    grounding_evidence,
    grounding_reason,
    grounding_score,
)
from filters.numbers import claims, mentions

RULES = GroundingRules()
ABSTRACT = (
    "Dexmedetomidine is used for sedation. Sixty children having tonsillectomy under sevoflurane received "
    "dexmedetomidine 0.5 µg/kg or normal saline five minutes before the end of surgery. Emergence delirium "
    "occurred in 10% after dexmedetomidine and in 43.3% after saline (P<.001). The time to extubation was "
    "8.6 min and 7·2 min. Of 1,200 screened patients, one third refused. Heart rate fell by 10–15 beats; two "
    "children needed atropine. Oxygen saturation stayed above 95 percent in all children."
)
ABSTRACT_ZH = (
    "目的：观察右美托咪定对老年患者髋部手术后谵妄的影响。"
    "方法：一百二十例患者，静脉泵注右美托咪定0.5 μg/kg，持续十分钟。"
    "结果：术后谵妄发生率为百分之十，低于生理盐水组的25%；心动过缓三例，给予阿托品。结论：右美托咪定可降低术后谵妄发生率。"
)
QUESTION = "How does dexmedetomidine change the risk of emergence delirium after sevoflurane?"


def judge(
    answer: str | None,
    *,
    question: str | None = QUESTION,
    abstract: str | None = ABSTRACT,
    language: str = "en",
    rules: GroundingRules = RULES,
) -> dict[str, object]:
    columns = {"question": [question], "answer": [answer], "abstract": [abstract]}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    found = frame.select(grounding(language, rules)).unnest("grounding").row(0, named=True)
    return found | {"evidence": json.loads(found["evidence"] or "{}")}


def reason(answer: str | None, **more: object) -> object:
    return judge(answer, **more)["reason"]  # type: ignore[arg-type]


def missing(answer: str, kind: str, **more: object) -> object:
    return judge(answer, **more)["evidence"].get(kind, [])  # type: ignore[arg-type,attr-defined]


@pytest.mark.parametrize(
    "answer",
    [
        "Dexmedetomidine lowers emergence delirium from 43.3% with saline to 10%.",
        "Emergence delirium occurred in 10 percent after dexmedetomidine.",
        "It reduces delirium; 60 children having tonsillectomy received 0.5 µg/kg.",
        "Giving .5 µg/kg five min before the end of surgery reduces emergence delirium.",
        "Emergence delirium was reduced (P < 0.001), and extubation took 7.2 min with saline.",
        "1200 screened patients; one third refused dexmedetomidine or saline.",
        "Heart rate fell by 10-15 beats, and 2 children needed atropine after dexmedetomidine.",
        "Heart rate fell by 10 to 15 beats after dexmedetomidine.",
        "Precedex reduces emergence delirium after sevoflurane in children.",
        "Emergence delirium is reduced for three reasons: sedation, heart rate, and less time to extubation.",
        "1. Emergence delirium is reduced.\n2. Heart rate fell.\n3. Children needed atropine.",
        "Emergence delirium: (1) reduced by dexmedetomidine (2) frequent after saline.",
        "Dexmedetomidine reduced emergence delirium, and SpO2 stayed above 95%.",
        "Dexmedetomidine reduced emergence delirium; the second drug, saline, did not.",
    ],
)
def test_a_grounded_answer_stays(answer: str) -> None:
    assert reason(answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        "右美托咪定可将老年患者术后谵妄发生率从25%降低到10%。",
        "术后谵妄发生率为百分之十，心动过缓3例，给予阿托品。",
        "120例患者泵注右美托咪定十分钟后，术后谵妄发生率降低。",
        "右旋美托咪定降低髋部手术后谵妄的发生率。",
    ],
)
def test_a_grounded_chinese_answer_stays(answer: str) -> None:
    question = "右美托咪定如何影响老年患者术后谵妄？"
    assert reason(answer, question=question, abstract=ABSTRACT_ZH, language="zh") is None


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", None),
        ("en", " \n"),
        ("en", "..."),
        ("en", "The abstract does not mention the effect of dexmedetomidine on nausea."),
        ("en", "This is not specified in the provided text."),
        ("en", "It cannot be determined from the abstract."),
        ("en", "There is not enough information to answer."),
        ("en", "I'm sorry, but I cannot answer that."),
        ("en", "Not mentioned."),
        ("en", "N/A"),
        ("zh", ""),
        ("zh", "无法确定。"),
        ("zh", "摘要中未提及右美托咪定的用量。"),
        ("zh", "根据现有信息无法判断。"),
        ("zh", "抱歉，我无法回答这个问题。"),
    ],
)
def test_an_answer_that_says_it_has_none_is_missing(language: str, answer: str | None) -> None:
    assert reason(answer, language=language) == "answer_missing"


@pytest.mark.parametrize(
    "answer",
    [
        "Dexmedetomidine does not provide full protection from emergence delirium in children.",
        "Children with emergence delirium do not report heart rate or time to extubation.",
        "Emergence delirium after sevoflurane is of unknown cause in children.",
    ],
)
def test_a_negative_answer_is_an_answer(answer: str) -> None:
    assert reason(answer) is None


@pytest.mark.parametrize(
    ("language", "answer", "expected"),
    [
        ("en", "Less delirium.", "answer_too_short"),
        ("en", "Less emergence delirium.", None),
        ("en", "emergence delirium children " * 101, "answer_too_long"),
        ("zh", "更少谵妄", "answer_too_short"),
        ("zh", "术后谵妄更少。", None),
        ("zh", "右美托咪定可降低术后谵妄发生率。" * 41, "answer_too_long"),
    ],
)
def test_length_has_two_ends(language: str, answer: str, expected: str | None) -> None:
    abstract = ABSTRACT if language == "en" else ABSTRACT_ZH
    assert reason(answer, language=language, abstract=abstract) == expected


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "The authors found less emergence delirium after dexmedetomidine."),
        ("en", "In this trial, dexmedetomidine reduced emergence delirium."),
        ("zh", "本研究表明右美托咪定可降低术后谵妄发生率。"),
    ],
)
def test_an_answer_that_points_at_its_paper_goes(language: str, answer: str) -> None:
    assert reason(answer, language=language, abstract=ABSTRACT_ZH) == "answer_mentions_study"


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("Emergence delirium occurred in 12% after dexmedetomidine.", "12%"),
        ("Dexmedetomidine 5 mg/kg before the end of surgery reduces emergence delirium.", None),
        ("Dexmedetomidine 50 µg/kg before the end of surgery reduces emergence delirium.", "50"),
        ("Emergence delirium fell to 43% after dexmedetomidine.", "43%"),
        ("Heart rate fell by 12 beats after dexmedetomidine.", "12"),
        ("Extubation took 8 min after dexmedetomidine.", "8"),
        ("A quarter of the children had emergence delirium after saline.", "a quarter of"),
        ("Emergence delirium fell by two thirds after dexmedetomidine.", "two thirds"),
        ("Seven children needed atropine after dexmedetomidine.", "seven"),
        ("Twenty-five children needed atropine after dexmedetomidine.", "twenty-five"),
        ("Screened were 12,000 children, and one third refused dexmedetomidine.", "12000"),
        ("Heart rate fell by 10–20 beats after dexmedetomidine.", "20"),
    ],
)
def test_a_number_from_nowhere_is_named(answer: str, number: str | None) -> None:
    found = judge(answer)
    assert found["reason"] == (None if number is None else "ungrounded_number")
    assert found["evidence"].get("numbers", []) == ([] if number is None else [number])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("术后谵妄发生率降低到12%。", "12%"),
        ("术后谵妄发生率为百分之二十。", "百分之二十"),
        ("心动过缓的老年患者有五例。", "五"),
        ("三分之一的老年患者发生术后谵妄。", "三分之一"),
    ],
)
def test_a_number_from_nowhere_is_named_in_chinese(answer: str, number: str) -> None:
    found = judge(answer, language="zh", abstract=ABSTRACT_ZH, question="术后谵妄发生率如何变化？")
    assert found["reason"] == "ungrounded_number"
    assert found["evidence"]["numbers"] == [number]  # type: ignore[index]


def test_a_number_of_the_question_is_grounded() -> None:
    answer = "Emergence delirium after dexmedetomidine 2 µg/kg occurred in 10% of children."
    assert reason(answer, question="What does 2 µg/kg of dexmedetomidine do to emergence delirium?") is None


def test_rounding_is_a_choice() -> None:
    answer = "Emergence delirium occurred in 43% after saline, and extubation took 9 min."
    assert missing(answer, "numbers") == ["43%", "9"]
    rounding = GroundingRules(allow_rounding=True)
    assert reason(answer, rules=rounding) is None
    assert missing("Emergence delirium occurred in 44% after saline.", "numbers", rules=rounding) == ["44%"]


NAMES_AND_LISTS = [
    "SpO2, IL-6, CYP2B6, COVID-19, 5-HT3, HbA1c, QoR-15, α2, C5, 2-chloroprocaine, 3D",
    "the 5-hydroxytryptamine receptor, and train-of-four",
    "1. sedation\n2) analgesia\n(3) amnesia\n4、镇静\n① 镇痛",
    "It acts (1) on the brain, (2) on the cord.",
    "three main reasons, two mechanisms, the two drugs, one patient, the first and the second",
    "the two hundred patients, all twenty-five rats",
    "十二指肠, 三叉神经, 七氟烷, 第三代, 两个方面, 三种机制, 四个成串刺激, 一种",
    "mL kg⁻¹ min⁻¹, mL·kg-1, kg/m²",
    "a half-life, and half-time",
]


@pytest.mark.parametrize("text", NAMES_AND_LISTS)
def test_names_and_lists_claim_no_number(text: str) -> None:
    assert claims(text) == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,200", {1200}),
        ("12 000", {12000}),
        ("12\u2009000", {12000}),
        ("1'000", {1000}),
        ("0·5", {"1/2"}),
        (".5", {"1/2"}),
        ("1.50", {"3/2"}),
        ("50%", {50, "1/2"}),
        ("50 per cent", {50, "1/2"}),
        ("５０％", {50, "1/2"}),
        ("−5", {5}),
        ("1.2 million", {"6/5", 1_200_000}),
        ("1.2万", {"6/5", 12_000}),
        ("10⁹", {10}),
        ("½", {"1/2"}),
        ("two-thirds", {"2/3"}),
        ("a quarter of", {"1/4"}),
        ("half", {"1/2"}),
        ("twelve", {12}),
        ("twenty-five", {25}),
        ("two hundred and five", {205}),
        ("three thousand", {3000}),
        ("二十五例", {25}),
        ("一百二十例", {120}),
        ("两周", {2}),
        ("百分之二十", {"1/5"}),
        ("三分之二", {"2/3"}),
        ("3rd", {3}),
        ("24-hour", {24}),
    ],
)
def test_a_number_is_its_value(text: str, values: set[int | str]) -> None:
    expected = {Fraction(value) for value in values}
    assert {value for each in claims(text) for value in (each.value, each.value * each.scale)} == expected
    assert expected & mentions(text)


@given(st.integers(0, 10**7), st.integers(0, 999))
def test_a_number_is_grounded_by_itself_in_any_form(whole: int, thousandths: int) -> None:
    value = f"{whole}.{thousandths:03}"
    forms = [
        value,
        f"{whole:,}.{thousandths:03}",
        value.replace(".", "·"),
        value + "0",
        f"{value} mg",
        f"({value})",
    ]
    for form in forms:
        assert all(number.is_given(mentions(value)) for number in claims(form)), form
        assert [number.value for number in claims(form)] == [Fraction(value)]


@given(
    st.lists(
        st.text(max_size=6) | st.sampled_from(["12", "%", "½", "half", "三", "百分之", "/", "."]), max_size=8
    )
)
def test_a_text_mentions_every_number_that_it_claims(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert [number.text for number in claims(text) if not number.is_given(mentions(text))] == []


@pytest.mark.parametrize(
    ("answer", "agents"),
    [
        ("Ketamine before the end of surgery reduces emergence delirium.", ["ketamine"]),
        ("Propofol and fentanyl reduce emergence delirium in children.", ["fentanyl", "propofol"]),
        ("Diprivan reduces emergence delirium in children.", ["propofol"]),
        ("Emergence delirium occurred after desflurane in children.", ["desflurane"]),
        ("Neuromuscular block was reversed with Bridion before extubation of the children.", ["sugammadex"]),
        ("N2O reduces emergence delirium after surgery in children.", ["nitrous oxide"]),
        ("Oxygen reduces emergence delirium after surgery in children.", ["oxygen"]),
    ],
)
def test_a_drug_from_nowhere_is_named(answer: str, agents: list[str]) -> None:
    found = judge(answer)
    assert found["reason"] == "ungrounded_agent"
    assert found["evidence"]["agents"] == agents  # type: ignore[index]


def test_a_drug_is_grounded_in_the_other_language() -> None:
    question = "右美托咪定对苏醒期谵妄有何影响？"
    assert reason("右美托咪定降低了七氟烷麻醉后苏醒期谵妄。", question=question, language="zh") is None
    found = judge("丙泊酚降低了苏醒期谵妄的发生率。", question=question, language="zh")
    assert found["reason"] == "ungrounded_agent"


def test_a_drug_of_the_question_is_grounded() -> None:
    answer = "Unlike midazolam, dexmedetomidine reduces emergence delirium in children."
    assert reason(answer) == "ungrounded_agent"
    assert reason(answer, question="How do midazolam and dexmedetomidine differ?") is None


@pytest.mark.parametrize(
    ("text", "agents"),
    [
        ("Lignocaine, adrenaline and PARACETAMOL", {"lidocaine", "epinephrine", "paracetamol"}),
        ("noradrenaline is not adrenaline", {"norepinephrine", "epinephrine"}),
        ("S-ketamine or S(+)-ketamine", {"esketamine"}),
        ("levobupivacaine, liposomal bupivacaine", {"levobupivacaine", "bupivacaine"}),
        ("2-chloroprocaine and cis-atracurium", {"chloroprocaine", "cisatracurium"}),
        ("oxygen saturation, end-tidal CO2, insulin resistance, dopamine receptors", set()),
        ("low-molecular-weight heparin; vitamin K antagonists", set()),
        ("polyethylene, prothrombin, halothanes", {"halothane"}),
        ("TXA, txa", {"tranexamic acid"}),
        ("艾司氯胺酮与氯胺酮，去甲肾上腺素", {"esketamine", "ketamine", "norepinephrine"}),
        ("顺式阿曲库铵，瑞芬太尼，左布比卡因", {"cisatracurium", "remifentanil", "levobupivacaine"}),
        ("肾上腺素能受体，低分子肝素，异氟烷", {"isoflurane"}),
        ("使用propofol诱导", {"propofol"}),
        ("", set()),
    ],
)
def test_agents_are_whole_names_and_the_longest_wins(text: str, agents: set[str]) -> None:
    assert read_agents().find(pl.Series([text])) == [frozenset(agents)]


def test_there_are_many_agents_in_both_languages() -> None:
    agents = [term for term in read_agents().lexicon.terms if term.role == "core"]
    chinese = [term for term in agents if any("\u4e00" <= name[0] <= "\u9fff" for name in term.variants)]
    assert len(agents) >= 500
    assert len(chinese) >= 480


def test_every_name_is_found_as_its_agent() -> None:
    agents = [term for term in read_agents().lexicon.terms if term.role == "core"]
    names = [(name, term.headword) for term in agents for name in term.variants]
    found = read_agents().find(pl.Series([f"Then {name}, slowly." for name, _ in names]))
    assert [(name, each) for (name, agent), each in zip(names, found, strict=True) if each != {agent}] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "propofol, Diprivan\n\n# more\nketamine, DIPRIVAN",
            "agents, line 4: 'DIPRIVAN' is already in line 1",
        ),
        ("propofol, propofol", "agents, line 1: 'propofol' is already in line 1"),
        ("propofol\nketamine,, Ketalar", "agents, line 2: an empty name"),
        ("propofol\nnot:", "agents, line 2: an empty name"),
        ("# nothing", "agents names no agent"),
        ("not: oxygen saturation", "agents names no agent"),
    ],
)
def test_a_faulty_list_of_agents_is_refused_with_its_line(content: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_agents(content)
    assert caught.value.what == message


def test_other_agents_can_be_given() -> None:
    agents = parse_agents("heliox, helium mixture\nnot: heliox index")
    frame = pl.DataFrame(
        {"question": ["Why?"], "answer": ["Propofol and heliox and a heliox index."], "abstract": [""]}
    )
    shown = frame.select(grounding_evidence("en", RULES, agents=agents)).item()
    assert json.loads(shown)["agents"] == ["heliox"]


@pytest.mark.parametrize(
    "answer",
    [
        "Ultrasound guidance shortens onset and improves success of nerve blocks in obese adults.",
        "Cerebral autoregulation becomes impaired with hypercapnia and chronic hypertension.",
    ],
)
def test_an_answer_in_other_words_is_unsupported(answer: str) -> None:
    found = judge(answer)
    assert found["reason"] == "unsupported_answer"
    assert found["evidence"]["words"]  # type: ignore[index]


def test_a_chinese_answer_in_other_words_is_unsupported() -> None:
    answer = "超声引导可以缩短起效时间并提高阻滞成功率。"
    assert reason(answer, language="zh", abstract=ABSTRACT_ZH) == "unsupported_answer"


def test_inflections_and_spellings_support() -> None:
    abstract = (
        "Anesthetised patients were sedated; hypotensive episodes were reduced by hemodynamic monitoring."
    )
    answer = "Sedation of anaesthetized patients: reduction of hypotension, haemodynamically monitored."
    assert judge(answer, abstract=abstract)["evidence"].get("words", []) == []  # type: ignore[attr-defined]


def test_wording_is_not_compared_across_languages() -> None:
    found = judge("镇静药物可以减少躁动，改善苏醒质量。", language="zh", question="镇静药物有何作用？")
    assert (found["reason"], found["score"]) == (None, 0.0)


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        (
            "Why does dexmedetomidine reduce emergence delirium in children?",
            "Dexmedetomidine reduces emergence delirium in children.",
            "answer_in_question",
        ),
        (
            "Why does dexmedetomidine reduce emergence delirium in children?",
            "Dexmedetomidine reduces emergence delirium by sedation.",
            None,
        ),
        (
            "Which reduces emergence delirium, dexmedetomidine or saline?",
            "The dexmedetomidine infusion.",
            None,
        ),
        ("How often is delirium seen after saline?", "Delirium after saline: 43.3%.", None),
    ],
)
def test_an_answer_that_repeats_the_question_goes(question: str, answer: str, expected: str | None) -> None:
    rules = GroundingRules(min_support=0)
    assert reason(answer, question=question, rules=rules) == expected


def test_the_score_is_the_share_of_what_was_found() -> None:
    assert judge("Dexmedetomidine and emergence delirium in 43.3% of children.")["score"] == 1
    assert judge("Ketamine and emergence delirium in 77% of children.")["score"] == 3 / 6
    assert judge("")["score"] == 0


def test_the_evidence_names_what_is_missing_and_is_null_if_nothing_is() -> None:
    frame = pl.DataFrame(
        {
            "question": [QUESTION] * 2,
            "answer": ["Delirium after dexmedetomidine.", "Delirium after ketamine in 77% of children."],
            "abstract": [ABSTRACT] * 2,
        }
    )
    none, some = frame.select(grounding_evidence("en", RULES)).to_series().to_list()
    assert none is None
    assert json.loads(some) == {
        "numbers": ["77%"],
        "agents": ["ketamine"],
        "words": ["ketamin"],
        "support": 0.667,
    }


def test_one_expression_and_three_agree() -> None:
    frame = pl.DataFrame(
        {"q": [QUESTION] * 3, "a": ["Ketamine.", "Ketamine reduced delirium.", None], "t": [ABSTRACT] * 3}
    )
    names = {"question": "q", "answer": "a", "abstract": "t"}
    together = frame.select(grounding("en", RULES, **names)).unnest("grounding")
    alone = frame.select(
        grounding_reason("en", RULES, **names),
        grounding_score("en", RULES, **names),
        grounding_evidence("en", RULES, **names),
    )
    assert together.equals(alone)
    assert together["reason"].to_list() == ["answer_too_short", "ungrounded_agent", "answer_missing"]


def test_an_answer_to_a_missing_abstract_is_unsupported() -> None:
    assert (
        reason("Emergence delirium is less frequent.", abstract=None, question=None) == "unsupported_answer"
    )


def test_no_rows_give_no_verdicts() -> None:
    frame = pl.DataFrame(schema=dict.fromkeys(("question", "answer", "abstract"), pl.String))
    assert frame.select(grounding_reason("en", RULES)).height == 0


texts = (
    st.none() | st.text(max_size=12) | st.sampled_from(["Ketamine in 12% of two.", "丙泊酚二十例", ABSTRACT])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, texts, texts), max_size=4), st.sampled_from(["en", "zh"]))
def test_a_row_is_judged_alone_and_scores_lie_between_0_and_1(
    rows: list[tuple[str | None, str | None, str | None]], language: str
) -> None:
    schema = dict.fromkeys(("question", "answer", "abstract"), pl.String)
    together = (
        pl.DataFrame(rows, schema=schema, orient="row").select(grounding(language, RULES)).unnest("grounding")
    )
    alone = [
        pl.DataFrame([row], schema=schema, orient="row").select(grounding(language, RULES)) for row in rows
    ]
    assert together.rows() == [each.unnest("grounding").row(0) for each in alone]
    assert all(0 <= score <= 1 for score in together["score"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(ABSTRACT.split(". ")), min_size=1, max_size=4, unique=True))
def test_sentences_of_the_abstract_are_grounded(sentences: list[str]) -> None:
    found = judge(". ".join(sentences))
    assert found["score"] == 1
    assert found["reason"] not in ("ungrounded_number", "ungrounded_agent", "unsupported_answer")


@pytest.mark.parametrize("value", [{"min_word": 3}, {"min_support": 1.5}])
def test_unknown_keys_and_values_out_of_range_are_refused(value: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        GroundingRules.model_validate(value)


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="en, zh"):
        grounding("de", RULES)


def test_conclusions_of_pubmedqa_are_told_from_those_of_other_papers(shared_data: Path) -> None:
    content = json.loads((shared_data / "pubmed" / "pubmedqa.json").read_text(encoding="utf-8"))
    papers = list(content.values())
    abstracts = ["\n".join(each["CONTEXTS"]) for each in papers]
    frame = pl.DataFrame(
        {
            "question": [each["QUESTION"] for each in papers],
            "answer": [each["LONG_ANSWER"] for each in papers],
            "abstract": abstracts,
        }
    )
    own = frame.select(grounding_reason("en", RULES)).to_series()
    other = frame.with_columns(abstract=pl.Series(abstracts[1:] + abstracts[:1]))
    of_others = other.select(grounding_reason("en", RULES)).to_series()
    unsupported = ["ungrounded_number", "ungrounded_agent", "unsupported_answer"]
    assert own.is_in(unsupported).sum() < 150
    assert of_others.is_null().sum() < 10


def test_a_whole_abstract_of_pubmedqa_grounds_itself(shared_data: Path) -> None:
    content = json.loads((shared_data / "pubmed" / "pubmedqa.json").read_text(encoding="utf-8"))
    abstracts = ["\n".join(each["CONTEXTS"]) for each in list(content.values())[:300]]
    frame = pl.DataFrame({"question": [""] * 300, "answer": abstracts, "abstract": abstracts})
    assert frame.select(grounding_score("en", RULES)).to_series().to_list() == [1.0] * 300
