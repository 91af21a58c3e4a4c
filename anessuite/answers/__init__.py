"""Which option a reply to a multiple-choice question settles on.

    >>> options = {"A": "Ketamine", "B": "Propofol", "C": "Etomidate"}
    >>> read_choice("Conclusion: (B). Eliminated: (A),(C)", options)
    Choice(letter='B', reason=None, span=(0, 15), how='answer')
    >>> read_choice("The answer is A or C.", options).reason
    'ambiguous'

One reader for the construction of datasets, evaluation and reward, in English and Chinese. Nothing is
guessed: a reply that states no single option of the question has no letter, and a reason instead. The last
statement counts; what a reply rules out, supposes, asks, quotes or lists does not. Pure functions of their
arguments, in time linear in the text; they raise on no string.

Each module stands on those below it:

- ``choice``: the public functions; ``settle``: which of the statements decides;
- where statements are found: ``announcements`` (*the answer is C*; the words are in ``english`` and
  ``chinese``), ``verdicts`` (*C is correct*), ``lines`` (*C. Propofol*), ``frames`` (boxes and tags);
- ``doubts``: what takes a statement back; ``statements``: what one is, and what it is worth;
- ``selection``: one option or several at one place; ``mention``: one, by its letter or text;
- ``reply``, ``options``: what is read; ``plain``: the plain form of a text.

Patterns stand beside the code that uses them. They are for the plain form of a reply: one kind of letter,
quote, dash and bracket, no emphasis or LaTeX dress, white space one blank or one line feed; and, but for
those with capitals, in lower case. Each takes linear time: repetitions are bounded, or possessive over what
nothing else can match. The wording was collected from replies of SmolLM2, Qwen2.5, GPT-4 and DeepSeek-R1 and
from the explanations of MedMCQA (``../shared/data``), and from how evaluation harnesses ask for answers.
"""

from anessuite.answers.choice import Choice, extract_choice, extract_choices, read_choice
from anessuite.answers.settle import Reason

__all__ = ["Choice", "Reason", "extract_choice", "extract_choices", "read_choice"]
