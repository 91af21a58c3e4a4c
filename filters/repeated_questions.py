"""Which generated questions ask what another one asks already?

Two questions are the same if their words are, whatever the order, the inflection and the function words; the
one asked of other drugs, another dose, or the other way round is not ("propofol" and "ketamine", "10 mg" and
"20 mg", "increase" and "decrease", "effect of A on B" and "effect of B on A"). Candidates come from MinHash
(datasketch) over the content of each question; its numbers, agents, negations and opposites, its marks, are
mixed into each shingle, so that questions with other marks never meet. Each candidate is checked exactly.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl
import xxhash
from datasketch import MinHash, MinHashLSH
from pydantic import Field
from rapidfuzz import fuzz

from anessuite.config import Config
from anessuite.normalisation import normalise
from filters.agents import Agents, read_agents
from filters.grounding import stem
from filters.lexicon import Term
from filters.numbers import mentions
from filters.question_patterns import FUNCTION_WORDS

_SEED = 1
REPEATED: dict[str, Any] = {
    "id": pl.String,
    "reason": pl.String,
    "repeats": pl.String,
    "similarity": pl.Float64,
}


class RepeatRules(Config):
    """Thresholds, all our choice; precision first, for a question lost by mistake is paid for."""

    min_similarity: float = Field(
        default=1,
        ge=0.5,
        le=1,
        description="share of content words that both have; below 1, one may have words that the other lacks "
        "('What is X?' and 'What are the symptoms of X?' are 0.5 to 0.8 alike)",
    )
    min_word_similarity: float = Field(
        default=95, ge=0, le=100, description="rapidfuzz ratio of two stems; Fraser is not Frasier (92)"
    )
    num_perm: int = Field(default=64, ge=16, description="hashes of a MinHash")
    lsh_threshold: float = Field(default=0.7, ge=0.1, le=0.9, description="Jaccard of candidates, roughly")


def repeated(questions: pl.DataFrame, rules: RepeatRules, *, agents: Agents | None = None) -> pl.DataFrame:
    """The questions to drop, with columns of REPEATED, sorted by id.

    ``questions`` has ``id`` (unique), ``question``, and may have ``rank`` (a grounding score): of two that
    ask the same, the one with the higher rank stays, then the smaller id; a null rank is the lowest. Other
    columns are not read. ``repeats`` is the id of the most similar question that stays; no chain of small
    changes drops a question unlike all that stay. The order of rows changes nothing.
    """
    if questions["id"].is_duplicated().any():
        raise ValueError(f"ids are not unique: {questions.filter(pl.col('id').is_duplicated())['id'][0]!r}")
    rank = pl.col("rank") if "rank" in questions.columns else pl.lit(0.0).alias("rank")
    best_first = questions.select("id", pl.col("question").fill_null(""), rank).sort(
        "rank", "id", descending=[True, False], nulls_last=True
    )
    ids = best_first["id"].to_list()
    forms = _forms(best_first["question"], agents or read_agents())
    rows = [
        (ids[own], reason, ids[other], similarity)
        for own, reason, other, similarity in _repeats(forms, rules)
    ]
    return pl.DataFrame(rows, schema=REPEATED, orient="row").sort("id")


@dataclass(frozen=True, slots=True)
class _Form:
    """A question as it is compared."""

    exact: str
    order: tuple[str, ...]
    """Content, and relations (on, than, 对), in order: stems in English, characters in Chinese, agents."""
    bag: frozenset[str]
    """The content without its order; what comes twice is doubled the second time."""
    marks: frozenset[str]
    """Numbers, agents, negations, opposites and what kind of answer is wanted: never allowed to differ."""
    chinese: bool


def _forms(questions: pl.Series, agents: Agents) -> list[_Form]:
    """The form of each question; agents are found in all of them at once."""
    terms = {term.headword: (f" agent{number}x ", term) for number, term in enumerate(agents.lexicon.terms)}
    return [
        _form(text, [terms[agent] for agent in sorted(found)])
        for text, found in zip(questions.to_list(), agents.find(questions), strict=True)
    ]


def _form(question: str, agents: Iterable[tuple[str, Term]]) -> _Form:
    normal = normalise(question)
    text = normal.replace("n't", " not").replace("'s", "")
    for name, term in agents:
        text = _names(term).sub(name, text)
    chinese = 3 * len(_HAN.findall(normal)) > len(normal)
    tokens = _TOKEN.findall(_WEAK_ZH.sub(" ", text) if chinese else text)
    marks = _MARKS.intersection(map(stem, tokens)).union(
        (str(value) for value in mentions(normal) if value != 1),
        (word for word in tokens if word == "1" or _AGENT.fullmatch(word)),
        (f"?{found.lastgroup}" for found in (_ASKS_ZH if chinese else _ASKS).finditer(text)),
        _CAPITAL.findall(question),
    )
    order = tuple(stem(token) for token in tokens if _is_content(token) or stem(token) in _RELATIONS)
    counted = Counter(stem(token) for token in tokens if _is_content(token))
    bag = frozenset(word * (n + 1) for word, times in counted.items() for n in range(times))
    return _Form(" ".join(_TOKEN.findall(normal)), order, bag, marks, chinese)


@lru_cache(maxsize=4096)
def _names(agent: Term) -> re.Pattern[str]:
    """All names of an agent in normal form, the longest first."""
    names = sorted(map(normalise, agent.variants), key=len, reverse=True)
    either = "|".join(re.escape(name).replace(r"\ ", "[ -]") for name in names)
    return re.compile(f"(?<![a-z0-9])(?:{either})(?:e?s)?(?![a-z0-9])")


def _is_content(token: str) -> bool:
    return not (token.isdecimal() or token in FUNCTION_WORDS or token in _FUNCTION_ZH or token in _WEAK)


def _repeats(forms: Sequence[_Form], rules: RepeatRules) -> Iterator[tuple[int, str, int, float]]:
    """Best first: whom each question repeats that does not stay, why, and how closely."""
    lsh = MinHashLSH(threshold=rules.lsh_threshold, num_perm=rules.num_perm)
    kept: dict[str, int] = {}
    for own, (form, minhash) in enumerate(zip(forms, _minhashes(forms, rules), strict=True)):
        if form.exact in kept:
            yield own, "exact_duplicate_question", kept[form.exact], 1.0
            continue
        candidates = [int(str(key)) for key in lsh.query(minhash)]
        near = [(_similarity(form, forms[other], rules), -other) for other in candidates]
        similarity, other = max(near, default=(0.0, 0))
        if similarity > 0:
            yield own, "near_duplicate_question", -other, similarity
        else:
            kept[form.exact] = own
            if form.bag:
                lsh.insert(str(own), minhash, check_duplication=False)


def _minhashes(forms: Sequence[_Form], rules: RepeatRules) -> Iterator[MinHash]:
    return MinHash.generator(
        map(_shingles, forms), num_perm=rules.num_perm, seed=_SEED, hashfunc=xxhash.xxh32_intdigest
    )


def _shingles(form: _Form) -> list[bytes]:
    """Words by their first letters, so that inflections meet, each together with all marks."""
    marks = " ".join(sorted(form.marks))
    return [f"{marks} {word if word in form.marks else word[:5]}".encode() for word in form.bag]


def _similarity(own: _Form, other: _Form, rules: RepeatRules) -> float:
    """Share of the content that both have, 0 to 1; 0 if they ask different things."""
    if own.marks != other.marks or own.chinese != other.chinese:
        return 0.0
    left, right = own.bag - other.bag, other.bag - own.bag
    shared = len(own.bag) - len(left)
    fewer, more = sorted((len(left), len(right)))
    if shared + fewer < rules.min_similarity * (shared + more):
        return 0.0  # even if all that differs were spelling
    rest = sorted(right)
    for word in sorted(left):
        twin = next((each for each in rest if _is_spelling(word, each, rules.min_word_similarity)), None)
        if twin is not None:
            rest.remove(twin)
    spelt = len(right) - len(rest)
    similarity = (shared + spelt) / (shared + len(left) + len(rest))
    swaps_a_word = len(left) > spelt and rest
    is_other = swaps_a_word or similarity < rules.min_similarity or _is_swapped(own, other)
    return 0.0 if is_other else similarity


def _is_spelling(own: str, other: str, min_similarity: float) -> bool:
    """Spellings of one word begin alike; hyper- is not hypo-; short words and codes are what they are."""
    is_word = min(len(own), len(other)) >= 5 and own.isalpha() and other.isalpha()
    alike = is_word and own[:3] == other[:3] and _prefix(own) == _prefix(other)
    return alike and fuzz.ratio(own, other) >= min_similarity


def _prefix(word: str) -> str:
    found = _PREFIX.match(word)
    return found[0] if found else ""


def _is_swapped(own: _Form, other: _Form) -> bool:
    """Have words changed sides around a word that has two (A affects B, A than B, A 对 B)?"""
    for relation in _RELATIONS.intersection(own.order, other.order):
        sides = []
        for words in (own.order, other.order):
            at = words.index(relation)
            sides.append((set(words[:at]), set(words[at + 1 :])))
        (before, after), (other_before, other_after) = sides
        to_the_right = (before - other_before) & (other_after - after)
        if to_the_right and (after - other_after) & (other_before - before):
            return True
    return False


_HAN = re.compile(r"[\u3400-\u9fff]")
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_AGENT = re.compile(r"agent\d+x")
_CAPITAL = re.compile(r"(?<=[a-z] )[A-Z]\b(?!')")
"""Hepatitis A, and protein C: the normal form takes A for the article."""
_PREFIX = re.compile("hyper|hypo|inter|intra|extra|pre|post|anti|contra|supra|infra|sub|macro|micro")
_ASKS = re.compile(
    r"\b(?:(?P<do>to do|done)|(?P<why>why|reasons?)|(?P<when>when|at what time)|(?P<where>where)"
    r"|(?P<who>who|whom|whose)|(?P<much>how (?:long|much|many|often|soon|fast|far|large|high|low|old|common))"
    r"|(?P<how>how)|(?P<what>what|which))\b"
)
_ASKS_ZH = re.compile(
    "(?P<why>为什么|为何|原因)|(?P<when>何时|什么时候)|(?P<much>多[少长久大高]|几[个种次天小])"
    "|(?P<how>如何|怎)|(?P<what>什么|哪|何)|(?P<whether>是否|吗|能否|可否)"
)
_WEAK_ZH = re.compile("患者|病人|主要|常见|常用|推荐|通常|请问|一般|进行|具体|分别")
_FUNCTION_ZH = frozenset(
    "的了是在有什么哪些个种如何怎样请问吗呢对于关与中和及其会能可以应该为谁几多少时被所之而"
)
_USUAL = """recommended usual usually typical typically main mainly commonly currently normally known
    important key patient patients please explain describe list"""
_WEAK = frozenset(_USUAL.split())
"""Words that may come and go."""
_OPPOSITES = """不 非 无 未 没 除 禁 前 后 高 低 增 减 升 降 左 右 男 女 老 幼 儿 孕 早 晚 急 慢 轻 重 长
    短 上 下 内 外 not no without never except neither nor cannot before after more less fewer least over
    under above below increase decrease reduce high low higher lower left right early late acute chronic
    children child pediatric paediatric adult adults elderly older neonates neonatal infants pregnant
    pregnancy women men female male obese obesity"""
_MARKS = frozenset(map(stem, _OPPOSITES.split()))
"""Words that make it another question."""
_SIDES = """对 致 起 比 于 由 到 转 换 on upon than from to before after over into by affect influence
    cause predict increase decrease reduce improve prevent potentiate antagonize reverse inhibit induce
    follow replace"""
_RELATIONS = frozenset(map(stem, _SIDES.split()))
"""Words with two sides."""
