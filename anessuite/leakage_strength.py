"""How strong the leakage tests are, as measured: ``docs/leakage.md`` says how, and has all figures."""

from anessuite.pages import nothing, table

QUESTIONS = 50
"""Learnt, and as many not learnt, at each number of epochs."""
MEASURED: tuple[tuple[str, int, float, int, int], ...] = (
    ("order", 0, 0.53, 3, 3),
    ("order", 1, 0.88, 22, 3),
    ("order", 3, 0.97, 45, 3),
    ("order", 10, 1.00, 50, 2),
    ("order_outlier", 0, 0.50, 0, 0),
    ("order_outlier", 1, 0.81, 0, 0),
    ("order_outlier", 3, 0.97, 4, 0),
    ("order_outlier", 10, 1.00, 6, 0),
    ("shuffled", 0, 0.56, 3, 2),
    ("shuffled", 1, 0.46, 1, 1),
    ("shuffled", 3, 0.67, 4, 1),
    ("shuffled", 10, 0.76, 6, 2),
    ("continuation", 0, 0.50, 0, 0),
    ("continuation", 1, 0.63, 0, 0),
    ("continuation", 3, 0.88, 10, 0),
    ("continuation", 10, 0.99, 49, 0),
)
"""Test, epochs, AUC of its score, questions flagged of the learnt and of the others (November 2026)."""


def strength() -> list[str]:
    """What a reader of a report has to know before believing a flag."""
    rows = [
        (test, f"{epochs}", f"{auc:.2f}", learnt / QUESTIONS, others / QUESTIONS)
        for test, epochs, auc, learnt, others in MEASURED
    ]
    return [
        nothing(
            "Measured with one small model (135 million parameters) that learnt 50 of 100 English "
            "questions, in the layout in which they are asked here. A larger model, or one that saw them "
            "once among much else, may show more or less."
        ),
        table(("Test", "Epochs", "AUC", "Flagged of the learnt", "Flagged of the others"), rows),
        nothing(
            "order is the strong test: it sees most of what was learnt three times, and its false alarms "
            "are those of chance. Its rate over many questions tells a leak after one epoch already; a "
            "single flag never does. continuation needs more repetition, and has few false alarms."
        ),
        nothing(
            "order_outlier and shuffled are weak: they miss nine of ten questions that are known by heart, "
            "and the chance rate of shuffled is that of normally distributed scores, which real ones are "
            "not. That nothing is flagged there means nothing. The authors' isolation forest finds more, "
            "but flags between 12 % and 60 % of questions that were never seen: its rates are no leak rates."
        ),
    ]
