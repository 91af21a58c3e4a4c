"""How multiple-choice questions are compared: stems and options as words, and what no small edit changes.

`normalise` takes away case, width and white space; numbering before a stem, labels before options,
punctuation and English articles go, and British ae and oe become e.
"""

import re
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from anessuite.folding import CJK
from anessuite.normalisation import normalise

_MIN_WORD_SIMILARITY = 80
"""From here on, two words with the same first three letters are spellings of one (sulphate and sulfate)."""

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
FILLER = re.compile(
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


def stem_of(question: str) -> str:
    normal = normalise(_IDEOGRAPHIC_NUMBER.sub("", question))
    numbering = _NUMBERING.match(normal)
    words = words_of(normal[numbering.end() :]) if numbering else []
    words = words or words_of(normal)
    return joined([word for word in words if word not in _ARTICLES] or words) or normal


def options_of(texts: Sequence[str]) -> list[str]:
    """The options as they are compared. Labels go where all have one, each another, from the first on."""
    normals = [normalise(text) for text in texts]
    found = [label for normal in normals if (label := _LABEL.match(normal))]
    labels = {label[1] for label in found}
    if 1 < len(labels) == len(texts) and any(labels <= set(some[: len(texts) + 1]) for some in _LABELS):
        normals = [label.string[label.end() :] for label in found]
    return [joined(words_of(normal)) or normal for normal in normals]


def words_of(normal: str) -> list[str]:
    """Words, numbers, single Chinese characters, and signs that compare."""
    plain = _THOUSANDS.sub("", normal.replace("'", ""))
    return [_BRITISH.sub("e", word) for word in _WORD.findall(plain)]


def joined(words: Iterable[str]) -> str:
    return normalise(" ".join(words))


def identifying_chars(stem: str) -> int:
    words = (word for word in _WORD.findall(stem) if word not in _EXAM_WORDS)
    return sum(2 if _IS_CJK.match(word) else len(word) for word in words)


def shingles(stem: str, length: int) -> set[bytes]:
    data = stem.encode()
    return {data[at : at + length] for at in range(max(1, len(data) - length + 1))}


def shared(own: frozenset[str], other: frozenset[str], min_similarity: float) -> float:
    """Share of options with a counterpart, of the larger set."""
    rest = sorted(other - own)
    shared = len(own & other)
    for option in sorted(own - other):
        twin = next((each for each in rest if same_text(option, each, min_similarity)), None)
        if twin is not None:
            rest.remove(twin)
            shared += 1
    return shared / max(len(own), len(other))


def same_text(own: str, other: str, min_similarity: float) -> bool:
    """Equal; or similar, if only by other spellings, and no number, single letter or negation differs."""
    if own == other:
        return True
    similarity = fuzz.ratio(own, other)
    if similarity < min(min_similarity, _MIN_WORD_SIMILARITY) or marks(own) != marks(other):
        return False
    return similarity >= min_similarity or not words_differ(own, other)


def marks(text: str) -> list[str]:
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


def words_differ(own: str, other: str) -> bool:
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
