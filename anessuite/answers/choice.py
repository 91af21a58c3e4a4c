"""What a reply settles on, for callers: a letter, a reason why there is none, a set of letters."""

from collections.abc import Mapping
from dataclasses import dataclass

from anessuite.answers.options import options_of
from anessuite.answers.settle import Reason, settle


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reply settles on. ``letter`` is a key of the options, or None for ``reason``:

    - ``no_answer``: no option is stated, or one that the question does not have, or that none is right;
    - ``ambiguous``: the last statement names several, or mere remarks favour several;
    - ``refused``: nothing is stated, and the reply says that it cannot answer;
    - ``empty``: the last ``\\boxed{}``, answer tag or JSON answer is empty, whatever else is said.

    ``span`` is where the deciding statement stands in the text, if there is one. ``how`` is its form: box,
    tag, answer, choice, conclusion, verdict, exception, match, line.
    """

    letter: str | None
    reason: Reason | None = None
    span: tuple[int, int] | None = None
    how: str = ""


def extract_choice(text: str, options: Mapping[str, str]) -> str | None:
    """The letter of the one option that a reply states as its answer, or None. See :func:`read_choice`."""
    return read_choice(text, options).letter


def read_choice(text: str, options: Mapping[str, str]) -> Choice:
    """The one option that a reply states as its answer, or the reason why there is none.

    ``options`` maps letters (A to Z) to texts. Of a reply with ``<think>`` only what follows the last
    ``</think>`` is read. A text stands for its option if it is the option's, normalised, and neither equals
    nor lies within the text of another.
    """
    known = options_of(tuple(options.items()))
    outcome = settle(text, known)
    if len(outcome.letters) > 1 or outcome.either:
        return Choice(None, "ambiguous", outcome.span, outcome.how)
    letter = next((known.keys[letter] for letter in outcome.letters), None)
    return Choice(letter, outcome.reason, outcome.span, outcome.how)


def extract_choices(text: str, options: Mapping[str, str]) -> frozenset[str] | None:
    """The options that a reply to a question with several right answers states, or None where it states none.

    Alternatives (``A or B``) are no answer; one letter is a set of one.
    """
    known = options_of(tuple(options.items()))
    outcome = settle(text, known)
    if not outcome.letters or outcome.either:
        return None
    return frozenset(known.keys[letter] for letter in outcome.letters)
