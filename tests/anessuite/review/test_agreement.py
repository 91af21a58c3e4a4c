"""Agreement measures against examples of the literature, recomputed by hand in the comments."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.review.agreement import (
    Measure,
    Ratings,
    cohens_kappa,
    confusion,
    fleiss_kappa,
    krippendorffs_alpha,
    raw_agreement,
)

LEVELS = ("system1", "system1.x", "system2")
FIVE = ("1", "2", "3", "4", "5")

# Fleiss (1971), table 1: 30 patients, 6 psychiatrists each, 5 diagnoses
DIAGNOSES = [
    *("00060", "03003", "01401", "00006", "03030", "20400", "00402", "20310", "20040", "00006"),
    *("10050", "11040", "03300", "10050", "02031", "00501", "30012", "51000", "02040", "10203"),
    *("00006", "01050", "02013", "20040", "10041", "05010", "40002", "02040", "10500", "00006"),
]

# Krippendorff (2011), section C: four observers, twelve units, a point for no rating
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def ratings_of(counts: list[str]) -> list[list[str]]:
    """Rows of counts by category as rows of ratings."""
    return [[FIVE[i] for i, n in enumerate(row) for _ in range(int(n))] for row in counts]


def units() -> list[list[str | None]]:
    return [[None if r == "." else r for r in unit] for unit in zip(*OBSERVERS, strict=True)]


def from_table(table: list[list[int]]) -> tuple[list[str], list[str]]:
    cells = [(i, j, n) for i, row in enumerate(table) for j, n in enumerate(row)]
    pairs = [(LEVELS[i], LEVELS[j]) for i, j, n in cells for _ in range(n)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def test_cohens_kappa_is_that_of_cohen_1960() -> None:
    # Cohen's table of 200 subjects: 140 on the diagonal, p_o = .70. Margins .60 .30 .10 and .50 .30 .20:
    # p_c = .30 + .09 + .02 = .41. kappa = (.70 - .41) / (1 - .41) = .29 / .59 = .4915
    first, second = from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    found = cohens_kappa(first, second, LEVELS)
    assert found.value == pytest.approx(0.29 / 0.59)
    assert found.questions == 200 and found.reason is None
    # Fleiss, Cohen & Everitt (1969), eq. 13: A + B - C over N (1 - p_c)^4, here .00282 = .0531^2
    assert found.low is not None and found.high is not None
    error = (found.high - found.low) / 2 / 1.959964
    assert error == pytest.approx(large_sample_error([[88, 14, 18], [10, 40, 10], [2, 6, 12]]), abs=1e-9)


def large_sample_error(table: list[list[int]]) -> float:
    """The standard error of Fleiss, Cohen & Everitt (1969), written out."""
    n = sum(map(sum, table))
    p = [[cell / n for cell in row] for row in table]
    rows, columns = [sum(row) for row in p], [sum(column) for column in zip(*p, strict=True)]
    po = sum(p[i][i] for i in range(3))
    pc = sum(a * b for a, b in zip(rows, columns, strict=True))
    a = sum(p[i][i] * ((1 - pc) - (columns[i] + rows[i]) * (1 - po)) ** 2 for i in range(3))
    b = (1 - po) ** 2 * sum(
        p[i][j] * (columns[i] + rows[j]) ** 2 for i in range(3) for j in range(3) if i != j
    )
    c = (po * pc - 2 * pc + po) ** 2
    return math.sqrt((a + b - c) / (n * (1 - pc) ** 4))


def test_cohens_kappa_leaves_out_what_one_rater_did_not_rate() -> None:
    first, second = from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    more = cohens_kappa([*first, None, "system1"], [*second, "system2", None], LEVELS)
    assert more == cohens_kappa(first, second, LEVELS)


def test_fleiss_kappa_is_that_of_fleiss_1971() -> None:
    # Column sums 26 26 30 55 43 of 180: p = .144 .144 .167 .306 .239, sum of squares .2199. The mean
    # agreement of a patient is .5556: kappa = (.5556 - .2199) / (1 - .2199) = .430
    columns = [sum(int(row[i]) for row in DIAGNOSES) for i in range(5)]
    assert columns == [26, 26, 30, 55, 43] and all(sum(map(int, row)) == 6 for row in DIAGNOSES)
    found = fleiss_kappa(ratings_of(DIAGNOSES), FIVE)
    mean = sum(sum(int(n) * (int(n) - 1) for n in row) for row in DIAGNOSES) / (30 * 6 * 5)
    chance = sum((column / 180) ** 2 for column in columns)
    assert mean == pytest.approx(0.5556, abs=5e-5) and chance == pytest.approx(0.2199, abs=5e-5)
    assert found.value == pytest.approx((mean - chance) / (1 - chance)) == pytest.approx(0.430, abs=5e-4)
    assert found.low is not None and found.high is not None
    assert 0.25 < found.low < 0.35 and 0.50 < found.high < 0.60


def test_fleiss_kappa_takes_the_questions_with_the_usual_number_of_ratings() -> None:
    padded: Ratings = [*ratings_of(DIAGNOSES), ["1", "2", *[None] * 4], ["3", *[None] * 5]]
    found = fleiss_kappa(padded, FIVE)
    assert found.questions == 30 and found.value == fleiss_kappa(ratings_of(DIAGNOSES), FIVE).value


def test_nominal_alpha_is_that_of_krippendorff_2011() -> None:
    # 40 pairable ratings in 11 units, n_c = 9 13 10 5 3, o_cc = 7 10 8 4 3:
    # alpha = (39 * 32 - (9*8 + 13*12 + 10*9 + 5*4 + 3*2)) / (40 * 39 - 344) = 904 / 1216 = .743
    found = krippendorffs_alpha(units(), FIVE)
    assert found.value == pytest.approx(904 / 1216) == pytest.approx(0.743, abs=5e-4)
    assert found.questions == 11 and found.raters == 4


def test_ordinal_alpha_is_that_of_krippendorff_2011() -> None:
    assert krippendorffs_alpha(units(), FIVE, "ordinal").value == pytest.approx(0.815, abs=5e-4)


def test_ordinal_alpha_forgives_neighbours() -> None:
    near = [("system1", "system1.x")] * 3 + [(level, level) for level in LEVELS] * 5
    far = [("system1", "system2")] * 3 + [(level, level) for level in LEVELS] * 5
    ordinal = [krippendorffs_alpha(ratings, LEVELS, "ordinal").value for ratings in (near, far)]
    assert ordinal[0] is not None and ordinal[1] is not None and ordinal[0] > ordinal[1] + 0.1


def test_raw_agreement_is_the_mean_share_of_agreeing_pairs() -> None:
    assert raw_agreement(ratings_of(DIAGNOSES), FIVE).value == pytest.approx(0.5556, abs=5e-5)
    found = raw_agreement([("system1", "system1")] * 9 + [("system1", "system2")], LEVELS)
    # Wilson (1927) for 9 of 10: (.9 + .1921 -+ 1.96 sqrt(.009 + .0096)) / 1.3841 = .596, .982
    assert (found.value, found.questions) == (0.9, 10)
    assert found.low == pytest.approx(0.596, abs=5e-4) and found.high == pytest.approx(0.982, abs=5e-4)


def test_confusion_has_the_first_rater_in_rows() -> None:
    first, second = ["system1", "system1", None, "system2"], ["system1.x", "system1.x", "system1", "system2"]
    assert confusion(first, second, LEVELS) == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def cohen(ratings: Ratings, levels: tuple[str, ...]) -> Measure:
    return cohens_kappa([r[0] for r in ratings], [r[1] for r in ratings], levels)


MEASURES: list[Callable[[Ratings, tuple[str, ...]], Measure]] = [
    cohen,
    fleiss_kappa,
    krippendorffs_alpha,
    lambda ratings, levels: krippendorffs_alpha(ratings, levels, "ordinal"),
]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([], "no question has two ratings"),
        ([("system1", None), (None, "system2")], "no question has two ratings"),
        ([("system1", "system2")], "a single question"),
        ([("system2", "system2")] * 20, "all ratings are of one level"),
    ],
)
def test_what_cannot_be_measured_is_none_with_the_reason(
    measure: Callable[[Ratings, tuple[str, ...]], Measure], ratings: Ratings, reason: str
) -> None:
    found = measure(ratings, LEVELS)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.reason is not None and reason in found.reason


@pytest.mark.parametrize("measure", MEASURES)
def test_perfect_agreement_is_one_and_has_no_interval(
    measure: Callable[[Ratings, tuple[str, ...]], Measure],
) -> None:
    found = measure([(level, level) for level in LEVELS] * 4, LEVELS)
    assert found.value == 1 and found.low is None and "no disagreement" in (found.reason or "")


@pytest.mark.parametrize("measure", MEASURES)
def test_a_rater_who_gives_one_level_only_agrees_by_chance(
    measure: Callable[[Ratings, tuple[str, ...]], Measure],
) -> None:
    found = measure([("system1", level) for level in LEVELS] * 6, LEVELS)
    assert found.value is not None and found.value <= 0


@pytest.mark.parametrize("measure", [*MEASURES, raw_agreement])
def test_an_unknown_level_is_refused(measure: Callable[[Ratings, tuple[str, ...]], Measure]) -> None:
    with pytest.raises(ValueError, match=r"'system3'; known levels: system1, system1\.x, system2"):
        measure([("system3", "system1")], LEVELS)


ONE = st.sampled_from([*LEVELS, None])


@given(st.lists(st.tuples(ONE, ONE, ONE), max_size=12))
def test_no_ratings_give_nan_or_a_crash(ratings: list[tuple[str | None, ...]]) -> None:
    for measure in (*MEASURES, raw_agreement):
        found = measure(ratings, LEVELS)
        numbers = [n for n in (found.value, found.low, found.high) if n is not None]
        assert all(math.isfinite(n) and -1.0000001 <= n <= 1.0000001 for n in numbers)
        assert (found.low is None) == (found.high is None)
        assert found.reason is not None or len(numbers) == 3
        if len(numbers) == 3:
            assert numbers[1] <= numbers[2]


def test_the_interval_holds_the_true_value_about_as_often_as_it_says() -> None:
    # two raters who each give the true level in 4 of 5 cases and else any: the true alpha is that of a large
    # sample
    def sample(rng: random.Random, n: int) -> list[tuple[str, str]]:
        truth = [rng.choice(LEVELS) for _ in range(n)]
        return [tuple(t if rng.random() < 0.8 else rng.choice(LEVELS) for _ in "ab") for t in truth]  # type: ignore[misc]

    true = krippendorffs_alpha(sample(random.Random(0), 20_000), LEVELS).value
    assert true is not None
    found = [krippendorffs_alpha(sample(random.Random(seed), 80), LEVELS) for seed in range(1, 101)]
    inside = sum(m.low is not None and m.high is not None and m.low <= true <= m.high for m in found)
    assert 88 <= inside <= 99
