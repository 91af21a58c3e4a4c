"""Options that are easily mistaken, questions with several answers, and what holds for every text."""

import pytest

from anessuite.answers import extract_choice, extract_choices

OPTIONS = {"A": "Ketamine", "B": "Etomidate", "C": "Propofol", "D": "Midazolam", "E": "Dexmedetomidine"}
CELLS = {"A": "B cells", "B": "T cells", "C": "NK cells", "D": "Monocytes"}
VITAMINS = {"A": "Vitamin C", "B": "Vitamin B12", "C": "Vitamin A", "D": "Vitamin D"}
GERMS = {"A": "C. difficile", "B": "E. coli", "C": "A. baumannii", "D": "S. aureus", "E": "B. cereus"}
LETTERS = {"A": "D", "B": "C", "C": "B", "D": "A"}
NUMBERS = {"A": "5", "B": "15", "C": "25", "D": "150"}
PARTS = {"A": "Aspirin", "B": "Aspirin and clopidogrel", "C": "Clopidogrel", "D": "Heparin"}
BOTH = {"A": "Ketamine", "B": "Propofol", "C": "Both A and B", "D": "None of the above"}
ALL = {"A": "Ketamine", "B": "Propofol", "C": "Etomidate", "D": "All of the above"}
CASES = {"A": "AaBb", "B": "aabb", "C": "AABB", "D": "AaBB"}
ROMAN = {"A": "I only", "B": "II only", "C": "I and II", "D": "I"}
LABELLED = {"A": "A. Ketamine", "B": "B. Propofol", "C": "C. Etomidate"}
TEN = {letter: f"sign {number}" for number, letter in enumerate("ABCDEFGHIJ")}
TWINS = {"A": "Ketamine", "B": "ketamine.", "C": "Propofol"}
LEADS = {"A": "Lead I", "B": "Lead II", "C": "aVF", "D": "V1"}
ACIDS = {"A": "$\\mathrm{K}^{+}$ 升高", "B": "Na+ 升高", "C": "pH < 7.35", "D": "PaCO₂ 升高"}

SPECIAL = [
    (CELLS, "The answer is B cells.", "A"),
    (CELLS, "The answer is B.", "B"),
    (CELLS, "B. T cells", "B"),
    (CELLS, "B cells", "A"),
    (CELLS, "Answer: B cells are the correct answer", None),
    (CELLS, "T cells", "B"),
    (VITAMINS, "The answer is vitamin C.", "A"),
    (VITAMINS, "The answer is C. Vitamin A", "C"),
    (VITAMINS, "The answer is C.", "C"),
    (VITAMINS, "It could be vitamin A or vitamin D.", None),
    (VITAMINS, "Vitamin C", "A"),
    (VITAMINS, "C. Vitamin C", None),
    (GERMS, "Answer: E. coli", "B"),
    (GERMS, "The most likely organism is C. difficile.", "A"),
    (GERMS, "C. difficile", "A"),
    (GERMS, "A. C. difficile", "A"),
    (GERMS, "Answer: A. baumannii", "C"),
    (GERMS, "Answer: A", "A"),
    (GERMS, "Answer: B. E. coli", "B"),
    (GERMS, "Answer: E. B. cereus", "E"),
    (GERMS, r"\boxed{E. coli}", "B"),
    (LETTERS, "The answer is B.", "B"),
    (LETTERS, "B", "B"),
    (NUMBERS, "The answer is 5.", "A"),
    (NUMBERS, "15", "B"),
    (NUMBERS, "The answer is 50.", None),
    (NUMBERS, "The answer is 25 mg.", None),
    (NUMBERS, r"\boxed{25}", "C"),
    (NUMBERS, "D. 150", "D"),
    (PARTS, "The answer is aspirin and clopidogrel.", "B"),
    (PARTS, "The answer is aspirin.", None),
    (PARTS, "A. Aspirin", "A"),
    (PARTS, "The answer is heparin.", "D"),
    (PARTS, "B. Aspirin and clopidogrel", "B"),
    (BOTH, "The answer is both A and B.", "C"),
    (BOTH, "C. Both A and B", "C"),
    (BOTH, "None of the above", "D"),
    (BOTH, "The answer is none of the above.", "D"),
    (BOTH, "D. None of the above", "D"),
    (ALL, "All of the above", "D"),
    (ALL, "The correct answer is all of the above.", "D"),
    (ALL, "A. Ketamine\nB. Propofol\nC. Etomidate\nD. All of the above\n\nAnswer: D. All of the above", "D"),
    (ALL, "A is correct. B is correct. C is correct. So the answer is D.", "D"),
    (CASES, "The answer is AaBb.", "A"),
    (CASES, "The answer is aabb.", "B"),
    (CASES, "The answer is aaBb.", None),
    (CASES, "C. AABB", "C"),
    (ROMAN, "The answer is C.", "C"),
    (ROMAN, "The answer is I and II.", "C"),
    (ROMAN, "The answer is II only.", "B"),
    (LABELLED, "Propofol", "B"),
    (LABELLED, "B. Propofol", "B"),
    (LABELLED, "Answer: B", "B"),
    (TEN, "The answer is J.", "J"),
    (TEN, "I", "I"),
    (TEN, "The answer is I.", "I"),
    (TEN, "The answer is (I).", "I"),
    (TEN, "I think we cannot tell.", None),
    (TEN, "The answer is, I think, H.", "H"),
    (TEN, "I, for one, would look at the chart.", None),
    (TEN, "I am not certain.", None),
    (TEN, "答案是J", "J"),
    (TEN, "Answer: K", None),
    (TWINS, "The answer is ketamine.", None),
    (TWINS, "The answer is A.", "A"),
    (TWINS, "The answer is B. ketamine", "B"),
    (LEADS, "Lead I", "A"),
    (LEADS, "The answer is lead II.", "B"),
    (LEADS, "The answer is aVF.", "C"),
    (ACIDS, "答案是 K⁺升高", None),
    (ACIDS, "答案是 $\\mathrm{K}^{+}$ 升高", "A"),
    (ACIDS, "Answer: pH < 7.35", "C"),
    ({}, "The answer is C.", None),
    ({"A": "", "B": "", "C": ""}, "The answer is C.", "C"),
    ({"a": "Ketamine", "b": "Propofol"}, "The answer is B.", "b"),
    ({"1": "Ketamine", "2": "Propofol"}, "The answer is 2.", None),
]
SETS = [
    ("ABD", "ABD"),
    ("ABD。", "ABD"),
    ("A, B, D", "ABD"),
    ("A, C and D", "ACD"),
    ("A, C, and D.", "ACD"),
    ("A C D", "ACD"),
    ("A/C/D", "ACD"),
    ("Answer: ABD", "ABD"),
    ("Answer: A, B, D", "ABD"),
    ("Answer: A, B and D", "ABD"),
    ("Answer: A & D", "AD"),
    ("Answer: (A), (B) and (D)", "ABD"),
    ("Answer: C", "C"),
    ("The correct answers are A, C, and D.", "ACD"),
    ("The correct answers are **A** and **C**.", "AC"),
    ("The correct options are:\n\n- A. Ketamine\n- C. Propofol", "AC"),
    ("The correct answers are: A. Ketamine, C. Propofol and D. Midazolam.", "ACD"),
    ("The answers are ketamine and propofol.", "AC"),
    ("A, C and D are correct.", "ACD"),
    ("A and C are the correct answers.", "AC"),
    ("Options A and C are correct; B, D and E are wrong.", "AC"),
    (r"\boxed{ABD}", "ABD"),
    (r"\boxed{A, B, D}", "ABD"),
    (r"\boxed{\text{A, B and D}}", "ABD"),
    (r"\boxed{A}, \boxed{B} and \boxed{D}", "ABD"),
    ("<answer>A,C</answer>", "AC"),
    ('{"answer": ["A", "C"]}', "AC"),
    ('{"answer": "AC"}', "AC"),
    ("答案：ABD", "ABD"),
    ("答案：A、B、D", "ABD"),
    ("答案：A，B，D", "ABD"),
    ("答案是A、B和D。", "ABD"),
    ("答案为ＡＢＤ", "ABD"),
    ("【答案】ABDE", "ABDE"),
    ("故选ABD。", "ABD"),
    ("故选A、B、D项。", "ABD"),
    ("正确的是A、C。", "AC"),
    ("正确答案是A和C，B错误。", "AC"),
    ("A、C、D均正确。", "ACD"),
    ("选项A和C是正确的。", "AC"),
    ("All of the above are right. Answer: all of the above", "ABCDE"),
    ("答案：以上都对", "ABCDE"),
    ("答案：全选", "ABCDE"),
    ("The answer is A, B, D. Wait, B is too painful. Final answer: A, D", "AD"),
    ("A. Ketamine\nB. Etomidate\nC. Propofol\nD. Midazolam\nE. Dexmedetomidine\n\n答案：BE", "BE"),
    ("A or C", None),
    ("答案是A或C。", None),
    ("Answer: ABF", None),
    ("Answer: A, F", None),
    ("Answer: BAD", None),
    ("Answer: DBA", None),
    ("Answer: AAB", None),
    ("The answer is CD4 cells.", None),
    ("A. Ketamine\nB. Etomidate\nC. Propofol\nD. Midazolam\nE. Dexmedetomidine", None),
    ("Options: A. Ketamine B. Etomidate C. Propofol D. Midazolam E. Dexmedetomidine", None),
    ("A, B and D are wrong.", None),
    ("排除A、B、D。", None),
    (r"\boxed{}", None),
    ("I cannot answer.", None),
    ("None of the above", None),
    ("<think>ABD</think>", None),
    ("<think>ABD</think>AC", "AC"),
]


@pytest.mark.parametrize(("options", "reply", "letter"), SPECIAL)
def test_letters_and_texts_of_options_are_told_apart(
    options: dict[str, str], reply: str, letter: str | None
) -> None:
    assert (extract_choice(reply, options), reply) == (letter, reply)


@pytest.mark.parametrize(("reply", "letters"), SETS)
def test_several_answers_are_read_as_a_set(reply: str, letters: str | None) -> None:
    wanted = None if letters is None else frozenset(letters)
    assert (extract_choices(reply, OPTIONS), reply) == (wanted, reply)
