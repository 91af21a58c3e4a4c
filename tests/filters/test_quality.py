import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.quality import Page, QualityRules, lorem_ipsum, quality_reason

RULES = QualityRules()
ENGLISH = " ".join(
    f"In trial {n} the nurse gave 0.5 mg/kg of ketamine and watched the patient." for n in range(8)
)
CHINESE = "".join(f"第{n}例患者静脉注射丙泊酚2 mg/kg，插管顺利，生命体征平稳。" for n in range(8))
TABLE = "\n".join(f"{n} {n + 1}.5 {n * 7} mg" for n in range(60))


def reason(text: str | None, language: str = "en", rules: QualityRules = RULES) -> str | None:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    return frame.select(quality_reason(language, rules)).item()


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("too_short", "A short note."),
        ("too_long", ENGLISH * 1_500),
        ("broken_characters", ENGLISH + "itâ€™s donâ€™t canâ€™t wonâ€™t"),
        ("broken_characters", ENGLISH + "a\ufffd" * 5),
        ("lorem_ipsum", ENGLISH + " Lorem ipsum dolor sit amet."),
        ("javascript_warning", "Please enable JavaScript.\n" + ENGLISH[:250]),
        ("curly_brackets", "function a() { return { b: { c: 1 } }; } " * 8),
        ("boilerplate", "We use cookies. See our privacy policy.\n" + ENGLISH[:250]),
        ("short_words", "a b c of it. " * 30),
        ("long_words", "pneumonoultramicroscopic electroencephalography. " * 9),
        ("too_many_symbols", "#airway #nurse word care. " * 12),
        ("few_alphabetic_words", TABLE.replace(" mg", " 999999 mg.")),
        ("mostly_bullets", "\n".join(f"- drug number {n} is given slowly." for n in range(20))),
        (
            "mostly_ellipses",
            "\n".join(
                f"Story {n} begins with a patient who sleeps well and wakes up in the evening ..."
                for n in range(20)
            ),
        ),
        ("no_terminal_punctuation", "\n".join(f"Anesthesia chapter number {n} overview" for n in range(20))),
        ("duplicate_lines", ENGLISH + "\nRead more about this here." * 10),
    ],
)
def test_each_fault_in_english_has_its_name(expected: str, text: str) -> None:
    assert reason(text) == expected


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("too_short", "患者平稳。"),
        ("broken_characters", CHINESE + "某锟斤拷" * 5),
        ("boilerplate", "版权所有，隐私政策。\n" + CHINESE[:100]),
        ("few_alphabetic_chars", CHINESE + "★◆＝" * 60),
        ("no_terminal_punctuation", CHINESE.replace("。", "，")),
        ("duplicate_lines", "\n".join([CHINESE[:60]] * 8)),
    ],
)
def test_each_fault_in_chinese_has_its_name(expected: str, text: str) -> None:
    assert reason(text, "zh") == expected


def test_repeated_paragraphs_are_found_where_their_lines_differ() -> None:
    own = "\n".join(
        f"Line {n} is a long sentence on the care of patient {n} in the theatre." for n in range(40)
    )
    assert reason(own + "\n\nSee also.\n\nNext." + "\n\nNext." * 3) == "duplicate_paragraphs"


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        "Doses of the drugs:\n"
        + "\n".join(f"- Drug {n}: {n}.5-2.0 mg/kg IV slowly." for n in range(8))
        + "\nSee above.",
        "\n\n".join(
            f"Q: What is block {n}?\nA: It numbs nerve {n} of the arm for a while." for n in range(8)
        ),
        ENGLISH + "\ufffd\ufffd",
        ENGLISH + "\n" * 50 + "Reset at $\\frac{1}{2}$ of the flow.",
    ],
)
def test_medical_prose_lists_and_questions_pass(text: str) -> None:
    assert reason(text) is None


def test_chinese_prose_passes() -> None:
    assert reason(CHINESE, "zh") is None


@pytest.mark.parametrize("text", [None, "", " \n\t\u3000", "😀" * 10])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_null_and_empty_texts_are_too_short(text: str | None, language: str) -> None:
    assert reason(text, language) == "too_short"


def test_a_line_of_a_megabyte_is_too_long_and_passes_when_allowed() -> None:
    assert reason(ENGLISH * 1_800) == "too_long"
    assert reason(ENGLISH * 1_800, rules=QualityRules(max_chars=2_000_000)) is None


def test_a_rule_can_be_used_alone() -> None:
    frame = pl.DataFrame({"body": ["LOREM IPSUM", "prose", None]})
    assert frame.select(lorem_ipsum(Page.of("body"))).to_series().to_list() == ["lorem_ipsum", None, None]


def test_lazy_and_eager_frames_agree() -> None:
    frame = pl.DataFrame({"text": [ENGLISH, "short", None]})
    lazy = frame.lazy().select(quality_reason("en", RULES)).collect(engine="streaming")
    assert lazy.equals(frame.select(quality_reason("en", RULES)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.text(max_size=300), max_size=4))
def test_a_row_is_judged_alone(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    rules = QualityRules(min_chars_en=0)
    together = frame.select(quality_reason("en", rules)).to_series().to_list()
    assert together == [reason(text, rules=rules) for text in texts]


def test_unknown_keys_and_languages_are_refused() -> None:
    with pytest.raises(ValidationError, match="min_char"):
        QualityRules.model_validate({"min_char": 3})
    with pytest.raises(ValueError, match="en, zh"):
        quality_reason("de", RULES)
