"""Which option a reply to a multiple-choice question settles on: one reader for datasets, evaluation and reward.

    >>> options = {"A": "Ketamine", "B": "Propofol", "C": "Etomidate"}
    >>> read_choice("Conclusion: (B). Eliminated: (A),(C)", options)
    Choice(letter='B', reason=None, span=(0, 15), how='answer')
    >>> read_choice("The answer is A or C.", options).reason
    'ambiguous'

Nothing is guessed: a reply that states no single option of the question has no letter, and a reason instead.
The last statement counts; what a reply rules out, supposes, asks, quotes or lists does not. Pure functions of their
arguments, in time linear in the text, for English and Chinese; they raise on no string.
"""

import re
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from anessuite import answer_patterns as like
from anessuite.answer_patterns import Cue, Plain, plain

Reason = Literal["no_answer", "ambiguous", "refused", "empty"]
_STATES, _HEDGES = 3, 2
_LONGEST_LIST = 12
_LONGEST_CONTENT = 1_000
_MOST_CUES = 2_000
"""Announcements of one kind that are read, from the last one backwards."""
_CLAUSE, _SENTENCE, _KIND = 80, 200, 18
"""Characters before an announcement or a letter that are looked at."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reply settles on. ``letter`` is a key of the options, or None for ``reason``:

    - ``no_answer``: no option is stated, or one that the question does not have, or that none is right;
    - ``ambiguous``: the last statement names several, or mere remarks favour several;
    - ``refused``: nothing is stated, and the reply says that it cannot answer;
    - ``empty``: the last ``\\boxed{}`` or ``<answer></answer>`` is empty, whatever else is said.

    ``span`` is where the deciding statement stands in the text, if there is one. ``how`` is its form: box, tag,
    answer, choice, conclusion, verdict, exception, match, line.
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
    known = _known(tuple(options.items()))
    found = _settle(text, known)
    if found.letters and (len(found.letters) > 1 or found.either):
        return Choice(None, "ambiguous", found.span, found.how)
    letter = next(iter(found.letters), None)
    return Choice(known.keys.get(letter or ""), found.reason, found.span, found.how)


def extract_choices(text: str, options: Mapping[str, str]) -> frozenset[str] | None:
    """The options that a reply to a question with several right answers states, or None where it states none.

    Alternatives (``A or B``) are no answer; one letter is a set of one.
    """
    known = _known(tuple(options.items()))
    found = _settle(text, known)
    return frozenset(known.keys[letter] for letter in found.letters) if found.letters and not found.either else None


@dataclass(frozen=True, slots=True)
class _Options:
    """``keys``: the caller's, by capital letter; ``texts`` in plain form; ``names`` stand for one option."""

    keys: dict[str, str]
    texts: dict[str, str]
    names: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def _known(options: tuple[tuple[str, str], ...]) -> _Options:
    keys = {key.strip().upper(): key for key, _ in options if len(key.strip()) == 1 and key.strip().isascii()}
    texts = {key.strip().upper(): _bare(text, key.strip()) for key, text in options if key.strip().upper() in keys}
    names = [
        (text, letter)
        for letter, text in texts.items()
        if text
        and text.upper() not in keys
        and not any(_within(text, other) for another, other in texts.items() if another != letter)
    ]
    return _Options(keys, texts, tuple(sorted(names, key=lambda name: -len(name[0]))))


def _bare(text: str, key: str) -> str:
    bare = plain(text).lower.strip(" \n.,;:")
    if bare[:1] == key.lower() and bare[1:2] in (".", ")", ":", "、"):
        bare = bare[2:].lstrip()
    return bare[like.ARTICLE.match(bare).end() :]


def _within(text: str, other: str) -> bool:
    if text.isascii():
        return f" {' '.join(like.WORDS.findall(text))} " in f" {' '.join(like.WORDS.findall(other))} "
    return text in other


@dataclass(frozen=True, slots=True)
class _Statement:
    """``plain[start:end]`` says that ``letters`` are the answer, or none is; letters may be no options."""

    start: int
    end: int
    letters: frozenset[str]
    tier: int = _STATES
    how: str = ""
    cue: str = ""
    either: bool = False


@dataclass(frozen=True, slots=True)
class _Outcome:
    letters: frozenset[str] = frozenset()
    either: bool = False
    reason: Reason | None = None
    span: tuple[int, int] | None = None
    how: str = ""


def _settle(text: str, options: _Options) -> _Outcome:
    """What the reply comes to: the last plain statement, else the only thing that its remarks favour."""
    ends = [match.end() for match in like.THOUGHT.finditer(text)]
    start = ends[-1] if ends else 0
    if like.THINKS.search(text, start) or not text[start:].strip():
        return _Outcome(reason="no_answer")
    body = plain(text.rstrip(), start=start)
    reader = _Reader(body, options)
    frames = sorted(_frames(body.lower))
    if frames and like.BLANK.fullmatch(body.lower, *frames[-1][1:3]):
        return _Outcome(reason="empty", span=body.span(frames[-1][0], frames[-1][3]), how=frames[-1][4])
    found = sorted([*reader.cued(), *reader.verdicts(), *reader.lines()], key=lambda one: (one.end, one.start))
    found = sorted([*found, *reader.framed(frames, found)], key=lambda one: (one.end, one.start))
    stated = [one for one in found if one.tier == _STATES]
    last = _joined(stated, body.lower) if stated else _favoured(found, body.lower)
    if last is None or not last.letters or not last.letters <= options.keys.keys():
        refused = like.REFUSED.search(body.lower) is not None
        span = body.span(last.start, last.end) if last else None
        return _Outcome(reason="refused" if refused else "no_answer", span=span, how=last.how if last else "")
    return _Outcome(last.letters, last.either, None, body.span(last.start, last.end), last.how)


def _joined(stated: list[_Statement], text: str) -> _Statement:
    """The last statement, with those before it that are of one list with it."""
    last = stated[-1]
    for one in reversed(stated[:-1]):
        gap = like.JOINT.fullmatch(text, one.end, max(one.end, last.start))
        if gap is None or ("\n" in gap[0] or "." in gap[0]) and one.cue != last.cue:
            break
        if one.end <= last.start:
            either = last.either or one.either or (one.letters != last.letters and "or" in gap[0])
            last = replace(last, start=one.start, letters=last.letters | one.letters, either=either)
    return last


def _favoured(found: list[_Statement], text: str) -> _Statement | None:
    """Of remarks: what all of the highest tier say, unless it is taken back after them."""
    if not found:
        return None
    tier = max(one.tier for one in found)
    best = [one for one in found if one.tier == tier]
    if like.NONE_FITS.search(text, best[-1].end) or like.REFUSED.search(text, best[-1].end):
        return None
    if all(one.letters == best[-1].letters for one in best):
        return best[-1]
    return replace(best[-1], letters=frozenset().union(*(one.letters for one in best)), either=True)


_Frame = tuple[int, int, int, int, str]
"""Where a box or tag begins, where its content begins and ends, where it ends, and what it is."""


def _frames(text: str) -> Iterator[_Frame]:
    """All boxes that are closed, and all answer tags (closed by the end of the text, if by nothing else)."""
    boxes = list(like.BOX.finditer(text))
    pairs, open_ = dict[int, int](), list[int]()
    for brace in like.BRACES.finditer(text) if boxes else ():
        if brace[0] == "{":
            open_.append(brace.start())
        elif open_:
            pairs[open_.pop()] = brace.start()
    for box in boxes:
        if (close := pairs.get(box.end() - 1)) is not None:
            yield box.start(), box.end(), close, close + 1, "box"
    ends = [end.span() for end in like.TAG_END.finditer(text)][::-1]
    for tag in like.TAG.finditer(text):
        while ends and ends[-1][0] < tag.end():
            ends.pop()
        yield tag.start(), tag.end(), *(ends[-1] if ends else (len(text), len(text))), "tag"
    for blank in like.BLANK_ANSWER.finditer(text):
        yield blank.start(), *blank.span(1), blank.end(), "answer"


@dataclass(frozen=True, slots=True)
class _Element:
    """One letter, several, or an option's text. ``needs_more``: only a list makes it a letter.

    ``form``: own, a letter with its text; named, a text; run, several letters in one; else empty.
    """

    letters: frozenset[str]
    end: int
    needs_more: bool = False
    form: str = ""


@dataclass(frozen=True, slots=True)
class _Value:
    """``form`` is that of the last element."""

    letters: frozenset[str]
    end: int
    either: bool = False
    form: str = ""


@dataclass(frozen=True, slots=True)
class _Label:
    """A line that begins with the letter of an option."""

    start: int
    letter: str
    value: _Value


@dataclass(frozen=True, slots=True)
class _Reader:
    """Finds statements in one text."""

    plain: Plain
    options: _Options

    @property
    def text(self) -> str:
        return self.plain.lower

    def cued(self) -> Iterator[_Statement]:
        """Announced answers."""
        for cue in like.CUES:
            for match in deque(cue.pattern.finditer(self.text), maxlen=_MOST_CUES):
                value = self._announced(cue, match.end())
                if value is not None and not self._is_doubted(match.start(), match[0]):
                    yield _Statement(
                        match.start(), value.end, value.letters, cue.tier, cue.how, match[0].strip(), value.either
                    )

    def _announced(self, cue: Cue, at: int) -> _Value | None:
        value = self.value(at, loose=cue.loose)
        if value is None or value.form in cue.spurns or (cue.ends and value.form != "own" and not like.ENDED.match(self.text, value.end)):
            return None
        return value

    def _is_doubted(self, start: int, cue: str = "") -> bool:
        """Denied, supposed, quoted, or told of others."""
        before = self.text[max(0, start - _CLAUSE) : start]
        clause = before[max((match.end() for match in like.CLAUSE.finditer(before)), default=0) :]
        if like.DOUBTED.search(clause) or like.EXAMPLE.search(before):
            return True
        sentence = like.SENTENCES.split(self.text[max(0, start - _SENTENCE) : start])[-1]
        supposed = like.SUPPOSED if "would" in cue else like.IF_THEN
        return supposed.search(sentence) is not None

    def framed(self, frames: list[_Frame], others: list[_Statement]) -> Iterator[_Statement]:
        """What stands in boxes and tags. One that names no option, nor holds a statement, says that none is right."""
        ends = sorted(one.end for one in others if one.tier == _STATES)
        for start, begin, close, end, how in reversed(frames):
            if like.PLACEHOLDER.fullmatch(self.text, begin, close) or self._is_doubted(start):
                continue
            content = _Reader(self.plain.part(begin, min(close, begin + _LONGEST_CONTENT)), self.options)
            value = content.value(0, loose=True)
            if value is not None:
                yield _Statement(start, end, value.letters, _STATES, how, how, value.either)
            elif any(inner <= close for inner in ends[bisect_left(ends, begin) :][:1]) or end == close:
                continue
            else:
                yield _Statement(start, end, frozenset(), _STATES, how, how)
            insort(ends, close)

    def verdicts(self) -> Iterator[_Statement]:
        """Letters, or texts of options, of which it is said that they are the answer, or true."""
        done, praise = 0, 0
        for match in like.ISOLATED.finditer(self.plain.text):
            start = match.start()
            if praise < start:
                found = like.PRAISE.search(self.text, start)
                if found is None:
                    break
                praise = found.start()
            if start < done or praise > start + _SENTENCE or match[0] not in self.options.keys:
                continue
            value = self._list(start, loose=True, verb=True)
            if value is None:
                continue
            done = value.end
            tier, end = self._verdict(start, value.end)
            if tier and self._is_meant(start, tier) and not self._is_doubted(start):
                yield _Statement(start, end, value.letters, tier, "verdict", either=value.either)
        for match in like.TEXT_STATED.finditer(self.text):
            for name, letter in self.options.names:
                start = match.start() - len(name)
                if start >= 0 and self.text.startswith(name, start) and not self._is_doubted(start):
                    yield _Statement(start, match.end(), frozenset(letter), _STATES, "verdict")

    def _is_meant(self, start: int, tier: int) -> bool:
        """Whether a letter names an option, judged by the word before it."""
        before = "\n" * (start < _KIND) + self.text[max(0, start - _KIND) : start]
        return not like.KINDS.search(before) and (tier == _STATES or like.SUBJECT.search(before) is not None)

    def _verdict(self, start: int, end: int) -> tuple[int, int]:
        """The tier of what is said after a letter, and where that ends; 0 where nothing is said."""
        if stated := like.STATED.match(self.text, end):
            return _STATES, stated.end()
        made = like.MADE.match(self.text, end)
        if made and like.MAKES.search(self.text[max(0, start - _KIND) : start]):
            return _STATES, made.end()
        judged = like.JUDGED.match(self.text, end)
        return (1, judged.end()) if judged else (0, end)

    def lines(self) -> Iterator[_Statement]:
        """A first or last line that is one option by its letter, or a first one by its text, and of no list."""
        labels = [
            _Label(match.start(), match[1].upper(), value)
            for match in like.LINE.finditer(self.text)
            if (value := self._list(match.end(), loose=False, down=False))
            and (value.form == "own" or like.LINE_GOES_ON.match(self.text, value.end))
        ]
        if labels and labels[0].start == 0 and self._opens(labels[0], labels[1:2]):
            yield from self._line(labels[0])
        if labels and "\n" not in self.text[labels[-1].value.end :] and self._closes(labels[-1], labels[:-1]):
            yield from self._line(labels[-1])
        first = self.text.partition("\n")[0]
        names, lines = dict(self.options.names), {like.bare(line) for line in self.text.split("\n")}
        if letter := names.get(like.bare(first)):
            if sum(name in lines for name in names) == 1:
                yield _Statement(0, len(first), frozenset(letter), _HEDGES, "line")

    def _opens(self, first: _Label, following: list[_Label]) -> bool:
        """Whether a first line is more than the beginning of a list A, B, C ..."""
        if not following or following[0].letter < first.letter:
            return True
        between = self.text[first.value.end : following[0].start].strip(" .\n")
        return following[0].letter == first.letter and "\n" in between

    def _closes(self, last: _Label, before: list[_Label]) -> bool:
        """Whether a last line is more than a part of a list: it comes after one whole list, or after none."""
        if not before:
            return True
        letters = [label.letter for label in before]
        is_begun = last.letter == letters[0] and (not self._is_alone(last) or self.text.endswith("."))
        return letters == sorted(set(letters)) and last.letter <= letters[-1] and not is_begun

    def _is_alone(self, label: _Label) -> bool:
        return like.LINE_END.match(self.text, label.value.end) is not None

    def _line(self, label: _Label) -> Iterator[_Statement]:
        value, tier = label.value, _STATES if self._is_alone(label) else _HEDGES
        rest = self.plain.text[value.end : value.end + _SENTENCE].partition("\n")[0]
        if any(other[1] in self.options.keys and other[1] != label.letter for other in like.LABEL.finditer(rest)):
            return
        yield _Statement(label.start, value.end, value.letters, tier, "line", either=value.either)

    def value(self, at: int, *, loose: bool) -> _Value | None:
        """What is announced at ``at``: letters, none, or nothing that could be read."""
        begin = like.MARKS.match(self.text, at).end()
        if value := self._list(begin, loose=loose):
            return value
        begin = like.FILLERS.match(self.text, at).end()
        if value := self._list(begin, loose=loose):
            return value
        if none := like.NONE.match(self.text, begin):
            return _Value(frozenset(), none.end())
        if every := like.ALL.match(self.text, begin):
            return _Value(frozenset(self.options.keys), every.end())
        denied = like.NOT.match(self.text, begin)
        other = self._list(denied.end(), loose=loose) if denied else None
        but = like.BUT.match(self.text, other.end) if other else None
        return self._list(like.FILLERS.match(self.text, but.end()).end(), loose=loose) if but else None

    def _list(self, at: int, *, loose: bool, down: bool = True, verb: bool = False) -> _Value | None:
        """One option or several, unless they are ruled out, asked about, or only supposed.

        ``loose``: a verb may follow the letter; ``verb``: it may follow a list; ``down``: a list may go on in the
        next line.
        """
        last, kept, needed = self._element(at, loose=loose), None, True
        lists = [_Value(last.letters, last.end, form=last.form)] if last else []
        for _ in range(_LONGEST_LIST if last else 0):
            link = like.LINKS.match(self.text, last.end)
            has_verb = verb and link is not None and link[0].strip(" ,") != ""
            following = self._element(link.end(), loose=has_verb, is_first=False) if link else None
            if following is None or not self._goes_on(lists[-1].letters, link[0], last, following, down):
                break
            if ";" in link[0] or (link[0].strip() == "," and max(lists[-1].letters) > min(following.letters)):
                kept = kept or lists[-1]
            either = lists[-1].either or like.EITHER.search(link[0]) is not None
            lists.append(_Value(lists[-1].letters | following.letters, following.end, either, following.form))
            needed, last = last.needs_more, following
        if last is not None and last.needs_more:
            lists = [] if needed else lists[:-1]
        if not lists or like.ASKED.match(self.text, lists[-1].end):
            return None
        return kept if like.WRONG.match(self.text, lists[-1].end) else lists[-1]

    def _goes_on(self, letters: frozenset[str], link: str, last: _Element, following: _Element, down: bool) -> bool:
        if not following.letters <= self.options.keys.keys():
            return False
        if "\n" in link:
            in_order = max(letters) < min(following.letters)
            return down and in_order and like.LINE_END.match(self.text, following.end) is not None
        return bool(link.strip()) or not (last.form or following.form)

    def _element(self, at: int, *, loose: bool, is_first: bool = True) -> _Element | None:
        if named := self._named(at):
            return named
        match = like.LETTER.match(self.plain.text, at)
        closed = like.CLOSED.match(self.plain.text, match.end()) if match else None
        if match is None or closed is None:
            return None
        if len(match[1]) > 1:
            return self._run(match[1], closed.end()) if is_first else None
        letter, end = match[1].upper(), closed.end()
        if own := self._own(letter, end):
            return _Element(frozenset(letter), own, form="own")
        is_enclosed = end > match.end() or self.text[match.start(1) - 1 : match.start(1)] in tuple("([{\"'<")
        if not is_enclosed and not self._is_letter(match, end, loose):
            return None
        if other := self._of_another(letter, end):
            return _Element(frozenset((letter, other)), end)
        follows = (like.FOLLOWS if is_first else like.NEXT).match(self.text, end)
        if follows or (is_first and self.text[match.end() : end].strip(" \"'") in (")", "]")) or (loose and like.LOOSE.match(self.text, end)):
            return _Element(frozenset(letter), end)
        return _Element(frozenset(letter), end, needs_more=True) if like.LINKS.match(self.text, end) else None

    def _named(self, at: int) -> _Element | None:
        """An option's text that stands for it."""
        at = like.ARTICLE.match(self.text, at).end()
        for name, letter in self.options.names:
            if self.text.startswith(name, at) and like.STOPPED.match(self.text, at + len(name)):
                return _Element(frozenset(letter), at + len(name), form="named")
        return None

    def _run(self, run: str, end: int) -> _Element | None:
        """Several letters in one: ``ABD``."""
        letters = frozenset(run)
        in_order = list(run) == sorted(letters) and letters <= self.options.keys.keys()
        return _Element(letters, end, form="run") if in_order and like.FOLLOWS.match(self.text, end) else None

    def _is_letter(self, match: re.Match[str], end: int, loose: bool) -> bool:
        """False for what may be the article, the pronoun, or a small letter in running text."""
        if match[1] == "I":
            return loose or not self.text.startswith(",", end)
        if match[1] in "ai":
            ends = like.ITEM_END.match(self.plain.text, end) if loose else like.LINE_END.match(self.text, end)
            return ends is not None and (loose or self.text[match.start() - 1 : match.start()] in ("", "\n"))
        return match[1].isupper() or like.SMALL.match(self.text, end) is not None

    def _own(self, letter: str, end: int) -> int | None:
        """The end of the letter's own text, if that follows the letter."""
        text, begin = self.options.texts.get(letter), like.LABELLED.match(self.text, end).end()
        if not text or not self.text.startswith(text, begin) or (letter in "AI" and self.text[end:begin] == " "):
            return None
        ends = like.OWN_END.match(self.text, begin + len(text))
        return ends.end() if ends else None

    def _of_another(self, letter: str, end: int) -> str | None:
        """The letter of the option whose text follows this letter, where it is not this letter's."""
        begin, own = like.LABELLED.match(self.text, end).end(), self.options.texts.get(letter, "")
        for name, other in self.options.names:
            if other != letter and name not in own and self.text.startswith(name, begin):
                return other if like.OTHER_END.match(self.text, begin + len(name)) else None
        return None

