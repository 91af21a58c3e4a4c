"""Which multiple-choice questions of a training pool repeat a question of a benchmark?

Texts are compared as words: `normalise` takes away case, width and white space; numbering before a stem,
labels before options, punctuation and English articles go, and British ae and oe become e. Then

- `same_stem`: equal stems, and the options are equal as sets or the stem is specific enough to stand alone;
- `near_stem`: similar stems, and enough options in common. Where the stems differ in more than spelling and
  function words, a changed content word wants the same right answer, and a changed number, single letter or
  negation the same options besides.

Order and labels of options mean nothing. Candidates come from hash tables (stem, stem and option, set of
options) and from MinHash over shingles of stems (datasketch); rapidfuzz measures each.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple, Protocol, Self

import xxhash
from datasketch import MinHash, MinHashLSH
from pydantic import BaseModel, Field
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel

from anessuite.folding import CJK
from anessuite.normalisation import normalise

_SEED = 1
_MIN_WORD_SIMILARITY = 80
"""From here on, two words with the same first three letters are spellings of one (sulphate and sulfate)."""
_MAX_SAME_OPTIONS = 100
"""A set of options that more questions of the benchmark have (yes, no) makes none of them a candidate."""

_IDEOGRAPHIC_NUMBER = re.compile(r"^\W*\d{1,4}\s*、")
"""In the raw text, for `normalise` makes a comma of the stop: 12、25岁 is question 12, not 12,25."""
_NUMBERING = re.compile(
    rf"""(?: [(\[] \s* (?:q\s*)? \d{{1,4}} \s* [)\]] [\s.:,]*                            # (3) [3]
    | 第 (?: \d{{1,4}} | [一二三四五六七八九十百]+ ) [题问] [\s.:,)]*                        # 第5题
    | (?: question | 题目? | 问题 ) \s* (?:no\.?\s*)? \d{{1,4}} (?=[\s.:,)\-{CJK}]) [\s.:,)\-]*
    | (?: \# | (?:q|no)\.? )? \s* \d{{1,4}} \s* (?: [.)] (?!\d) | [:,] (?!\s*\d) ) \s*      # 12. Q7:
    )+""",
    re.VERBOSE,
)
_LABEL = re.compile(r"[(\[]?\s*([a-z]|[1-9](?!\s*[.):,]\s*\d))\s*[.):,\]]\s*(?=\S)")
_LABELS = ("abcdefghijklmnopqrstuvwxyz", "123456789")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_IS_CJK = re.compile(f"[{CJK}]")
_WORD = re.compile(rf"(?:(?<![a-z0-9.)%])[-+])?\d+(?:\.\d+)?|[{CJK}]|[^\W\d_{CJK}]+|[%<>=+±×≤≥→↑↓]")
_BRITISH = re.compile("(?<!^d)oe|ae")
"""In anaesthesia and oedema; not in does and doesn't."""
_FILLER = re.compile(
    r"(?:all|none|both|any)(?: of)?(?: (?:the )?(?:above|these|them|following))?"
    r"|(?:以上|上述)(?:各项|选项)?[都均皆全].{1,4}"
)
"""Options that say nothing without the others."""

_ARTICLES = frozenset(("a", "an", "the"))
_FUNCTION_WORDS = _ARTICLES.union(
    _WORD.findall(
        "of in on at to for from by with as and or is are was were be been being has have had do does did "
        "it its this that these those which what who will would can could may should there following "
        "的了是在为有于和与及或其该此之者哪项个种些列下以关对将应会被把由从到而则且也都均时中"
    )
)
_EXAM_WORDS = _FUNCTION_WORDS.union(
    _WORD.findall(
        "true false correct incorrect wrong not except all any one statement statements about regarding "
        "concerning most least likely best appropriate diagnosis next step management treatment patient "
        "不正确错误叙述说法描法除外最可能诊断选属"
    )
)
"""Words that say nothing about the question that they ask."""
_NUMBERS = {
    word: str(value)
    for words in (
        "i ii iii iv v vi vii viii ix x xi xii",
        "one two three four five six seven eight nine ten eleven twelve",
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    )
    for value, word in enumerate(words.split(), start=1)
}
_NEGATIONS = {
    word: group
    for group, words in {
        "not": "not no none never neither nor cannot cant isnt arent wasnt werent doesnt dont didnt wont",
        "without": "without lacks lacking absent",
        "except": "except excepting exception excluding exclude excludes excluded",
        "false": "false incorrect incorrectly wrong untrue",
        "least": "least unlikely",
    }.items()
    for word in words.split()
}
_PREFIX = re.compile(r"(?:hyper|hypo|inter|intra|extra|contra)(?=.)")
_CHINESE_MARKS = frozenset("不非无未没错误除否禁勿忌一二两三四五六七八九十百千半")
_NO_NUMBER = re.compile("(?<=[哪之])一|一(?=[般定些种个项])")
_NO_CONTENT = _FUNCTION_WORDS.union(_NUMBERS, _NEGATIONS, _CHINESE_MARKS)
"""Words whose change means little, or is seen by `_marks`."""


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


@dataclass(frozen=True, slots=True)
class QuestionMatch:
    """A question of the pool and the one of the benchmark that it repeats, by their indexes."""

    pool: int
    benchmark: int
    others: tuple[int, ...]
    """Further ones that it repeats, closest first."""
    kind: Literal["same_stem", "near_stem"]
    stem_similarity: float
    """0 to 100."""
    options_similarity: float
    """0 to 1."""
    same_answer: bool | None
    """Have the right options the same text? None where one is not known."""


def near_questions(
    pool: Sequence[MultipleChoice], benchmark: Sequence[MultipleChoice], rules: QuestionRules
) -> list[QuestionMatch]:
    """One match for each question of ``pool`` that repeats one of ``benchmark``, in the order of ``pool``.

    The benchmark question named is the closest: equal stems first, then by similarity of stems, by that of
    options, by answer, and then by ``source_id``. No order of the questions changes what matches what.
    """
    index = _Index([_Form.of(question, rules) for question in benchmark], rules)
    matches = []
    for position, (form, candidates) in enumerate(index.candidates([_Form.of(one, rules) for one in pool])):
        found = [
            (verdict, other)
            for other, similarity in candidates.items()
            if (verdict := _judge(form, index.forms[other], similarity, rules))
        ]
        found.sort(key=lambda each: (each[0].distance, index.forms[each[1]].identity, each[1]))
        if found:
            verdict, closest = found[0]
            others = tuple(other for _, other in found[1:])
            matches.append(QuestionMatch(position, closest, others, *verdict))
    return matches


class _Verdict(NamedTuple):
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
class _Form:
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
        texts = dict(zip(question.options, _options(list(question.options.values())), strict=True))
        options = frozenset(texts.values())
        telling = frozenset(option for option in options if not _FILLER.fullmatch(option))
        stem = _stem(question.question)
        return cls(
            source_id=question.source_id,
            stem=stem,
            stands_alone=_identifying_chars(stem) >= rules.min_identifying_chars,
            options=options,
            telling=telling or options or frozenset(("",)),
            gold=None if question.answer is None else texts.get(question.answer),
        )

    @property
    def identity(self) -> tuple[str, str, list[str], str]:
        return self.source_id, self.stem, sorted(self.options), self.gold or ""


class _Index:
    """The questions of a benchmark by stem, by stem and option, by all options; their stems by MinHash."""

    def __init__(self, forms: Sequence[_Form], rules: QuestionRules) -> None:
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

    def candidates(self, forms: Sequence[_Form]) -> Iterator[tuple[_Form, dict[int, float]]]:
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

    def _similar_stems(self, form: _Form, similar: Mapping[str, float]) -> dict[int, float]:
        """A stem that stands alone is rare; of others only the questions that share an option literally."""
        found: dict[int, float] = {}
        for stem, similarity in similar.items():
            if form.stands_alone:
                positions: Iterable[int] = self._by_stem[stem]
            else:
                shared = (self._by_option.get((stem, option), ()) for option in form.telling)
                positions = chain.from_iterable(shared)
            found |= dict.fromkeys(positions, similarity)
        return found

    def _same_options(self, form: _Form) -> dict[int, float]:
        found = self._by_options.get(form.options, ())
        if len(found) > _MAX_SAME_OPTIONS:
            return {}
        return {other: fuzz.ratio(form.stem, self.forms[other].stem) for other in found}

    def _minhashes(self, stems: Iterable[str]) -> Iterator[tuple[str, MinHash]]:
        distinct = list(stems)
        shingles = (_shingles(stem, self._rules.shingle_bytes) for stem in distinct)
        minhashes = MinHash.generator(
            shingles, num_perm=self._rules.num_perm, seed=_SEED, hashfunc=xxhash.xxh32_intdigest
        )
        return zip(distinct, minhashes, strict=True)


def _judge(own: _Form, other: _Form, stem_similarity: float, rules: QuestionRules) -> _Verdict | None:
    same_options = own.options == other.options
    same_answer = None
    if own.gold is not None and other.gold is not None:
        same_answer = _same_text(own.gold, other.gold, rules.min_stem_similarity)
    options_similarity = _shared(own.telling, other.telling, rules.min_stem_similarity)
    near = _Verdict("near_stem", stem_similarity, options_similarity, same_answer)
    if own.stem == other.stem and (same_options or own.stands_alone):
        return near._replace(kind="same_stem")
    if options_similarity < rules.min_options_similarity:
        return None
    same_in_all = same_options and same_answer is True
    if stem_similarity < rules.min_stem_similarity:
        lower = rules.min_stem_similarity_same_options
        is_near = same_in_all and stem_similarity >= lower and _marks(own.stem) == _marks(other.stem)
    elif _marks(own.stem) != _marks(other.stem):
        is_near = same_in_all
    else:
        known = same_options if same_answer is None else same_answer
        is_near = known or not _words_differ(own.stem, other.stem)
    return near if is_near else None


def _stem(question: str) -> str:
    normal = normalise(_IDEOGRAPHIC_NUMBER.sub("", question))
    numbering = _NUMBERING.match(normal)
    words = _words(normal[numbering.end() :]) if numbering else []
    words = words or _words(normal)
    return _joined([word for word in words if word not in _ARTICLES] or words) or normal


def _options(texts: Sequence[str]) -> list[str]:
    """The options as they are compared. Labels go where all have one, each another, from the first on."""
    normals = [normalise(text) for text in texts]
    found = [label for normal in normals if (label := _LABEL.match(normal))]
    labels = {label[1] for label in found}
    if 1 < len(labels) == len(texts) and any(labels <= set(some[: len(texts) + 1]) for some in _LABELS):
        normals = [label.string[label.end() :] for label in found]
    return [_joined(_words(normal)) or normal for normal in normals]


def _words(normal: str) -> list[str]:
    """Words, numbers, single Chinese characters, and signs that compare."""
    plain = _THOUSANDS.sub("", normal.replace("'", ""))
    return [_BRITISH.sub("e", word) for word in _WORD.findall(plain)]


def _joined(words: Iterable[str]) -> str:
    return normalise(" ".join(words))


def _identifying_chars(stem: str) -> int:
    words = (word for word in _WORD.findall(stem) if word not in _EXAM_WORDS)
    return sum(2 if _IS_CJK.match(word) else len(word) for word in words)


def _shingles(stem: str, length: int) -> set[bytes]:
    data = stem.encode()
    return {data[at : at + length] for at in range(max(1, len(data) - length + 1))}


def _shared(own: frozenset[str], other: frozenset[str], min_similarity: float) -> float:
    """Share of options with a counterpart, of the larger set."""
    rest = sorted(other - own)
    shared = len(own & other)
    for option in sorted(own - other):
        twin = next((each for each in rest if _same_text(option, each, min_similarity)), None)
        if twin is not None:
            rest.remove(twin)
            shared += 1
    return shared / max(len(own), len(other))


def _same_text(own: str, other: str, min_similarity: float) -> bool:
    """Equal; or similar, if only by other spellings, and no number, single letter or negation differs."""
    if own == other:
        return True
    similarity = fuzz.ratio(own, other)
    if similarity < min(min_similarity, _MIN_WORD_SIMILARITY) or _marks(own) != _marks(other):
        return False
    return similarity >= min_similarity or not _words_differ(own, other)


def _marks(text: str) -> list[str]:
    """What no small edit changes, in order: numbers, signs, single letters, negations, hyper- and hypo-."""
    words = _WORD.findall(_NO_NUMBER.sub("", text))
    return [mark for word in words if (mark := _mark(word))]


def _mark(word: str) -> str | None:
    if known := _NUMBERS.get(word) or _NEGATIONS.get(word):
        return known
    if prefix := _PREFIX.match(word):
        return prefix[0]
    if _IS_CJK.match(word):
        return word if word in _CHINESE_MARKS else None
    return word if not word.isalpha() or (len(word) == 1 and word not in _ARTICLES) else None


def _words_differ(own: str, other: str) -> bool:
    """Has one a content word that is not at its place in the other in some spelling?"""
    one, two = (
        [word for word in _WORD.findall(text) if word not in _NO_CONTENT] for text in sorted((own, other))
    )
    edits = [edit for edit in Indel.opcodes(one, two) if edit.tag != "equal"]
    left = {word for edit in edits for word in one[edit.src_start : edit.src_end]}
    right = {word for edit in edits for word in two[edit.dest_start : edit.dest_end]}
    return not all(
        any(_is_spelling(word, each) for each in others)
        for words, others in ((left, right), (right, left))
        for word in words
    )


def _is_spelling(own: str, other: str) -> bool:
    """A word that moved is no spelling of itself."""
    return own != other and own[:3] == other[:3] and fuzz.ratio(own, other) >= _MIN_WORD_SIMILARITY
