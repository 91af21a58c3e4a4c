"""Chains of thought as reasoning models write them: which ones go, and why."""

import json
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.reasoning import JUDGEMENT, ReasoningRules, reasoning_judgement, reasoning_reason

RULES = ReasoningRules()

GOOD_EN = """Okay, so the question asks which induction agent suppresses the adrenal cortex after one dose.

Let me go through them. Thiopental is a barbiturate; it lowers blood pressure, but I don't recall any effect
on cortisol synthesis. Propofol causes vasodilation and hypotension. Ketamine stimulates the sympathetic
system. Etomidate inhibits 11-beta-hydroxylase, so cortisol falls for six to twelve hours after one bolus.

Wait, is that true after one dose, or only after an infusion? Wait. The infusion studies showed higher
mortality in the ICU, but a single dose also blunts the response to ACTH for up to a day. Wait, let me check
ketamine again: no, cortisol rises if anything. So ketamine is out.

So the answer is C. Hmm, but could the question want something else? No. The given answer choices are A to D,
and option C is etomidate. The correct answer is C."""

GOOD_ZH = """题目问哪种药物单次给药后会抑制肾上腺皮质功能。先逐项分析。
选项A，硫喷妥钠属于巴比妥类，可降低血压和颅内压，但对皮质醇合成没有明显影响。
选项B，丙泊酚（propofol）引起外周血管扩张和低血压，长时间输注需警惕PRIS，也不抑制皮质功能。
选项C，依托咪酯抑制11β-羟化酶，单次诱导即可使皮质醇下降6~12小时，ACTH刺激试验反应减弱。
等等，这是单次给药还是持续输注的结果？持续输注会增加ICU患者死亡率，但单次给药同样会抑制。
选项D，氯胺酮兴奋交感神经，皮质醇反而升高。监护系统提示低血压时，依托咪酯仍常用于诱导。
综上，正确答案是C。"""


def judged(
    reasoning: str | None,
    language: str = "en",
    *,
    response: str | None = None,
    rules: ReasoningRules = RULES,
) -> tuple[str | None, dict[str, object]]:
    frame = pl.DataFrame(
        {"reasoning": [reasoning], "response": [response]},
        schema={"reasoning": pl.String, "response": pl.String},
    )
    found = frame.select(reasoning_judgement(language, rules)).unnest("judgement").row(0)
    return found[0], json.loads(found[1] or "{}")


def reason(text: str | None, language: str = "en", **given: object) -> str | None:
    return judged(text, language, **given)[0]  # type: ignore[arg-type]


def numbered(count: int, language: str = "en") -> str:
    """Text in which nothing repeats at length."""
    if language == "en":
        return " ".join(f"In step {n} we weigh finding {n * 7} of the patient." for n in range(count))
    return "".join(f"第{n}步考虑患者的第{n * 7}项表现。" for n in range(count))


def test_reasoning_that_doubts_itself_and_ends_with_an_answer_is_kept() -> None:
    assert reason(GOOD_EN, response="Etomidate blocks 11-beta-hydroxylase.\n\nAnswer: C") is None
    assert reason(GOOD_ZH, "zh", response="依托咪酯抑制11β-羟化酶。\n答案：C") is None


@pytest.mark.parametrize("text", [None, "", " \n\t "])
def test_missing_reasoning_has_its_own_reason(text: str | None) -> None:
    assert reason(text) == "no_reasoning"


@pytest.mark.parametrize(
    ("text", "language"),
    [("Etomidate. The answer is C.", "en"), ("依托咪酯抑制皮质功能，所以答案是C。", "zh")],
)
def test_one_sentence_is_too_short(text: str, language: str) -> None:
    assert reason(text, language) == "reasoning_too_short"


@pytest.mark.parametrize(("language", "count"), [("en", 1_200), ("zh", 2_500)])
def test_endless_reasoning_is_too_long(language: str, count: int) -> None:
    why, evidence = judged(numbered(count, language), language)
    assert why == "reasoning_too_long"
    assert int(str(evidence["words"])) > 8_000


def test_two_chinese_characters_count_as_one_word() -> None:
    rules = ReasoningRules(min_words=10)
    assert reason("依托咪酯抑制肾上腺皮质的皮质醇合成，选", "zh", rules=rules) == "reasoning_too_short"
    assert reason("依托咪酯抑制肾上腺皮质的皮质醇合成，故选它", "zh", rules=rules) is None


def test_a_response_may_be_short() -> None:
    assert reason(GOOD_EN, response="C") is None


BLOCK_EN = (
    "But the patient has a history of asthma, and the bronchospasm could come from the tube or the drug, "
    "so I should look at the capnogram before I decide which one it is. "
)
BLOCK_ZH = (
    "但患者有哮喘病史，支气管痉挛可能来自气管导管，也可能来自药物，"
    "因此需要先看二氧化碳波形再判断是哪一种原因。"
)


@pytest.mark.parametrize(
    ("good", "block", "language"), [(GOOD_EN, BLOCK_EN, "en"), (GOOD_ZH, BLOCK_ZH, "zh")]
)
def test_a_passage_that_returns_again_and_again_is_a_loop(good: str, block: str, language: str) -> None:
    why, evidence = judged(good + block * 5 + good[:90], language)
    assert why == "looping"
    assert evidence["field"] == "reasoning"
    assert int(str(evidence["times"])) == 5
    assert str(evidence["phrase"])[:6].lower() in (good + block * 2).lower().replace("，", "")


def test_a_chain_of_thought_given_twice_is_a_loop() -> None:
    assert reason(GOOD_EN + "\n\n" + GOOD_EN) == "looping"
    assert reason(GOOD_ZH + "\n\n" + GOOD_ZH, "zh") == "looping"


def test_one_sentence_that_stands_seven_times_is_a_loop() -> None:
    again = "I need to look at the capnogram once more."
    text = "\n".join(f"{part}. {again}" for part in numbered(60).split(". ")[:7]) + numbered(200)
    why, evidence = judged(text)
    assert (why, evidence["times"]) == ("looping", 7)
    assert str(evidence["phrase"]).endswith("once more")
    assert reason(text.replace(again, "", 1)) is None


@pytest.mark.parametrize(
    ("again", "language"),
    [
        ("Wait, let me think again.", "en"),
        ("Hmm.", "en"),
        ("等等，再想一想。", "zh"),
        ("不对，重新看。", "zh"),
    ],
)
def test_reconsidering_often_is_no_loop(again: str, language: str) -> None:
    stop = {"en": ". ", "zh": "。"}[language]
    thoughts = numbered(60, language).split(stop)
    assert reason(f"{stop}{again} ".join(thoughts[::2]), language) is None


@pytest.mark.parametrize(
    ("tail", "language", "times"),
    [
        ("So C. So maybe D. " * 15, "en", 15),
        ("!" * 400, "en", 400),
        ("所以选C，不对，应该选D，" * 20, "zh", 20),
    ],
)
def test_a_loop_at_the_end_of_long_reasoning_is_found(tail: str, language: str, times: int) -> None:
    why, evidence = judged(numbered(400, language) + tail, language)
    assert why == "looping"
    assert int(str(evidence["times"])) in (times - 1, times)


def test_a_loop_in_the_response_counts() -> None:
    why, evidence = judged(GOOD_EN, response="The answer is C. " + "Therefore, it is C. " * 30)
    assert (why, evidence["field"]) == ("looping", "response")


def test_options_quoted_once_more_before_each_is_judged_are_no_loop() -> None:
    options = [
        "先天性心脏病患者在全身麻醉诱导时应避免使用氯胺酮以防肺血管阻力进一步升高",
        "支气管哮喘急性发作的患者应首选硫喷妥钠静脉诱导以防止术中支气管痉挛发生",
        "颅内高压患者的麻醉诱导宜选用丙泊酚并维持适当的过度通气以降低颅内压力值",
        "肾上腺皮质功能不全的患者宜选用依托咪酯诱导以维持围术期循环功能的稳定性",
    ]
    judgements = ["过于绝对", "它可释放组胺", "符合临床观点", "它抑制皮质"]
    listed = "题目给出四个选项：" + "；".join(options) + "。"
    each = "。".join(f"“{o}”，{j}" for o, j in zip(options, judgements, strict=True))
    assert reason(listed + each + "。因此选C。", "zh") is None


def test_a_chinese_question_with_english_reasoning_is_flagged() -> None:
    why, evidence = judged(GOOD_EN, "zh")
    assert why == "wrong_reasoning_language"
    assert evidence["expected"] == "zh"
    assert str(evidence["begins"]).startswith("Okay, so")


def test_an_english_question_with_chinese_reasoning_is_flagged() -> None:
    assert reason(GOOD_ZH, "en") == "wrong_reasoning_language"


def test_reasoning_that_switches_language_halfway_is_flagged() -> None:
    assert reason(GOOD_ZH + GOOD_EN, "zh") == "wrong_reasoning_language"
    assert reason(GOOD_EN + GOOD_ZH, "en") == "wrong_reasoning_language"


def test_drug_names_scales_and_abbreviations_do_not_make_chinese_reasoning_english() -> None:
    latin = (
        "患者ASA III级，LVEF 35%，NYHA III级，BMI 38 kg/m2，STOP-BANG 6分。诱导可选etomidate 0.3 mg/kg，"
        "肌松用rocuronium 1.2 mg/kg，备sugammadex 16 mg/kg。术中监测ECG、SpO2、EtCO2、TOF和BIS，"
        "维持MAP > 65 mmHg。若发生LAST（local anesthetic systemic toxicity），给予20% lipid emulsion。"
        "综合考虑，选项B更合适。"
    )
    assert reason(latin, "zh", rules=ReasoningRules(min_words=20)) is None


def test_a_chinese_term_in_english_reasoning_is_fine() -> None:
    assert reason(GOOD_EN + " The term 恶性高热 in the stem means malignant hyperthermia.") is None


def test_french_reasoning_is_not_english() -> None:
    french = "La question porte sur un agent qui inhibe la corticosurrénale après une dose chez le patient. "
    text = french + "Il faut donc comparer chaque option avec les données connues de la pharmacologie. " * 2
    more = " ".join(f"On note le signe numéro {n} chez ce malade." for n in range(12))
    assert reason(text + more) == "wrong_reasoning_language"


def test_the_language_policy_is_in_the_rules() -> None:
    anything, english = (
        ReasoningRules(reasoning_language="any"),
        ReasoningRules(reasoning_language="en"),
    )
    assert reason(GOOD_EN, "zh", rules=anything) is None
    assert reason(GOOD_ZH, "en", rules=anything) is None
    assert reason(GOOD_EN, "zh", rules=english) is None
    assert reason(GOOD_ZH, "zh", rules=english) == "wrong_reasoning_language"


@pytest.mark.parametrize(
    "cited",
    [
        "However, the correct answer is given as C, so I must be missing something.",
        "The answer is provided as (C) here.",
        "According to the answer key, it is etomidate.",
        "The answer key says C.",
        "The provided answer is C, so let me see why.",
        "Since the gold answer is C, ketamine cannot be right.",
        "The reference answer indicates etomidate.",
        "Given answer: C. Let me justify it.",
        "But we are told that the correct answer is C.",
        "The user says the correct answer is C.",
        "Option C is marked as correct.",
        "I have to justify the given answer.",
        "Based on the official answer, etomidate it is.",
        "This fits the ground truth label C.",
    ],
)
def test_reasoning_that_cites_the_key_is_no_reasoning_of_its_own(cited: str) -> None:
    why, evidence = judged(f"{GOOD_EN}\n{cited}")
    assert why == "cites_key"
    assert evidence["field"] == "reasoning"


@pytest.mark.parametrize(
    "cited",
    [
        "题目给出的答案是C，那么需要解释原因。",
        "题目中已经给出正确答案为C。",
        "参考答案是C。",
        "标准答案为C，",
        "根据参考答案，应选依托咪酯。",
        "按照题目提供的答案，应该选C。",
        "由答案反推，题目考查的是皮质功能。",
        "选项C被标注为正确答案。",
        "既然题目已经给出答案，下面说明理由。",
    ],
)
def test_chinese_reasoning_that_cites_the_key_is_found(cited: str) -> None:
    assert reason(f"{GOOD_ZH}\n{cited}", "zh") == "cites_key"
    assert reason(GOOD_ZH, "zh", response=f"解析：{cited}") == "cites_key"


@pytest.mark.parametrize(
    "fine",
    [
        "The answer is C.",
        "So the correct answer must be C.",
        "Among the given answer choices, C fits best.",
        "According to the given answer choices, C fits best.",
        "The provided answer options do not mention propofol.",
        "Perhaps the answer key says B, but physiology says C.",
        "I don't have the answer key.",
        "If the official answer is B, the question is flawed.",
        "The given answers are A, B, C and D.",
        "The drug is given as a bolus, and the answer follows.",
        "The answer is given by the alveolar gas equation.",
        "The expected answer is probably C.",
        "The patient was given the correct dose; the answer is C.",
        "The reference range is 35 to 45 mmHg.",
        "The correct answer is listed in option C.",
    ],
)
def test_stating_an_answer_or_wondering_about_the_key_is_fine(fine: str) -> None:
    assert judged(f"{GOOD_EN}\n{fine}") == (None, {})


@pytest.mark.parametrize(
    "fine",
    [
        "因此答案是C。",
        "题目给出的选项中，只有C正确。",
        "题目没有给出答案，只能分析。",
        "如果参考答案是B，则题目有误。",
        "根据答案选项逐一排除。",
        "根据题目提供的答案选项逐一排除。",
        "正确答案应为C。",
        "根据题目给出的血气结果，答案选C。",
        "按照标准剂量给药，参考值为35~45 mmHg。",
    ],
)
def test_a_chinese_answer_of_its_own_is_fine(fine: str) -> None:
    assert judged(f"{GOOD_ZH}\n{fine}", "zh") == (None, {})


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (GOOD_EN + " As an AI language model, I cannot examine the patient.", "en"),
        (GOOD_EN + " The system prompt wants a single letter.", "en"),
        (GOOD_EN + " I'm just an AI, not a doctor.", "en"),
        (GOOD_ZH + "作为一个AI语言模型，我不能提供医疗建议。", "zh"),
        (GOOD_ZH + "系统提示词要求只输出字母。", "zh"),
    ],
)
def test_talk_about_the_model_itself_is_flagged(text: str, language: str) -> None:
    assert reason(text, language) == "meta_talk"


@pytest.mark.parametrize(
    "fine", ["AI models predict hypotension.", "The monitoring system prompted a check."]
)
def test_medicine_that_mentions_ai_is_fine(fine: str) -> None:
    assert reason(f"{GOOD_EN} {fine}") is None


def test_damaged_text_is_flagged() -> None:
    why, evidence = judged(GOOD_ZH + "锟斤拷 \ufffd 锟斤拷 \ufffd 锟斤拷", "zh")
    assert (why, evidence) == ("broken_characters", {"field": "reasoning"})


def test_the_reason_alone_agrees_and_columns_may_have_other_names() -> None:
    frame = pl.DataFrame({"cot": [GOOD_EN, None, GOOD_ZH], "said": ["C", "C", None]})
    found = frame.select(reasoning_reason("en", RULES, reasoning="cot", response="said")).to_series()
    assert found.to_list() == [None, "no_reasoning", "wrong_reasoning_language"]


def test_a_frame_without_rows_has_no_judgements() -> None:
    frame = pl.DataFrame(schema={"reasoning": pl.String, "response": pl.String})
    found = frame.select(reasoning_judgement("zh", RULES))
    assert found.schema == {"judgement": pl.Struct(JUDGEMENT)}
    assert len(found) == 0


def test_rows_do_not_touch_each_other() -> None:
    texts = [GOOD_EN, BLOCK_EN * 4, BLOCK_EN * 2, "", GOOD_EN] * 250
    frame = pl.DataFrame({"reasoning": texts, "response": [GOOD_EN] * len(texts)})
    found = frame.select(reasoning_judgement("en", RULES)).unnest("judgement").rows()
    alone = [judged(text, response=GOOD_EN) for text in texts[:5]]
    assert [(why, json.loads(evidence or "{}")) for why, evidence in found] == alone * 250
    assert [why for why, _ in alone] == [None, "looping", "looping", "no_reasoning", None]


def test_unknown_languages_and_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="known languages: en, zh"):
        reasoning_reason("fr", RULES)
    with pytest.raises(ValidationError):
        ReasoningRules.model_validate({"max_repeat": 0.3})


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400), st.sampled_from(["en", "zh"]), st.integers(1, 30))
def test_no_text_raises_and_evidence_is_json(text: str, language: str, times: int) -> None:
    rules = ReasoningRules(min_words=0)
    why, evidence = judged(text * times, language, response=text, rules=rules)
    assert why is not None or evidence == {}


@settings(max_examples=40, deadline=None)
@given(st.text("ab 好的\n", min_size=40, max_size=120), st.integers(10, 40), st.sampled_from(["en", "zh"]))
def test_whatever_is_said_ten_times_in_a_row_is_a_loop(text: str, times: int, language: str) -> None:
    why = reason(f"x{text}" * times, language)
    assert why == "looping"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a " * 500_000,
        "好" * 330_000,
        "perhaps the answer " * 50_000,
        "the given answer according to " * 33_000,
        "可能答案题目给出的" * 40_000,
        "a, " * 330_000,
        ("x" * 31 + "y") * 31_000 + "x" * 32,
        "\n.!?" * 250_000,
        "word " * 5 + "好" + "Ã" * 500_000,
    ],
)
def test_a_megabyte_of_hostile_text_takes_seconds(text: str) -> None:
    started = time.perf_counter()
    reason(text, "en", response=text)
    reason(text, "zh")
    assert time.perf_counter() - started < 15
