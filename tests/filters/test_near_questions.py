import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters import near_questions as module
from filters.near_questions import QuestionMatch, QuestionRules, near_questions
from filters.question_index import QuestionForm

RULES = QuestionRules()


@dataclass(frozen=True)
class Question:
    question: str
    options: Mapping[str, str] = field(default_factory=dict)
    answer: str | None = None
    source_id: str = "q"


def choices(*texts: str) -> dict[str, str]:
    return dict(zip("ABCDEFGH", texts, strict=False))


def match(left: Question, right: Question, rules: QuestionRules = RULES) -> QuestionMatch | None:
    """The verdict on two questions; it does not depend on which is in the pool."""
    found, back = near_questions([left], [right], rules), near_questions([right], [left], rules)
    assert found == back
    return found[0] if found else None


SHORT = Question(
    "Drug of choice for absence seizures is",
    choices("Ethosuximide", "Phenytoin", "Carbamazepine", "Gabapentin"),
    "A",
)
LONG = Question(
    "A 54-year-old man develops muscle rigidity and a rising end-tidal carbon dioxide shortly after "
    "induction with sevoflurane and succinylcholine. Which of the following drugs should be given first?",
    choices("Dantrolene", "Neostigmine", "Sugammadex", "Flumazenil"),
    "A",
)
SHORT_ZH = Question("琥珀胆碱的禁忌证是", choices("高钾血症", "低钾血症", "高钠血症", "低钠血症"), "A")
LONG_ZH = Question(
    "男性，54岁，行腹腔镜胆囊切除术，七氟烷吸入诱导后出现咬肌痉挛、体温骤升及呼气末二氧化碳升高，应首先给予的药物是",
    choices("丹曲林", "新斯的明", "舒更葡糖", "氟马西尼"),
    "A",
)
EACH = pytest.mark.parametrize("question", [SHORT, LONG, SHORT_ZH, LONG_ZH])


@EACH
def test_a_question_repeats_itself(question: Question):
    assert match(question, question) == QuestionMatch(0, 0, (), "same_stem", 100.0, 1.0, True)


@EACH
def test_reordered_options_are_the_same_and_the_answer_is_compared_by_its_text(question: Question):
    a, b, c, d = question.options.values()
    other = replace(question, options=choices(d, c, a, b), answer="C")
    found = match(question, other)
    assert found is not None
    assert (found.kind, found.options_similarity, found.same_answer) == ("same_stem", 1.0, True)
    found = match(question, replace(other, answer="A"))
    assert found is not None
    assert (found.kind, found.same_answer) == ("same_stem", False)


def test_right_options_that_both_questions_offer_are_not_the_same_because_they_look_alike():
    moves = choices("Abduction of the shoulder joint", "Adduction of the shoulder joint", "Flexion")
    one = Question("Injury of the axillary nerve in the lateral position leads to loss of", moves, "A")
    found = match(one, replace(one, answer="B"))
    assert found is not None
    assert (found.kind, found.same_answer) == ("same_stem", False)
    other = replace(one, question=one.question.replace("axillary", "thoracic"))
    assert match(one, other) is not None
    assert match(one, replace(other, answer="B")) is None


@EACH
@pytest.mark.parametrize("answer", [None, "Z"])
def test_whether_the_answer_is_the_same_is_unknown_where_one_has_none(question: Question, answer: str | None):
    found = match(question, replace(question, answer=answer))
    assert found is not None
    assert found.same_answer is None


@EACH
@pytest.mark.parametrize(
    "number",
    ["12. ", "12.", "(3) ", "（3）", "[3] ", "第5题 ", "第5题：", "第十二题、", "Q7: ", "Q7. ", "Q3. (4) ",
     "Question 12: ", "question 12 ", "题目3：", "#4. ", "1) ", "１２．", "No. 5) "],
)  # fmt: skip
def test_numbering_before_the_stem_is_ignored(question: Question, number: str):
    found = match(replace(question, question=number + question.question), question)
    assert found is not None
    assert found.kind == "same_stem"


def test_an_ideographic_stop_ends_a_number_even_before_a_digit():
    found = match(
        Question("12、54岁男性，首选的是", SHORT_ZH.options), Question("54岁男性，首选的是", SHORT_ZH.options)
    )
    assert found is not None
    assert found.kind == "same_stem"


@pytest.mark.parametrize(
    "stem", ["2.5% thiopental is", "2,4-dinitrophenol is", "5-HT3 antagonist", "18F-FDG is"]
)
def test_a_number_that_belongs_to_the_stem_is_no_numbering(stem: str):
    rest = stem.lstrip("0123456789.,-")
    found = match(Question(stem, SHORT.options, "A"), Question(rest, SHORT.options, "B"))
    assert found is None


@EACH
@pytest.mark.parametrize(
    "label", ["{}. {}", "{}) {}", "({}) {}", "{}、{}", "{}．{}", "{}: {}", "[{}] {}", "{}.{}"]
)
def test_labels_inside_options_are_ignored(question: Question, label: str):
    for names in ("ABCD", "abcd", "1234", "DBAC"):
        labelled = [label.format(*each) for each in zip(names, question.options.values(), strict=True)]
        found = match(replace(question, options=choices(*labelled)), question)
        assert found is not None
        assert (found.kind, found.options_similarity, found.same_answer) == ("same_stem", 1.0, True)


def test_what_looks_like_a_label_stays_where_not_all_options_have_one():
    one = Question(
        "Spores are formed by", choices("C. difficile", "E. coli", "S. aureus", "P. mirabilis"), "A"
    )
    two = Question(
        "Spores are formed by", choices("B. difficile", "A. coli", "T. aureus", "Q. mirabilis"), "A"
    )
    assert match(one, one) is not None
    assert match(one, two) is None
    one = Question("Spores are formed by", choices("C. difficile", "C. perfringens"), "A")
    two = Question("Spores are formed by", choices("B. difficile", "B. perfringens"), "A")
    assert match(one, two) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The drug of choice for an absence seizure", "Drug of choice for absence seizure"),
        ("Anaesthesia of choice in caesarean section", "Anesthesia of choice in cesarean section"),
        (
            "Drug that causes hyperkalemia during anesthesia",
            "Drug that causes hyperkalemia durnig anesthesia",
        ),
        ("The colour of a full oxygen cylinder is", "The color of a full oxygen cylinder is"),
        ("Ｄｒｕｇ of ｃｈｏｉｃｅ（ＤＯＣ） for seizures", "Drug of choice (DOC) for seizures"),
        ("Which isn't a volatile anesthetic?", "Which is not a volatile anesthetic ?"),
        ("The drugs of choice in status epilepticus: ____", "The drug of choice in status epilepticus is"),
        ("MAC of desflurane is 6%", "MAC of desflurane is 6 %."),
        ("琥珀胆碱的禁忌证是", "琥珀胆碱的禁忌症是"),
        ("琥珀胆碱的禁忌证是（　　）", "琥珀胆碱的禁忌证是："),
        ("下列哪项是琥珀胆碱的不良反应", "下列哪一项是琥珀胆碱的不良反应？"),
        ("ＡＳＡ分级Ⅲ级的病人，麻醉前应当", "ASA分级III级的病人麻醉前应当"),
    ],
)
def test_small_edits_of_a_stem_are_found(left: str, right: str):
    options = choices("Halothane", "Ether", "Xenon", "Nitrous oxide")
    assert match(Question(left, options, "A"), Question(right, options, "A")) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Anaesthesia of choice in caesarean section", "Anesthesia of choice in cesarean section"),
        (
            "Paediatric patients with oedema of the oesophagus",
            "Pediatric patients with edema of the esophagus",
        ),
    ],
)
def test_british_and_american_ae_and_oe_are_the_same(left: str, right: str):
    found = match(Question(left, SHORT.options), Question(right, SHORT.options))
    assert found is not None
    assert found.kind == "same_stem"


@EACH
def test_an_edit_in_the_shortest_stem_is_found_where_the_options_are_the_same(question: Question):
    middle = len(question.question) // 2
    edited = replace(question, question=question.question[:middle] + "x" + question.question[middle:])
    found = match(question, edited, QuestionRules(lsh_threshold=0.8, shingle_bytes=12))
    assert found is not None
    assert (found.kind, found.same_answer) == ("near_stem", True)


def test_small_edits_of_options_are_found():
    one = Question(
        "Raised end-tidal CO2 is a sign of", choices("Anaemia", "Septic tumours", "Fever of 40 °C"), "B"
    )
    two = Question(
        "Raised end tidal CO2 is a sign of:", choices("anemia.", "Septic tumors", "Fever of 40°C"), "B"
    )
    found = match(one, two)
    assert found is not None
    assert (found.options_similarity, found.same_answer) == (1.0, True)


def test_an_edited_stem_is_found_with_some_other_options():
    other = replace(
        LONG,
        question=LONG.question.replace("rising", "raising").replace("shortly", "soon"),
        options=choices("Flumazenil", "Dantrolene", "Calcium chloride", "Neostigmine", "Atropine"),
        answer="B",
    )
    found = match(LONG, other)
    assert found is not None
    assert (found.kind, found.options_similarity, found.same_answer) == ("near_stem", 0.6, True)
    assert 90 <= found.stem_similarity < 100


def test_a_reworded_stem_is_found_where_options_and_answer_are_the_same():
    other = replace(SHORT, question="The drug of choice in absence seizures of children is")
    found = match(SHORT, other)
    assert found is not None
    assert 80 <= found.stem_similarity < 90
    assert match(SHORT, replace(other, answer="B")) is None
    opposed = replace(SHORT, question="Drug not of choice for absence seizures in adults is")
    assert match(SHORT, opposed) is None
    assert match(SHORT, opposed, QuestionRules(min_stem_similarity=75)) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Drug of choice for seizures in an adult is", "The drugs of choice in seizures of the adult are"),
        (
            "Which isn't a cause of seizures in an adult?",
            "Which of these is not a cause of seizures in adults?",
        ),
        (
            "Drug that causes hyperkalemia during anesthesia",
            "Drug that causes hyperkalemia durnig anesthesia",
        ),
        ("Patients after loss of 1,000 ml of blood", "Patients after loss of 1000 ml of blood"),
        ("在下列各项中，哪项是琥珀胆碱的不良反应", "下列各项中哪一项为琥珀胆碱的不良反应？"),
    ],
)
def test_spelling_and_function_words_need_no_answer_to_confirm_them(left: str, right: str):
    one, two = choices("Halothane", "Ether", "Xenon"), choices("Ether", "Xenon", "Nitrous oxide")
    rules = QuestionRules(min_stem_similarity=80)
    assert match(Question(left, one), Question(right, two), rules) is not None
    assert match(Question(left, one, "A"), Question(right, two, "A"), rules) is not None


def test_a_specific_stem_stands_alone():
    options = choices("Cooling", "Stop the volatile agent", "Hyperventilation", "Call for help")
    for question, others in ((LONG, options), (LONG_ZH, choices("降温", "停药", "过度通气", "呼救"))):
        found = match(question, replace(question, options=others))
        assert found is not None
        assert (found.kind, found.options_similarity, found.same_answer) == ("same_stem", 0.0, False)


@pytest.mark.parametrize(
    "stem",
    [
        "Which of the following is true?",
        "Which of the following statements is not correct?",
        "Which of the following is the most likely diagnosis in this patient?",
        "What is the most appropriate next step in the management of this patient?",
        "All of the following statements about ketamine are true except",
        "下列叙述正确的是",
        "下列关于该病的说法中，错误的一项是",
        "关于琥珀胆碱的叙述，下列哪一项是不正确的",
        "该病人最可能的诊断是",
    ],
)
def test_a_generic_stem_does_not_match_with_other_options(stem: str):
    one = choices("It is a phenol", "It raises blood pressure", "Clearance is slow", "All of the above")
    two = choices("Bronchial tone falls", "MAC is 6", "Metabolised in plasma", "All of the above")
    assert match(Question(stem, one, "A"), Question(stem, two, "A")) is None
    assert match(Question(stem, one), Question(stem, one)) is not None


def test_options_that_say_nothing_do_not_make_generic_stems_alike():
    one = choices("Propofol", "Ketamine", "All of the above", "None of the above")
    two = choices("Halothane", "Xenon", "All of the above", "None of the above")
    assert match(Question("Which is true?", one, "C"), Question("Which is true?", two, "C")) is None
    one, two = (
        choices("丙泊酚", "氯胺酮", "以上都是", "以上均不是"),
        choices("氟烷", "氙", "以上都是", "以上均不是"),
    )
    assert match(Question("正确的是", one, "C"), Question("正确的是", two, "C")) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Drug of choice for absence seizures is", "Drug of choice for bacterial meningitis is"),
        ("Mechanism of action of neostigmine is", "Mechanism of action of physostigmine is"),
        (
            "Minimum alveolar concentration of sevoflurane is",
            "Minimum alveolar concentration of desflurane is",
        ),
        ("Daily dose in stage 2 of the disease is", "Daily dose in stage 3 of the disease is"),
        ("丙泊酚的作用机制是", "氯胺酮的作用机制是"),
        ("新生儿的血容量为", "成年人的血容量为"),
    ],
)
def test_a_template_with_another_word_and_other_options_does_not_match(left: str, right: str):
    one, two = choices("one half", "alpha", "beta", "gamma"), choices("both", "delta", "epsilon", "zeta")
    assert match(Question(left, one, "A"), Question(right, two, "A")) is None
    assert match(Question(left, one), Question(right, two)) is None


TEMPLATE = (
    "In a previously healthy child of normal development {} would be caused most likely by a lesion of {}"
)
CHANGED = [
    ("absence seizures", "partial seizures", "the cortex", "the cortex"),
    ("abduction of the arm", "adduction of the arm", "a nerve", "a nerve"),
    ("atony", "apnea", "pons", "pons"),
    ("iron", "zinc", "zinc", "iron"),
    ("loss of afferent signals", "loss of efferent signals", "a nerve", "a nerve"),
]


@pytest.mark.parametrize(("one", "other", "one_place", "other_place"), CHANGED)
def test_another_or_moved_word_in_a_long_stem_needs_the_same_answer(
    one: str, other: str, one_place: str, other_place: str
):
    left = replace(SHORT, question=TEMPLATE.format(one, one_place))
    right = replace(SHORT, question=TEMPLATE.format(other, other_place))
    assert match(left, replace(right, answer="C")) is None
    assert match(left, right) is not None


def test_where_an_answer_is_unknown_another_word_needs_the_same_options():
    left = replace(SHORT, question=TEMPLATE.format("apnea", "pons"))
    right = replace(SHORT, question=TEMPLATE.format("atony", "pons"), answer=None)
    assert match(left, right) is not None
    some = choices("Ethosuximide", "Phenytoin", "Carbamazepine", "Valproate")
    assert match(left, replace(right, options=some)) is None
    assert match(left, replace(right, options=some, answer="A")) is not None


OPPOSED = [
    ("Which of the following about ketamine is true?", "Which of the following about ketamine is not true?"),
    ("Ketamine is contraindicated in patients with", "Ketamine is not contraindicated in patients with"),
    ("All of these raise intracranial pressure", "All of these raise intracranial pressure except"),
    ("Which drug does cause hypertension in adults?", "Which drug doesn't cause hypertension in adults?"),
    ("Which is correct about the baricity of drugs?", "Which is incorrect about the baricity of drugs?"),
    ("The drug most likely to cause hypotension is", "The drug least likely to cause hypotension is"),
    ("Hyperkalemia during anesthesia is caused by", "Hypokalemia during anesthesia is caused by"),
    ("Blood volume of a child of 2 years in ml/kg is", "Blood volume of a child of 12 years in ml/kg is"),
    ("Blood volume of a child of two years is", "Blood volume of a child of ten years is"),
    ("Patients of ASA class II are those that have", "Patients of ASA class III are those that have"),
    ("Deficiency of vitamin B during pregnancy causes", "Deficiency of vitamin K during pregnancy causes"),
    ("Infusion of 5 ml in 10 minutes gives a level of", "Infusion of 10 ml in 5 minutes gives a level of"),
    ("Drugs with pKa < 7.4 that are in clinical use", "Drugs with pKa > 7.4 that are in clinical use"),
    ("关于氯胺酮的药理作用，叙述正确的是", "关于氯胺酮的药理作用，叙述不正确的是"),
    ("关于氯胺酮的药理作用，叙述正确的是", "关于氯胺酮的药理作用，叙述错误的是"),
    ("下列属于氯胺酮适应证的是", "下列不属于氯胺酮适应证的是"),
    ("氯胺酮可以用于下列各种病人", "氯胺酮可以用于下列各种病人，除外"),
    ("体重10kg的小儿每小时输液量为", "体重15kg的小儿每小时输液量为"),
    ("麻醉深度分为四期，第二期的表现是", "麻醉深度分为四期，第三期的表现是"),
]


@pytest.mark.parametrize(("left", "right"), OPPOSED)
def test_another_negation_or_number_matches_only_with_the_same_options_and_answer(left: str, right: str):
    options = choices("Halothane", "Ether", "Xenon", "Nitrous oxide")
    assert match(Question(left, options, "A"), Question(right, options, "B")) is None
    assert match(Question(left, options, "A"), Question(right, options)) is None
    assert match(Question(left, options), Question(right, options)) is None
    some = choices("Halothane", "Ether", "Xenon", "Desflurane")
    assert match(Question(left, options, "A"), Question(right, some, "A")) is None


def test_another_number_matches_with_the_same_options_and_answer():
    one = replace(LONG, question=LONG.question.replace("54", "45"))
    found = match(one, replace(LONG, options=choices(*reversed(list(LONG.options.values()))), answer="D"))
    assert found is not None
    assert (found.kind, found.same_answer) == ("near_stem", True)
    one = replace(LONG_ZH, question=LONG_ZH.question.replace("54", "45"))
    assert match(one, LONG_ZH) is not None
    assert match(one, replace(LONG_ZH, answer="B")) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("2 mg per kg of body weight", "4 mg per kg of body weight"),
        ("is not effective in young children", "is effective in young children"),
        ("-90 mV", "90 mV"),
        ("5 to 10 ml", "10 to 5 ml"),
        ("Symptomatic", "Asymptomatic"),
        ("全部是正确的处理方法", "全部是错误的处理方法"),
    ],
)
def test_options_that_differ_in_a_number_or_a_negation_are_not_the_same(left: str, right: str):
    rules = QuestionRules(min_stem_similarity=97)
    one, two = choices(left, "unlike"), choices(right, "other")
    assert match(Question("The dose is", one), Question("The dose is", two), rules) is None


def test_spellings_of_an_option_are_the_same():
    found = match(
        Question("Given is", choices("Sulphate", "Xenon"), "A"),
        Question("Given is", choices("Sulfate", "Xenon"), "A"),
    )
    assert found is not None
    assert (found.kind, found.options_similarity, found.same_answer) == ("near_stem", 1.0, True)


def test_the_match_is_the_closest_question_and_names_the_others_closest_first():
    typo = replace(LONG, question=LONG.question.replace("muscle", "mucsle"), source_id="typo")
    fewer = replace(LONG, options=choices("Dantrolene", "Neostigmine"), source_id="fewer")
    (found,) = near_questions([LONG], [SHORT, typo, LONG_ZH, fewer, LONG], RULES)
    assert (found.benchmark, found.others, found.kind) == (4, (3, 1), "same_stem")


def test_closeness_is_decided_by_kind_then_stem_then_options_then_answer():
    spelled = replace(SHORT, options={**SHORT.options, "D": "Gabapentine"}, source_id="a")
    fewer = replace(SHORT, options=choices("Ethosuximide", "Phenytoin", "Carbamazepine"), source_id="a")
    typo = replace(SHORT, question="Drug of choice for absence seizurs is", source_id="a")
    wrong = replace(SHORT, answer="B", source_id="a")
    last = replace(SHORT, source_id="z")
    for closer, farther in ((last, spelled), (fewer, typo), (spelled, fewer), (last, wrong)):
        (found,) = near_questions([SHORT], [farther, closer], RULES)
        assert (found.benchmark, found.others) == (1, (0,))


def test_of_equal_questions_the_first_by_source_id_is_named():
    later, earlier = replace(SHORT, source_id="b"), replace(SHORT, source_id="a")
    assert near_questions([SHORT], [later, earlier], RULES)[0].benchmark == 1
    assert near_questions([SHORT], [earlier, later], RULES)[0].benchmark == 0


def test_questions_without_options_match_each_other_only():
    bare = Question("Drug of choice for absence seizures is")
    found = match(bare, replace(bare, question="The drug of choice for absence seizures is:"))
    assert found is not None
    assert (found.kind, found.options_similarity, found.same_answer) == ("same_stem", 1.0, None)
    assert match(bare, SHORT) is None


def test_empty_inputs_and_empty_texts_are_no_error():
    assert near_questions([], [], RULES) == []
    assert near_questions([SHORT], [], RULES) == []
    assert near_questions([], [SHORT], RULES) == []
    empty = Question("", choices("", "?", "a"))
    assert near_questions([empty], [empty, SHORT], RULES)[0].benchmark == 0


def test_many_questions_of_one_generic_stem_are_not_compared_with_each_other(monkeypatch: pytest.MonkeyPatch):
    judged: list[float] = []
    judge = module.compare
    monkeypatch.setattr(module, "compare", lambda *args: judged.append(args[2]) or judge(*args))
    many = [
        Question("Which of the following is true?", choices(*(f"statement {n} {k}" for k in "wxyz")))
        for n in range(500)
    ]
    assert [found.others for found in near_questions(many, many, RULES)] == [()] * 500
    assert len(judged) == 500
    judged.clear()
    yes_no = [
        Question(f"word{n * 7919} {'abcdefghij'[n % 10] * 30}", choices("yes", "no")) for n in range(500)
    ]
    near_questions(yes_no, yes_no, RULES)
    assert len(judged) < 500 * 500 / 4


TEXT = st.text(st.sampled_from("abcdefgh 酮醉麻心"), min_size=12, max_size=60).filter(
    lambda text: len(set(text.split())) > 0
)
OPTIONS = st.lists(
    st.text(st.sampled_from("klmnop 肺肝肾"), min_size=3, max_size=12).filter(
        lambda text: text.strip() != ""
    ),
    min_size=2,
    max_size=5,
    unique_by=lambda text: "".join(text.split()),
)
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


@st.composite
def disguised(draw: st.DrawFn) -> tuple[Question, Question]:
    """A question, and the same with options permuted, case, width, space, numbering and labels changed."""
    options = draw(OPTIONS)
    labels = "ABCDE"[: len(options)]
    question = Question(draw(TEXT), dict(zip(labels, options, strict=True)), draw(st.sampled_from(labels)))
    assert question.answer is not None
    order = draw(st.permutations(options))
    answer = labels[order.index(question.options[question.answer])]
    prefix = draw(st.sampled_from(["", "{}. ", "{}) ", "（{}）", "{}、"]))
    change = draw(
        st.sampled_from(
            [str, str.upper, lambda text: text.translate(FULL_WIDTH), lambda text: text.replace(" ", " \n ")]
        )
    )
    number = draw(st.sampled_from(["", "12. ", "(3)", "第5题 ", "Q7: ", "【8】"]))
    texts = [prefix.format(label) + text for label, text in zip(labels, order, strict=True)]
    other = Question(
        change(number + question.question + draw(st.sampled_from(["", "?", "：", " ____", "（ ）"]))),
        {label: change(text) for label, text in zip(labels, texts, strict=True)},
        answer,
    )
    return question, other


@settings(deadline=None)
@given(disguised())
def test_order_case_width_space_and_numbering_change_nothing(pair: tuple[Question, Question]):
    found = match(*pair)
    assert found is not None
    assert (found.kind, found.stem_similarity, found.options_similarity) == ("same_stem", 100.0, 1.0)
    assert found.same_answer is True


STEMS = [
    *(SHORT.question, SHORT.question + " in the elderly", "Which is true?", "Which is not true?"),
    *(LONG.question, LONG.question.replace("man", "men")),
    *(SHORT_ZH.question, SHORT_ZH.question.replace("证", "症")),
]
SOME = st.lists(
    st.builds(
        Question,
        st.sampled_from(STEMS),
        st.lists(st.sampled_from("wxyz"), min_size=1, max_size=4).map(lambda texts: choices(*texts)),
        st.sampled_from(["A", "B", None]),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=8,
)


ONE_OPTION = Question(SHORT.question, {"A": "w"}, "A", "a")
ONE_OPTION_THRICE = replace(ONE_OPTION, options=choices("w", "w", "w"))


@settings(deadline=None)
@given(SOME, SOME, st.randoms(use_true_random=False))
@example([ONE_OPTION] * 5, [ONE_OPTION, ONE_OPTION_THRICE], Random(2))  # which swaps the two
def test_the_order_of_pool_and_benchmark_does_not_change_what_repeats_what(pool, benchmark, random):
    """Questions of a benchmark that are compared as the same count as the same: nothing is known that would
    tell which to name."""

    def named(left: list[Question], right: list[Question]) -> list[str]:
        return sorted(
            repr(
                (
                    left[m.pool],
                    [QuestionForm.of(right[n], RULES).identity for n in (m.benchmark, *m.others)],
                    replace(m, pool=0, benchmark=0, others=()),
                )
            )
            for m in near_questions(left, right, RULES)
        )

    expected = named(pool, benchmark)
    random.shuffle(pool)
    random.shuffle(benchmark)
    assert named(pool, benchmark) == expected


def test_of_questions_that_are_compared_as_the_same_the_benchmarks_first_is_named():
    for benchmark in ([ONE_OPTION, ONE_OPTION_THRICE], [ONE_OPTION_THRICE, ONE_OPTION]):
        assert near_questions([ONE_OPTION], benchmark, RULES) == [
            QuestionMatch(0, 0, (1,), "same_stem", 100.0, 1.0, True)
        ]


@settings(deadline=None, max_examples=40)
@given(SOME, SOME)
def test_a_question_matches_the_same_whatever_else_the_pool_holds(pool, benchmark):
    alone = [
        replace(m, pool=n) for n, one in enumerate(pool) for m in near_questions([one], benchmark, RULES)
    ]
    assert near_questions(pool, benchmark, RULES) == alone


def test_matches_do_not_depend_on_the_hash_seed():
    code = (
        "from tests.filters.test_near_questions import *\n"
        "edits = ('e ', 's '), ('的', '之'), ('', ''), ('a', 'aa')\n"
        "many = [replace(q, question=q.question.replace(*edit), source_id=edit[0])\n"
        "        for q in (SHORT, LONG, SHORT_ZH, LONG_ZH) for edit in edits]\n"
        "print(near_questions(many, many[2::4] + many[:3], RULES))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert "near_stem" in printed.pop()


@pytest.mark.parametrize(
    "wrong", [{"min_stem_similarity": 101}, {"min_options_similarity": 0}, {"num_perm": 2}, {"typo": 1}]
)
def test_impossible_rules_are_refused(wrong: dict[str, float]):
    with pytest.raises(ValidationError):
        QuestionRules.model_validate(wrong)


@pytest.mark.parametrize("threshold", [0.1, 0.8])
@pytest.mark.parametrize("num_perm", [32, 256])
def test_rules_at_their_limits_work(threshold: float, num_perm: int):
    rules = QuestionRules(lsh_threshold=threshold, num_perm=num_perm)
    assert match(LONG, LONG, rules) is not None


def test_every_medqa_question_with_five_options_matches_its_twin_with_four(shared_data: Path):
    def read(name: str) -> list[Question]:
        lines = (shared_data / "mcq" / name).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [
            Question(row["question"], row["options"], row["answer_idx"], str(n)) for n, row in enumerate(rows)
        ]

    matches = near_questions(read("medqa_test_5options.jsonl"), read("medqa_test_4options.jsonl"), RULES)
    assert [found.pool for found in matches] == list(range(1273))
    assert [found.benchmark for found in matches] == list(range(1273))
    assert {found.kind for found in matches} == {"same_stem"}
    assert {found.same_answer for found in matches} == {True}
