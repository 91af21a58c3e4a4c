"""Questions as a model writes them from abstracts on anesthesiology: which ones go, and why."""

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.question import QuestionRules, mentions_study, question_reason

RULES = QuestionRules()


def reason(
    text: str | None, language: str = "en", *, abstract: str | None = None, rules: QuestionRules = RULES
) -> str | None:
    frame = pl.DataFrame(
        {"question": [text], "abstract": [abstract]}, schema={"question": pl.String, "abstract": pl.String}
    )
    return frame.select(question_reason(language, rules)).item()


GOOD = [
    "How does sugammadex reverse rocuronium-induced neuromuscular blockade?",
    "What causes hypercapnia during laparoscopic surgery?",
    "Which receptor mediates the sedative effect of dexmedetomidine?",
    "Why does methemoglobinemia occur after prilocaine?",
    "At what dose does intrathecal morphine cause delayed respiratory depression?",
    "In children undergoing strabismus surgery, which drug best prevents emergence delirium?",
    "To what extent does age change the minimum alveolar concentration of sevoflurane?",
    "Under what circumstances is awake fiberoptic intubation preferred?",
    "When should neostigmine be given after vecuronium?",
    "Where is the needle tip placed in an adductor canal block?",
    "Propofol is metabolized mainly by which organ?",
    "What is the recommended dose of dantrolene for malignant hyperthermia?",
    "How long before surgery should clopidogrel be stopped?",
    "What are the risk factors for postoperative nausea and vomiting, and how are they scored?",
    "How does hypothermia affect coagulation, and what does it do to drug metabolism?",
    "When ketamine is given with propofol, how do they affect arterial pressure?",
    "Why is it important to monitor neuromuscular function after rocuronium?",
    "How long does it take for a labor epidural to work?",
    "What is it called when dead space rises because of pulmonary embolism?",
    "When is it safe to extubate a patient with obstructive sleep apnea?",
    "What risks are there for those with mitochondrial disease who receive propofol?",
    "Because of its rapid hydrolysis by plasma esterases, which opioid needs no adjustment in renal failure?",
    "Which of these agents triggers malignant hyperthermia: propofol, suxamethonium or ketamine?",
    "What is the drug of choice for malignant hyperthermia?",
    "What is the agent used to reverse heparin after bypass?",
    "A 60-year-old man stops breathing after spinal morphine. How should he be treated?",
    "Compared with ropivacaine alone, how does adding dexamethasone change the duration of a nerve block?",
    "Describe the mechanism by which lipid emulsion treats bupivacaine toxicity.",
    "List the contraindications to spinal anesthesia.",
    "Can you explain how the bispectral index is calculated?",
    "Briefly, compare the cardiovascular effects of etomidate and propofol.",
    "Does nitrous oxide raise the risk of vomiting, and if so, by what mechanism?",
    "Is etomidate safe in septic shock, and why?",
    "What is the mechanism by which volatile anesthetics potentiate nondepolarizing muscle relaxants?",
    "How does pneumoperitoneum influence respiratory mechanics during robotic prostatectomy?",
    "What are the hemodynamic consequences of aortic cross-clamping?",
    "Which patient factors increase the likelihood of failed spinal anesthesia during cesarean section?",
    "Why might intrathecal dexmedetomidine prolong sensory block?",
    "What is the optimal timing of tranexamic acid administration in total knee arthroplasty?",
    "How do opioid-free and opioid-based anesthesia compare with respect to postoperative ileus?",
    "What role does the glossopharyngeal nerve play in the gag reflex during awake intubation?",
    "In elderly patients undergoing hip fracture repair, what is the impact of regional anesthesia "
    "on postoperative delirium?",
    "What percentage of patients develop chronic postsurgical pain after thoracotomy?",
    "How is the depth of neuromuscular blockade assessed with train-of-four monitoring?",
    "What are the primary concerns when anesthetizing a patient with Duchenne muscular dystrophy?",
    "At what core temperature is hypothermia considered severe?",
    "How should antiplatelet therapy be managed in patients with coronary stents who need surgery?",
    "What is the difference between context-sensitive half-time and elimination half-life?",
    "What factors should be considered when choosing between general and regional anesthesia for "
    "carotid endarterectomy?",
    "How does the addition of fentanyl to intrathecal bupivacaine affect the duration of analgesia?",
    "What complications are associated with prolonged use of nitrous oxide?",
    "What is the first-line treatment for local anesthetic systemic toxicity?",
    "How can postoperative cognitive dysfunction be prevented in older adults?",
    "What effect does preoperative carbohydrate loading have on insulin resistance?",
    "Which scoring systems are used to predict difficult airway in obese patients?",
    "What is the significance of an elevated plasma cholinesterase in anesthesia?",
    "When compared with direct laryngoscopy, what advantages does video laryngoscopy offer in "
    "trauma patients?",
    "How much does MAC decrease per decade of age?",
    "What are the recommended fasting times before elective surgery for clear fluids and solid food?",
    "How do anesthesiologists confirm correct placement of an endotracheal tube?",
    "For patients with phaeochromocytoma, which drugs are given first to control blood pressure?",
    "What is the purpose of the test dose in epidural anesthesia, and what does it contain?",
    "How does the interaction between remifentanil and propofol reduce the dose of each?",
    'What causes the "second gas effect", and how is it used clinically?',
    "What is the reported incidence of awareness under general anesthesia?",
    "How does acute normovolemic hemodilution reduce transfusion?",
    "What are the characteristics of an ideal inhaled anesthetic?",
    "Which nerves must be blocked to anesthetize the foot?",
    "How is post-dural puncture headache diagnosed and treated?",
    "What is the relation between preoperative anxiety and postoperative pain?",
    "How did the introduction of pulse oximetry change anesthetic mortality?",
    "Which electrolyte disturbance is caused by massive transfusion, and how is it corrected?",
    "What did Henry Beecher's work on anesthetic deaths in 1954 suggest?",
    "What are the two groups of local anesthetics, and how do they differ?",
    "Which blood group can be given as emergency red cells?",
    "How should group A streptococcal infection be treated in the ICU?",
    "How is the peak pressure related to the plateau pressure in both muscle groups of respiration?",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_good_question_stays(text: str) -> None:
    assert reason(text) is None


GOOD_ZH = [
    "右美托咪定通过何种机制产生镇痛作用？",
    "椎管内麻醉后低血压的预防措施有哪些？",
    "小儿扁桃体切除术后疼痛如何管理？",
    "与传统直接喉镜相比，可视喉镜在困难气道中有哪些优势？",
    "硬膜外血肿的典型临床表现是什么？",
    "全麻苏醒期躁动的发生与哪些因素有关？",
    "超声引导下竖脊肌平面阻滞的常用局麻药浓度是多少？",
    "围术期低体温对凝血功能会产生怎样的影响？",
    "为什么老年患者使用咪达唑仑时需要减量？",
    "脓毒性休克患者首选的血管活性药物是什么？",
    "困难气道的定义是什么？",
    "术中知晓的发生率约为多少？",
    "目标导向液体治疗如何改善患者预后？",
    "单肺通气时低氧血症的处理步骤包括哪些？",
    "在剖宫产手术中，去氧肾上腺素相对于麻黄碱有何优势？",
    "丙泊酚如何代谢？",
    "右美托咪定的镇静作用是通过哪种受体实现的？",
    "罗库溴铵的肌松作用可以用什么药物拮抗",
    "恶性高热的首选治疗药物是什么？",
    "如何判断患者是否存在困难气道？",
    "哪些因素会增加术后恶心呕吐的发生率？",
    "老年患者全身麻醉后认知功能障碍的危险因素有哪些？",
    "为什么琥珀胆碱禁用于高钾血症患者？",
    "局麻药中毒时应立即采取哪些措施？",
    "简述腰麻后头痛的发生机制及处理原则。",
    "七氟烷的最低肺泡有效浓度随年龄如何变化？",
    "术前应停用氯吡格雷多少天？",
    "sugammadex 与 neostigmine 逆转 rocuronium 的区别是什么？",
    "病例对照研究设计有哪些局限性？",
    "受试者工作特征曲线下面积在预测困难插管中有什么意义？",
    "操作者的经验如何影响超声引导神经阻滞的成功率？",
    "一名70岁男性患者在脊麻后出现低血压，该患者应首先使用哪种升压药？",
    "局麻药按化学结构分为哪两组？",
    "何时需要监测麻醉深度？",
]


@pytest.mark.parametrize("text", GOOD_ZH)
def test_a_good_chinese_question_stays(text: str) -> None:
    assert reason(text, "zh") is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "  \n",
        "?",
        "Propofol reduces postoperative nausea.",
        "Mechanism of action of sugammadex",
        "Sternal skin conductance: a reasonable surrogate?",
        "A role for ketamine in status asthmaticus?",
        "Sure, here are three questions about the abstract:",
        "What the effects of propofol on the brain are.",
    ],
)
def test_a_statement_or_a_heading_is_no_question(text: str | None) -> None:
    assert reason(text) == "not_a_question"


@pytest.mark.parametrize("text", ["丙泊酚可以减少术后恶心呕吐。", "关于氯胺酮，正确的是", ""])
def test_a_chinese_statement_is_no_question(text: str) -> None:
    assert reason(text, "zh") == "not_a_question"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Describe the effect of propofol on cerebral blood flow."),
        ("en", "Could you please list the side effects of neostigmine?"),
        ("zh", "简述丙泊酚对脑血流的影响。"),
    ],
)
def test_exam_tasks_can_be_refused(language: str, text: str) -> None:
    assert reason(text, language) is None
    assert reason(text, language, rules=QuestionRules(accept_tasks=False)) == "not_a_question"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Why propofol?", "question_too_short"),
        ("en", "Why use propofol?", None),
        ("en", "What happens " + "to the end of " * 15 + "wears off?", "question_too_long"),
        ("en", "What happens " + "to the end of " * 14 + "wears off?", None),
        ("zh", "何谓全麻？", "question_too_short"),
        ("zh", "丙泊酚如何代谢？", None),
        ("zh", "全身麻醉" * 29 + "后如何处理？", "question_too_long"),
        ("zh", "全身麻醉" * 28 + "后如何处理？", None),
    ],
)
def test_length_has_two_ends(language: str, text: str, expected: str | None) -> None:
    assert reason(text, language) == expected


@pytest.mark.parametrize(
    "text",
    [
        "What was the main finding of this study?",
        "How was sedation measured in this randomized controlled trial?",
        "What did the authors conclude about dexmedetomidine?",
        "Which drugs did the study compare for postoperative analgesia?",
        "In this double-blind, placebo-controlled trial of ketamine, how was pain assessed?",
        "What does the present investigation show about emergence delirium?",
        "How do our results compare with earlier work on ropivacaine?",
        "What proportion of the participants had hypotension after induction?",
        "According to the abstract, how long did the femoral block last?",
        "Based on the text, which opioid causes less itching?",
        "Which opioid is best, as mentioned in the passage?",
        "How many patients were enrolled in the study of sugammadex?",
        "How many patients developed bradycardia after dexmedetomidine?",
        "How many women received epidural analgesia?",
        "What were the inclusion criteria for receiving ketamine?",
        "Which doses of ondansetron were compared for preventing vomiting?",
        "What was the primary outcome when dexamethasone was added to bupivacaine?",
        "In the meta-analysis, how large was the effect of magnesium on opioid use?",
        "What was the incidence of PONV in 120 patients who received sevoflurane?",
        "What is shown about remifentanil in Table 2?",
        "What limitation does the article name for the bispectral index?",
        "How did Smith et al. measure cardiac output?",
        "Which block did the investigators use for hip fracture?",
        "Why were patients randomized to sevoflurane or propofol?",
        "What do the results suggest about lidocaine infusions?",
        "How was the study drug lidocaine given?",
        "In the study of patients with hip fracture, which block was best?",
        "What did researchers find about xenon and the brain?",
        "How was delirium defined in the present study?",
        "Which anesthetic was used in these trials of cardiac surgery?",
        "What does the case report teach about dantrolene?",
        "Why did we observe hypotension after protamine?",
        "What complications occurred in the cohort given etomidate?",
        "What was the sample size of the study?",
        "How was the depth of sedation evaluated in participants?",
        "What limitations of the current study were noted?",
        "What do the authors recommend for airway management in burns?",
        "What data were collected on sevoflurane in this retrospective review?",
        "In our institution, what is the protocol for awake craniotomy?",
    ],
)
def test_a_question_that_points_at_its_paper_goes(text: str) -> None:
    assert reason(text) == "mentions_study"


@pytest.mark.parametrize(
    "text",
    [
        "What does the study of pharmacokinetics tell about infusions of fentanyl?",
        "What are the limits of the case-control study design in rare anesthetic complications?",
        "Why is the randomized controlled trial considered the best evidence in anesthesia?",
        "What did the POISE-2 trial show about perioperative aspirin?",
        "How does epidural analgesia affect the trial of labor after cesarean?",
        "How long should the spontaneous breathing trial last before extubation?",
        "What does a sleep study measure before bariatric surgery?",
        "How does laryngeal edema narrow the passage of air?",
        "What is assessed first in the primary survey of a trauma patient?",
        "According to the Frank-Starling law, how does preload change stroke volume?",
        "According to ASA guidelines, how long should adults fast before anesthesia?",
        "Why do we preoxygenate before induction of anesthesia?",
        "How many patients need to be treated with dexamethasone to prevent one case of vomiting?",
        "Which complication of anesthesia has an incidence of 1 in 10,000 patients?",
        "What should be discussed with a patient before spinal anesthesia?",
        "How is anesthesia given to 5 year old children with a cold?",
        "Which nerve is studied with electromyography in residual paralysis?",
        "How are nerve conduction studies used after a nerve block injury?",
        "What should be mentioned when obtaining consent for an epidural?",
        "Who first described spinal anesthesia, and when was that?",
        "In a randomized trial, why is concealment of allocation needed?",
        "What have recent studies shown about cricoid pressure?",
        "How does a systematic review differ from a meta-analysis?",
        "Which laboratory investigations confirm anaphylaxis during anesthesia?",
        "How do blood gas results guide ventilation in asthma?",
        "When was cocaine first described in the literature as a local anesthetic?",
        "How is PET used to study patients under xenon anesthesia?",
        "How do opioids act on the brain stem, and how does this work in renal failure?",
        "What do current guidelines say about the study of coagulation before neuraxial block?",
        "At the present time, which volatile anesthetic has the lowest solubility?",
    ],
)
def test_studies_as_a_subject_stay(text: str) -> None:
    assert reason(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "本研究的主要结论是什么？",
        "该研究中右美托咪定的剂量是多少？",
        "这项随机对照试验比较了哪两种药物？",
        "作者认为氯胺酮有哪些优点？",
        "文中提到的罗哌卡因浓度是多少？",
        "上述方法如何降低术后疼痛？",
        "根据摘要，舒芬太尼的用量是多少？",
        "受试者中低血压的发生率是多少？",
        "共有多少例患者出现术后谵妄？",
        "患者被随机分为哪几种麻醉方式？",
        "研究者发现七氟烷对认知功能有什么影响？",
        "研究结果表明地塞米松有何作用？",
    ],
)
def test_a_chinese_question_that_points_at_its_paper_goes(text: str) -> None:
    assert reason(text, "zh") == "mentions_study"


@pytest.mark.parametrize(
    "text",
    [
        "What is its half-life?",
        "How were they treated?",
        "What are these agents?",
        "What was the result?",
        "What side effects do they cause?",
        "At what rate is it infused?",
        "Why was this technique preferred for cesarean delivery?",
        "How does this drug affect intracranial pressure?",
        "What is the effect of the drug on blood pressure?",
        "How did the intervention affect the length of stay in intensive care?",
        "What proportion of them needed rescue analgesia?",
        "In these patients, what is the incidence of hypotension?",
        "What is the recommended dose in children of this agent?",
        "Which drug was better?",
        "What were the most common adverse events?",
        "What is the mechanism of action?",
        "How should she be managed?",
        "Despite its benefits, why is it rarely used?",
        "When it is given after surgery, what is the incidence of nausea?",
        "How did pain scores differ between the two groups?",
        "What was the mean arterial pressure in group A after induction?",
        "How much morphine did both groups need on the first day?",
        "What dose of ropivacaine did the control group receive?",
        "How did oxygen saturation change in the intervention group during sedation?",
        "How did heart rate differ between groups I and II?",
        "Which of these is a muscle relaxant?",
        "Which method was found to be superior?",
        "What was the conclusion regarding safety?",
        "What statistical test was used to compare the groups?",
        "What is the recommendation for this condition?",
        "What was observed after the intervention?",
    ],
)
def test_a_question_that_leaves_its_subject_open_goes(text: str) -> None:
    assert reason(text) == "missing_subject"


@pytest.mark.parametrize(
    "text",
    [
        "How do pain scores in group A (ropivacaine) and group B (saline) differ over a day?",
        "What is propofol, and how is it cleared?",
        "Since sevoflurane irritates less, why is it chosen for inhalational induction?",
        "Why is the choice of drug in this setting guided by renal function?",
        "What is the purpose of a control group in anesthesia research?",
        "How does lidocaine act on sodium channels, and why does this action depend on pH?",
        "What makes remifentanil different from other opioids in its context-sensitive half-time?",
        "How do obese patients differ from those of normal weight in their propofol needs?",
    ],
)
def test_a_question_that_names_its_subject_stays(text: str) -> None:
    assert reason(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "它的半衰期是多少？",
        "其主要不良反应有哪些？",
        "该药对颅内压有什么影响？",
        "这些药物如何影响心率和血压？",
        "此方法适用于哪些手术患者？",
        "两者的起效时间有何差异？",
        "主要结果是什么？",
        "对照组的平均动脉压是多少？",
        "两组术后疼痛评分有何不同？",
        "A组的镇静评分是多少？",
    ],
)
def test_a_chinese_question_that_leaves_its_subject_open_goes(text: str) -> None:
    assert reason(text, "zh") == "missing_subject"


@pytest.mark.parametrize(
    "text",
    ["其他常用的吸入麻醉药有哪些？", "此外还有哪些方法可以预防术后寒战？", "他汀类药物术前应如何使用？"],
)
def test_a_chinese_question_with_a_lookalike_of_a_pronoun_stays(text: str) -> None:
    assert reason(text, "zh") is None


@pytest.mark.parametrize(
    "text",
    [
        "Is dexmedetomidine effective against shivering?",
        "Does nitrous oxide increase postoperative vomiting?",
        "Can ultrasound shorten the time to perform a block?",
        "Are children at higher risk of laryngospasm?",
        "Should aspirin be stopped before surgery?",
        "Isn't etomidate contraindicated in adrenal failure?",
        "In pregnant women, does ephedrine cross the placenta?",
        "When hypotension follows spinal anesthesia, is phenylephrine preferred?",
        "After cardiac surgery, can paravertebral block reduce the length of stay?",
        "Epidural analgesia in peritoneal surgery: is it worth the risk?",
        "In children is ketamine safe without atropine?",
        "Has sugammadex replaced neostigmine in routine practice?",
        "Is propofol, which is formulated as an emulsion, a cause of pancreatitis?",
        "Propofol can be given to patients with egg allergy?",
    ],
)
def test_a_question_that_yes_answers_goes(text: str) -> None:
    assert reason(text) == "yes_no_only"
    assert reason(text, rules=QuestionRules(accept_yes_no=True)) is None


@pytest.mark.parametrize(
    "text",
    [
        "右美托咪定是否可以减少术后谵妄？",
        "肥胖患者可以使用七氟烷吗？",
        "超声引导能否提高神经阻滞的成功率？",
        "术前有无必要停用二甲双胍？",
        "在任何手术中都可否使用氧化亚氮？",
    ],
)
def test_a_chinese_question_that_yes_answers_goes(text: str) -> None:
    assert reason(text, "zh") == "yes_no_only"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What is propofol? How is it metabolized?"),
        ("en", "Is propofol safe in children? Why or why not?"),
        ("en", "What is a MAC, how is it measured, and why does age lower it, and who defined it?"),
        ("zh", "丙泊酚的代谢途径是什么？其半衰期是多少？"),
        ("zh", "丙泊酚如何代谢，剂量是多少，有哪些禁忌证？"),
    ],
)
def test_more_than_one_question_goes(language: str, text: str) -> None:
    assert reason(text, language) == "several_questions"


def test_a_repeated_question_mark_is_one_question() -> None:
    assert reason("How is desflurane vaporized??") is None
    assert reason("How is desflurane vaporized? ?!") is None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "丙泊酚的半衰期是多少？"),
        ("en", "Почему пропофол вызывает гипотензию?"),
        ("zh", "What is the half-life of propofol?"),
        ("zh", "プロポフォールの半減期はどのくらいですか？"),
    ],
)
def test_a_question_in_another_language_goes(language: str, text: str) -> None:
    assert reason(text, language) == "wrong_language"


ABSTRACT = (
    "Background: Emergence delirium is common in children. Does dexmedetomidine given at the end of surgery "
    "reduce emergence delirium after sevoflurane in children? We studied 0.5 µg/kg in 60 children. "
    "The incidence of emergence delirium after sevoflurane in preschool children having strabismus surgery "
    "was 12%. Dexmedetomidine given before the end of surgery lowers the risk of emergence delirium in "
    "children."
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Which finding shows that dexmedetomidine given before the end of surgery lowers the risk of "
            "emergence delirium in children?",
            "copied_sentence",
        ),
        (
            "How come that dexmedetomidine, given before the end of the surgery, lowers the risk of "
            "emergence delirium in children?",
            "copied_sentence",
        ),
        (
            "What is the incidence of emergence delirium after sevoflurane in preschool children having "
            "strabismus surgery?",
            None,
        ),
        ("How does dexmedetomidine lower the risk of emergence delirium in children?", None),
    ],
)
def test_a_sentence_of_the_abstract_is_no_question(text: str, expected: str | None) -> None:
    assert reason(text, abstract=ABSTRACT) == expected


def test_a_long_run_of_the_abstract_is_no_question() -> None:
    run = " ".join(f"word{number}" for number in range(31))
    abstract = f"It began before {run} and went on for very many more words that nobody asks about."
    assert reason(f"Why does {run} matter?", abstract=abstract) == "copied_sentence"
    assert reason(f"Why does {run[7:]} matter?", abstract=abstract) is None


def test_a_chinese_sentence_of_the_abstract_is_no_question() -> None:
    abstract = "目的：探讨镇静效果。右美托咪定可显著降低老年患者髋部手术后谵妄的发生率。结论：有效。"
    copied = "为什么右美托咪定可显著降低老年患者髋部手术后谵妄的发生率？"
    assert reason(copied, "zh", abstract=abstract) == "copied_sentence"
    assert reason("右美托咪定如何影响老年患者髋部手术后谵妄？", "zh", abstract=abstract) is None


def test_reasons_come_in_the_stated_order() -> None:
    assert reason("Is it?") == "question_too_short"
    assert reason("Does this study show that it works?") == "mentions_study"
    assert reason("Is it effective in children?") == "missing_subject"


def test_width_quotes_and_numbers_in_front_change_nothing() -> None:
    assert reason("1. How does propofol act on the brain？") is None
    assert reason("Q: Why  isn’t\tpropofol given\nintramuscularly?") is None
    assert reason("(2) What is its half‐life?") == "missing_subject"
    assert reason("Question 3: What did the authors measure with capnography?") == "mentions_study"


def test_columns_can_have_other_names_and_the_result_is_named_reason() -> None:
    frame = pl.DataFrame({"q": ["What is its half-life?"], "text": ["An abstract."]})
    result = frame.select(question_reason("en", RULES, question="q", abstract="text"))
    assert result.to_dict(as_series=False) == {"reason": ["missing_subject"]}


def test_the_patterns_on_studies_can_judge_another_column() -> None:
    frame = pl.DataFrame({"answer": ["The authors found less pain.", "Ketamine lessens pain."]})
    judged = frame.select(mentions_study("en", pl.col("answer"), reason="answer_mentions_study")).to_series()
    assert judged.to_list() == ["answer_mentions_study", None]


def test_lazy_and_eager_frames_agree() -> None:
    frame = pl.DataFrame({"question": [*GOOD, None], "abstract": [ABSTRACT] * (len(GOOD) + 1)})
    lazy = frame.lazy().select(question_reason("en", RULES)).collect(engine="streaming")
    assert lazy.equals(frame.select(question_reason("en", RULES)))


pieces = st.lists(
    st.sampled_from(
        [
            "What",
            "is",
            "it",
            "the study",
            "propofol",
            "?",
            ",",
            "group A",
            "why",
            "其",
            "丙泊酚",
            "什么",
            " ",
            "\n",
        ]
    )
    | st.text(max_size=8),
    max_size=12,
).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | pieces, max_size=5), st.sampled_from(["en", "zh"]))
def test_a_row_is_judged_alone_and_any_text_gets_a_verdict(texts: list[str | None], language: str) -> None:
    frame = pl.DataFrame({"question": texts}, schema={"question": pl.String}).with_columns(
        abstract=pl.lit(ABSTRACT)
    )
    together = frame.select(question_reason(language, RULES)).to_series().to_list()
    assert together == [reason(text, language, abstract=ABSTRACT) for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(GOOD), st.sampled_from(["", " ", "\n", "  "]), st.sampled_from(["", " ", "\t"]))
def test_white_space_around_a_question_changes_nothing(text: str, before: str, after: str) -> None:
    assert reason(before + text.replace(" ", " " + after) + after) == reason(text)


@pytest.mark.parametrize("value", [{"min_word": 3}, {"min_copied": 0}, {"max_asked": 0}])
def test_unknown_keys_and_values_out_of_range_are_refused(value: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        QuestionRules.model_validate(value)


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="en, zh"):
        question_reason("de", RULES)


def _pubmedqa(shared_data: Path) -> pl.DataFrame:
    content = json.loads((shared_data / "pubmed" / "pubmedqa.json").read_text(encoding="utf-8"))
    return pl.DataFrame(
        {
            "question": [each["QUESTION"] for each in content.values()],
            "abstract": ["\n".join(each["CONTEXTS"]) for each in content.values()],
        }
    )


def test_all_questions_of_pubmedqa_are_yes_no_questions_or_headings(shared_data: Path) -> None:
    counts = _pubmedqa(shared_data).select(question_reason("en", RULES).value_counts(name="n"))
    found = {row["reason"]: row["n"] for row in counts.to_series().to_list()}
    assert found.get(None, 0) <= 2
    assert found["yes_no_only"] + found["not_a_question"] >= 980


def test_titles_of_pubmedqa_point_at_no_study(shared_data: Path) -> None:
    rules = QuestionRules(accept_yes_no=True)
    dropped = _pubmedqa(shared_data).filter(
        question_reason("en", rules).is_in(["mentions_study", "missing_subject", "copied_sentence"])
    )
    assert dropped.height <= 5, dropped["question"].to_list()
