"""Questions by what they may share, so that repeats are found without comparing all with all.

Candidates come from hash tables (stem, stem and option, set of options) and from MinHash over shingles of
stems (datasketch); rapidfuzz measures each. Order and labels of options mean nothing. Alike are two with

- `same_stem`: equal stems, and the options are equal as sets or the stem is specific enough to stand alone;
- `near_stem`: similar stems, and enough options in common. Where the stems differ in more than spelling and
  function words, a changed content word wants the same right answer, and a changed number, single letter or
  negation the same options besides.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple, Protocol, Self

import xxhash
from datasketch import MinHash, MinHashLSH
from pydantic import BaseModel, Field
from rapidfuzz import fuzz, process

from filters.question_words import (
    FILLER,
    identifying_chars,
    marks,
    options_of,
    same_text,
    shared,
    shingles,
    stem_of,
    words_differ,
)

_SEED = 1
_MAX_SAME_OPTIONS = 100
"""A set of options that more questions of an index have (yes, no) makes none of them a candidate."""


class MultipleChoice(Protocol):
    """A question as far as it is compared; ``answer`` is the label of the right option, if known."""

    @property
    def source_id(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def options(self) -> Mapping[str, str]: ...
    @property
    def answer(self) -> str | None: ...


class QuestionRules(BaseModel, extra="forbid", frozen=True):
    """When a question repeats another. All thresholds are our choice, made on real questions.

    Of the pairs that the defaults find within MedMCQA dev (43), CMMLU (34) and MedQA (1), read one by one,
    one asks for something else (alpha 1 and beta 1, with the same options and answer). From a similarity of
    70 on, those with the same options and answer, and no other number or negation, all repeat each other.
    """

    min_stem_similarity: float = Field(
        default=90, gt=0, le=100, description="rapidfuzz ratio of the characters of stems, and of options"
    )
    min_stem_similarity_same_options: float = Field(
        default=80, gt=0, le=100, description="instead, where options and right answer are the same"
    )
    min_options_similarity: float = Field(
        default=0.5, gt=0, le=1, description="share of the options that both have, of the question with more"
    )
    min_identifying_chars: int = Field(
        default=40,
        ge=1,
        description="characters (a Chinese one is two) of a stem that stands alone; function words and those "
        "of every exam question do not count",
    )
    num_perm: int = Field(default=128, ge=32, description="hashes of a MinHash")
    lsh_threshold: float = Field(
        default=0.4, ge=0.1, le=0.8, description="Jaccard similarity from which stems are candidates, roughly"
    )
    shingle_bytes: int = Field(
        default=4,
        ge=1,
        description="length of shingles in UTF-8: four letters, or a Chinese character and a third",
    )


class Likeness(NamedTuple):
    kind: Literal["same_stem", "near_stem"]
    stem_similarity: float
    options_similarity: float
    same_answer: bool | None

    @property
    def distance(self) -> tuple[bool, float, float, bool]:
        return (
            self.kind != "same_stem",
            -self.stem_similarity,
            -self.options_similarity,
            not self.same_answer,
        )


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """A question as it is compared."""

    source_id: str
    stem: str
    stands_alone: bool
    options: frozenset[str]
    telling: frozenset[str]
    """The options that say something by themselves, if any do; never empty."""
    gold: str | None

    @classmethod
    def of(cls, question: MultipleChoice, rules: QuestionRules) -> Self:
        texts = dict(zip(question.options, options_of(list(question.options.values())), strict=True))
        options = frozenset(texts.values())
        telling = frozenset(option for option in options if not FILLER.fullmatch(option))
        stem = stem_of(question.question)
        return cls(
            source_id=question.source_id,
            stem=stem,
            stands_alone=identifying_chars(stem) >= rules.min_identifying_chars,
            options=options,
            telling=telling or options or frozenset(("",)),
            gold=None if question.answer is None else texts.get(question.answer),
        )

    @property
    def identity(self) -> tuple[str, str, list[str], str]:
        return self.source_id, self.stem, sorted(self.options), self.gold or ""


class QuestionIndex:
    """The questions of a benchmark by stem, by stem and option, by all options; their stems by MinHash."""

    def __init__(self, forms: Sequence[QuestionForm], rules: QuestionRules) -> None:
        self.forms = forms
        self._rules = rules
        self._by_stem: defaultdict[str, list[int]] = defaultdict(list)
        self._by_option: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_options: defaultdict[frozenset[str], list[int]] = defaultdict(list)
        for position, form in enumerate(forms):
            self._by_stem[form.stem].append(position)
            self._by_options[form.options].append(position)
            for option in form.telling:
                self._by_option[form.stem, option].append(position)
        self._lsh = MinHashLSH(threshold=rules.lsh_threshold, num_perm=rules.num_perm)
        for stem, minhash in self._minhashes(self._by_stem):
            self._lsh.insert(stem, minhash, check_duplication=False)

    def candidates(self, forms: Sequence[QuestionForm]) -> Iterator[tuple[QuestionForm, dict[int, float]]]:
        """Each form with the questions that it may repeat, and how similar the stems are."""
        similar = {
            stem: self._similar(stem, found) for stem, found in self._minhashes({f.stem for f in forms})
        }
        for form in forms:
            yield form, self._same_options(form) | self._similar_stems(form, similar[form.stem])

    def _similar(self, stem: str, minhash: MinHash) -> dict[str, float]:
        stems = [str(found) for found in self._lsh.query(minhash)]
        cutoff = min(self._rules.min_stem_similarity, self._rules.min_stem_similarity_same_options)
        scored = process.extract(stem, stems, scorer=fuzz.ratio, score_cutoff=cutoff, limit=None)
        return {other: score for other, score, _ in scored}

    def _similar_stems(self, form: QuestionForm, similar: Mapping[str, float]) -> dict[int, float]:
        """A stem that stands alone is rare; of others only the questions that share an option literally."""
        found: dict[int, float] = {}
        for stem, similarity in similar.items():
            if form.stands_alone:
                positions: Iterable[int] = self._by_stem[stem]
            else:
                sharing = (self._by_option.get((stem, option), ()) for option in form.telling)
                positions = chain.from_iterable(sharing)
            found |= dict.fromkeys(positions, similarity)
        return found

    def _same_options(self, form: QuestionForm) -> dict[int, float]:
        found = self._by_options.get(form.options, ())
        if len(found) > _MAX_SAME_OPTIONS:
            return {}
        return {other: fuzz.ratio(form.stem, self.forms[other].stem) for other in found}

    def _minhashes(self, stems: Iterable[str]) -> Iterator[tuple[str, MinHash]]:
        distinct = list(stems)
        pieces = (shingles(stem, self._rules.shingle_bytes) for stem in distinct)
        minhashes = MinHash.generator(
            pieces, num_perm=self._rules.num_perm, seed=_SEED, hashfunc=xxhash.xxh32_intdigest
        )
        return zip(distinct, minhashes, strict=True)


def compare(
    own: QuestionForm, other: QuestionForm, stem_similarity: float, rules: QuestionRules
) -> Likeness | None:
    """How alike two questions are whose stems have this similarity, or None if neither repeats the other.

    Right options that both questions offer are the same only if they are equal: abduction is not adduction.
    """
    same_options = own.options == other.options
    same_answer = None
    if own.gold is not None and other.gold is not None:
        is_choice = {own.gold, other.gold} <= own.options & other.options
        same_answer = own.gold == other.gold or (
            not is_choice and same_text(own.gold, other.gold, rules.min_stem_similarity)
        )
    options_similarity = shared(own.telling, other.telling, rules.min_stem_similarity)
    near = Likeness("near_stem", stem_similarity, options_similarity, same_answer)
    if own.stem == other.stem and (same_options or own.stands_alone):
        return near._replace(kind="same_stem")
    if options_similarity < rules.min_options_similarity:
        return None
    same_in_all = same_options and same_answer is True
    if stem_similarity < rules.min_stem_similarity:
        lower = rules.min_stem_similarity_same_options
        is_near = same_in_all and stem_similarity >= lower and marks(own.stem) == marks(other.stem)
    elif marks(own.stem) != marks(other.stem):
        is_near = same_in_all
    else:
        known = same_options if same_answer is None else same_answer
        is_near = known or not words_differ(own.stem, other.stem)
    return near if is_near else None
