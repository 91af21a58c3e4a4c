import polars as pl
import pytest

from filters.language import wrong_language

ENGLISH = (
    "The patient was given propofol and the airway was secured with a tube, to be removed at the end. " * 4
)
CHINESE = "患者入室后给予丙泊酚 2 mg/kg 和 rocuronium 0.6 mg/kg，气管插管顺利，术中生命体征平稳。"
TRADITIONAL = "病人進入手術室後給予異丙酚，氣管插管順利，術中生命徵象平穩。"
JAPANESE = "患者は手術室に入り、プロポフォールを投与された。気管挿管はスムーズに行われました。"
KOREAN = "환자는 수술실에 들어와 프로포폴을 투여받았다. 기관 삽관은 순조로웠다."
SPANISH = "El paciente recibió propofol y la vía aérea se aseguró con un tubo que fue retirado al final. " * 4
RUSSIAN = "Пациенту ввели пропофол, дыхательные пути были защищены трубкой."


def reason(text: str | None, language: str, min_share: float | None = None) -> str | None:
    return (
        pl.DataFrame({"text": [text]}, schema={"text": pl.String})
        .select(wrong_language(language, min_share=min_share))
        .item()
    )


@pytest.mark.parametrize(("language", "text"), [("en", ENGLISH), ("zh", CHINESE), ("zh", TRADITIONAL)])
def test_a_text_in_its_language_passes(language: str, text: str) -> None:
    assert reason(text, language) is None


@pytest.mark.parametrize("text", [SPANISH, RUSSIAN, CHINESE, JAPANESE, KOREAN])
def test_other_languages_are_not_english(text: str) -> None:
    assert reason(text, "en") == "wrong_language"


@pytest.mark.parametrize("text", [ENGLISH, SPANISH, RUSSIAN, JAPANESE, KOREAN])
def test_other_languages_are_not_chinese(text: str) -> None:
    assert reason(text, "zh") == "wrong_language"


def test_a_short_english_text_needs_no_function_words() -> None:
    assert reason("Sevoflurane versus propofol: postoperative nausea", "en") is None


def test_a_greek_letter_does_not_make_english_foreign() -> None:
    assert reason(ENGLISH + "α2-agonists, β-blockers, μg/kg", "en") is None


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("text", [None, "", " \n\t ", "12:30 5.0", "😀😀"])
def test_a_text_without_letters_gives_no_reason(language: str, text: str | None) -> None:
    assert reason(text, language) is None


@pytest.mark.parametrize(("language", "text"), [("en", ENGLISH), ("zh", CHINESE)])
def test_a_line_of_a_megabyte_is_judged_like_a_short_one(language: str, text: str) -> None:
    assert reason(text * (1_000_000 // len(text)), language) is None


def test_the_share_can_be_set() -> None:
    assert reason(CHINESE, "zh", min_share=0.99) == "wrong_language"


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="en, zh"):
        wrong_language("de")
