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
"""

import re
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Literal

from anessuite import answer_patterns as like
from anessuite.answer_patterns import DENIES, HEDGES, REMARKS, STATES, Cue, Plain, plain

Reason = Literal["no_answer", "ambiguous", "refused", "empty"]
_LONGEST_LIST = 12
_LONGEST_CONTENT = 1_000
"""Characters of a box or tag that are read."""
_MOST = 1_000
"""Announcements of one kind, boxes and letters that are read, the last ones; lines, the first."""
_CLAUSE, _SENTENCE, _WORDS = 80, 200, 18
"""Characters before an announcement or a letter that are looked at: what takes it back, what it names."""


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
    if not found.letters or found.either:
        return None
    return frozenset(known.keys[letter] for letter in found.letters)


@dataclass(frozen=True, slots=True)
class _Name:
    """An option's text that stands for it; where its capitals tell it from others, they count."""

    text: str
    letter: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Options:
    """``keys``: the caller's, by capital letter; ``texts`` in plain form and lower case."""

    keys: dict[str, str]
    texts: dict[str, str]
    names: tuple[_Name, ...]


@lru_cache(maxsize=256)
def _known(options: tuple[tuple[str, str], ...]) -> _Options:
    keys = {key.strip().upper(): key for key, _ in options if like.KEY.fullmatch(key.strip())}
    texts = {key.strip().upper(): _text(text, key.strip()) for key, text in options if key in keys.values()}
    names = (_name(letter, texts) for letter in texts)
    ordered = sorted((name for name in names if name), key=lambda name: -len(name.text))
    return _Options(keys, {letter: text.lower() for letter, text in texts.items()}, tuple(ordered))


def _text(text: str, key: str) -> str:
    bare = plain(text).text.strip(" \n.,;:").lstrip("([{\"'<")
    if bare[:1].upper() == key.upper() and bare[1:2] in (".", ")", ":", "、"):
        bare = bare[2:].lstrip()
    article = like.ARTICLE.match(bare.lower())
    return bare[article.end() :] if article else bare


def _name(letter: str, texts: dict[str, str]) -> _Name | None:
    text, lower = texts[letter], texts[letter].lower()
    alike = [other for other in texts.values() if other.lower() == lower]
    is_exact = len(alike) > 1 and any(other[1:] != other[1:].lower() for other in alike)
    is_exact = is_exact or like.MIXED.search(text) is not None
    name = _Name(text if is_exact else lower, letter, is_exact)
    holders = sum(_within(name.text, other if is_exact else other.lower()) for other in texts.values())
    return name if text and text.upper() not in texts and holders == 1 else None


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
    tier: int = STATES
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
    start = max((match.end() for match in like.THOUGHT.finditer(text)), default=0)
    if like.THINKS.search(text, start) or not text[start:].strip():
        return _Outcome(reason="no_answer")
    body = plain(text.rstrip(), start=start)
    frames = sorted(_frames(body.lower))[-_MOST:]
    if frames and frames[-1].is_blank(body.lower):
        return _Outcome(reason="empty", span=body.span(frames[-1].start, frames[-1].end), how=frames[-1].how)
    reader = _Reader(body, options)
    said = [*reader.cued(), *reader.verdicts(), *reader.lines()]
    found = sorted([*said, *reader.framed(frames, said)], key=lambda one: (one.end, -one.start))
    stated = _to_this_question([one for one in found if one.tier == STATES], body.lower)
    last = _joined(stated, body.lower) if stated else _favoured(found, body.lower, options)
    span = body.span(last.start, last.end) if last else None
    if last is None or not last.letters or not last.letters <= options.keys.keys():
        reason = "refused" if like.REFUSED.search(body.lower) else "no_answer"
        return _Outcome(reason=reason, span=span, how=last.how if last else "")
    return _Outcome(last.letters, last.either, None, span, last.how)


def _to_this_question(stated: list[_Statement], text: str) -> list[_Statement]:
    """Those before the reply asks and answers a question of its own."""
    another = like.ANOTHER.search(text, stated[0].end) if stated else None
    return [one for one in stated if one.start < another.start()] if another else stated


def _joined(stated: list[_Statement], text: str) -> _Statement:
    """The last statement, with those before it that are of one list with it."""
    last = stated[-1]
    for one in reversed(stated[:-1]):
        start, end = one.end, max(one.end, last.start)
        gap = like.JOINT.fullmatch(text, start, end)
        is_other = gap is None and one.cue == last.cue and like.BESIDE.fullmatch(text, start, end) is not None
        if (gap is None and not is_other) or (gap and one.cue != last.cue and re.search(r"[.\n]", gap[0])):
            break
        if one.end <= last.start:
            is_either = last.either or one.either or (is_other and one.letters != last.letters)
            is_either = is_either or (gap is not None and like.EITHER.search(gap[0]) is not None)
            last = replace(last, start=one.start, letters=last.letters | one.letters, either=is_either)
    return last


def _favoured(found: list[_Statement], text: str, options: _Options) -> _Statement | None:
    """Of remarks: what all of the highest tier say, unless it is taken back after them.

    Which of the options are true is no answer by itself, since a question may ask for the false one. If all
    are but one, which is not, that one is the answer; if one is and one is not, nothing can be said, unless
    the true one comes last.
    """
    tier = max((one.tier for one in found), default=DENIES)
    best = [one for one in found if one.tier == tier]
    if tier == DENIES or like.NONE_FITS.search(text, best[-1].end) or like.REFUSED.search(text, best[-1].end):
        return None
    letters = frozenset[str]().union(*(one.letters for one in best))
    denials = [one for one in found if one.tier == DENIES] if tier == REMARKS else []
    denied = frozenset[str]().union(*(one.letters for one in denials)) - letters
    odd = options.keys.keys() - letters
    if len(odd) == 1 and odd == denied and len(letters) > 1:
        return replace(denials[-1], letters=odd, how="exception")
    is_one = all(one.letters == letters for one in best)
    if is_one and (len(denied) != 1 or best[-1].end > denials[-1].end or len(odd) == 1):
        return best[-1]
    return replace(best[-1], letters=letters | denied, either=True)


@dataclass(frozen=True, slots=True, order=True)
class _Frame:
    """A box, a tag, or an empty JSON answer; ``begin`` and ``close`` are those of its content."""

    start: int
    begin: int
    close: int
    end: int
    how: str

    @property
    def is_closed(self) -> bool:
        return self.close < self.end or self.how == "answer"

    def is_blank(self, text: str) -> bool:
        return self.is_closed and like.BLANK.fullmatch(text, self.begin, self.close) is not None


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
            yield _Frame(box.start(), box.end(), close, close + 1, "box")
    ends = [end.span() for end in like.TAG_END.finditer(text)][::-1]
    for tag in like.TAG.finditer(text):
        while ends and ends[-1][0] < tag.end():
            ends.pop()
        yield _Frame(tag.start(), tag.end(), *(ends[-1] if ends else (len(text), len(text))), "tag")
    for blank in like.BLANK_ANSWER.finditer(text):
        yield _Frame(blank.start(), *blank.span(1), blank.end(), "answer")


@dataclass(frozen=True, slots=True)
class _Element:
    """One letter, several, or an option's text. ``needs_more``: only a list makes it a letter.

    ``form``: own, a letter with its text; named, a text; run, several letters in one; else empty.
    """

    letters: frozenset[str]
    end: int
    form: str = ""
    needs_more: bool = False


@dataclass(frozen=True, slots=True)
class _Value:
    """One element or several. ``form`` is that of the last; ``either``: they are alternatives; ``is_clause``:
    what follows may be a clause of its own."""

    letters: frozenset[str]
    end: int
    form: str = ""
    either: bool = False
    is_clause: bool = False


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
        for cue in like.ENGLISH + (like.CHINESE if like.HAN.search(self.text) else ()):
            for match in deque(cue.pattern.finditer(self.text), maxlen=_MOST):
                value = self._announced(cue, match.end())
                if value is not None and not self._is_doubted(match.start(), match[0]):
                    words = match[0].strip()
                    yield _Statement(
                        match.start(), value.end, value.letters, cue.tier, cue.how, words, value.either
                    )

    def _announced(self, cue: Cue, at: int) -> _Value | None:
        value = self.value(at, loose=cue.loose)
        if value is None or value.form in cue.spurns:
            return None
        if self._is_of_list(value.letters, at, value.end):
            return None
        is_end = value.form == "own" or like.ENDED.match(self.text, value.end) is not None
        return value if is_end or not cue.ends else None

    def _is_of_list(self, letters: frozenset[str], start: int, end: int) -> bool:
        """Whether one letter begins a line and its successor the next: a question with its options."""
        listed = like.LISTED.match(self.text, end) if "\n" in self.text[start:end] else None
        return listed is not None and len(letters) == 1 and ord(listed[1].upper()) == ord(min(letters)) + 1

    def _is_doubted(self, start: int, cue: str = "") -> bool:
        """Denied, supposed, quoted, or told of others."""
        before = self.text[max(0, start - _CLAUSE) : start]
        clause = before[max((match.end() for match in like.CLAUSE.finditer(before)), default=0) :]
        if like.DOUBTED.search(clause) or like.EXAMPLE.search(before):
            return True
        sentence = like.SENTENCES.split(self.text[max(0, start - _SENTENCE) : start])[-1]
        is_supposed = "would" in cue and like.SUPPOSED.search(sentence) is not None
        return is_supposed or like.IF_THEN.search(sentence) is not None

    def framed(self, frames: list[_Frame], others: list[_Statement]) -> Iterator[_Statement]:
        """What stands in boxes and tags. One without an option or a statement says that none is right."""
        ends = sorted(one.end for one in others if one.tier == STATES)
        for frame in reversed(frames):
            is_form = like.PLACEHOLDER.fullmatch(self.text, frame.begin, frame.close) is not None
            if is_form or self._is_doubted(frame.start):
                continue
            value = self._content(frame.begin, min(frame.close, frame.begin + _LONGEST_CONTENT))
            place = bisect_left(ends, frame.begin)
            holds_one = place < len(ends) and ends[place] <= frame.close
            if value is not None or (frame.is_closed and not holds_one):
                letters, either = (value.letters, value.either) if value else (frozenset[str](), False)
                yield _Statement(frame.start, frame.end, letters, STATES, frame.how, frame.how, either)
                insort(ends, frame.close)

    def _content(self, begin: int, close: int) -> _Value | None:
        """The value that a box or tag holds, with or without the braces of LaTeX."""
        content = plain(self.plain.text[begin:close])
        value = _Reader(content, self.options).value(0, loose=True)
        if value is None and "{" in content.text:
            flat = plain(content.text.replace("{", "").replace("}", ""))
            value = _Reader(flat, self.options).value(0, loose=True)
        return value

    def verdicts(self) -> Iterator[_Statement]:
        """Letters, or texts of options, of which it is said that they are the answer, or true."""
        done, praise = 0, 0
        for match in deque(like.ISOLATED.finditer(self.plain.text), maxlen=_MOST):
            start = match.start()
            if praise < start:
                if (found := like.PRAISE.search(self.text, start)) is None:
                    break
                praise = found.start()
            if start < done or praise > start + _SENTENCE or match[0] not in self.options.keys:
                continue
            if value := self._list(start, loose=True, verb=True):
                done = value.end
                yield from self._verdict(start, value)
        for match in deque(like.TEXT_STATED.finditer(self.text), maxlen=_MOST):
            for name in self.options.names:
                start = match.start() - len(name.text)
                if start >= 0 and self._has(name, start) and not self._is_doubted(start):
                    yield _Statement(start, match.end(), frozenset(name.letter), STATES, "verdict")

    def _verdict(self, start: int, value: _Value) -> Iterator[_Statement]:
        is_pronoun = value.letters == {"I"} and not value.form
        if is_pronoun and not self.text.startswith((" is ", "是", "为"), value.end):
            return
        before = "\n" * (start < _WORDS) + self.text[max(0, start - _WORDS) : start]
        if like.KINDS.search(before) or like.REST.search(before) or self._is_doubted(start):
            return
        if wrong := like.WRONG.match(self.text, value.end):
            tier, how = (HEDGES, "exception") if like.ONLY.search(before) else (DENIES, "verdict")
            yield _Statement(start, wrong.end(), value.letters, tier, how, either=value.either)
            return
        made = like.MADE.match(self.text, value.end) if like.MAKES.search(before) else None
        stated = like.STATED.match(self.text, value.end) or made
        said = stated or (like.JUDGED.match(self.text, value.end) if like.SUBJECT.search(before) else None)
        if said:
            tier = STATES if stated else HEDGES if like.CHOICE.search(before) else REMARKS
            yield _Statement(start, said.end(), value.letters, tier, "verdict", either=value.either)

    def lines(self) -> Iterator[_Statement]:
        """A first or last line that is one option, by letter (the first one, by text), and of no list."""
        labels = [
            _Label(match.start(), match[1].upper(), value)
            for match in islice(like.LINE.finditer(self.plain.text), _MOST)
            if (value := self._list(match.end(), loose=False, down=False))
            and (value.form == "own" or like.LINE_GOES_ON.match(self.text, value.end - 1))
        ]
        are_alone = all(self._is_alone(label) for label in labels[:-1])
        is_one = are_alone and len({label.letter for label in labels}) == 1
        if labels and labels[0].start == 0 and (is_one or self._opens(*labels[:2])):
            yield from self._line(labels[0])
        if labels and "\n" not in self.text[labels[-1].value.end :] and (is_one or self._closes(labels)):
            yield from self._line(labels[-1])
        if sure := like.SURE.match(self.text):
            value = self._list(sure.end(), loose=False)
            if value and like.LINE_END.fullmatch(self.text, value.end):
                yield _Statement(0, value.end, value.letters, STATES, "line", either=value.either)
        yield from self._named_line()

    def _opens(self, first: _Label, following: _Label) -> bool:
        """Whether a first line is more than the beginning of a list A, B, C ..."""
        between = self.text[first.value.end : following.start].strip(" .\n")
        is_whole = first.value.form == "own" or self._is_alone(first)
        return following.letter < first.letter or (
            following.letter == first.letter and is_whole and "\n" in between
        )

    def _is_alone(self, label: _Label) -> bool:
        return like.LINE_END.match(self.text, label.value.end) is not None

    def _closes(self, labels: list[_Label]) -> bool:
        """Whether a last line is more than a part of a list: it follows one, and begins no other."""
        *letters, last = (label.letter for label in labels)
        is_begun = last == letters[0] and (not self._is_alone(labels[-1]) or self.text.endswith("."))
        return letters == sorted(set(letters)) and last <= letters[-1] and not is_begun

    def _line(self, label: _Label) -> Iterator[_Statement]:
        value = label.value
        rest = self.plain.text[value.end : value.end + _SENTENCE].partition("\n")[0]
        others = {other[1] for other in like.LABEL.finditer(rest)} - {label.letter}
        if not others & self.options.keys.keys() and not like.LINE_WRONG.match(self.text, value.end):
            tier = STATES if self._is_alone(label) else HEDGES
            yield _Statement(label.start, value.end, value.letters, tier, "line", either=value.either)

    def _named_line(self) -> Iterator[_Statement]:
        first = self.plain.text.partition("\n")[0]
        lines = {like.bare(line) for text in (self.plain.text, self.text) for line in text.split("\n")}
        names = [name for name in self.options.names if name.text in lines]
        if len(names) == 1 and names[0].text in (like.bare(first), like.bare(first.lower())):
            yield _Statement(0, len(first), frozenset(names[0].letter), HEDGES, "line")

    def value(self, at: int, *, loose: bool) -> _Value | None:
        """What is announced at ``at``: letters, none, or nothing that could be read."""
        begin = _end(like.FILLERS, self.text, at)
        value = self._list(_end(like.MARKS, self.text, at), loose=loose) or self._list(begin, loose=loose)
        if value is not None:
            return value
        if none := like.NONE.match(self.text, begin):
            return _Value(frozenset(), none.end())
        every = like.ALL.match(self.text, begin)
        if every and like.TEXT_END.match(self.text, every.end()):
            return _Value(frozenset(self.options.keys), every.end())
        denied = like.NOT.match(self.text, begin)
        other = self._list(denied.end(), loose=loose) if denied else None
        but = like.BUT.match(self.text, other.end) if other else None
        return self._list(_end(like.FILLERS, self.text, but.end()), loose=loose) if but else None

    def _list(self, at: int, *, loose: bool, down: bool = True, verb: bool = False) -> _Value | None:
        """One option or several, unless they are ruled out, asked about, or only supposed.

        ``loose``: a verb may follow the letter; ``verb``: it may follow a list, and rule it out; ``down``: a
        list may go on in the next line.
        """
        values = self._chain(at, loose=loose, down=down, verb=verb)
        if not values or like.ASKED.match(self.text, values[-1].end):
            return None
        if verb or not like.WRONG.match(self.text, values[-1].end):
            return values[-1]
        return next((value for value in values if value.is_clause), None)

    def _chain(self, at: int, *, loose: bool, down: bool, verb: bool) -> list[_Value]:
        """A list as it grows, element by element; what ends a clause may be all that it says."""
        last, needed = self._element(at, loose=loose), True
        values = [_Value(last.letters, last.end, last.form)] if last else []
        comma = 0
        while last is not None and len(values) < _LONGEST_LIST:
            link = like.LINKS.match(self.text, last.end)
            has_verb = verb and link is not None and link[0].strip(" ,") != ""
            following = self._element(link.end(), loose=has_verb, is_first=False) if link else None
            if link is None or following is None or not self._goes_on(values[-1], link[0], following, down):
                break
            mark, before = link[0].strip(), values[-1]
            if mark == "、" and comma:  # A，B、C: what follows the comma is another list
                return values[:comma]
            if mark == ";" or (mark == "," and max(before.letters) > min(following.letters)):
                values[-1] = replace(before, is_clause=True)
            comma = comma or (len(values) if mark == "," else 0)
            either = before.either or like.EITHER.search(link[0]) is not None
            values.append(_Value(before.letters | following.letters, following.end, following.form, either))
            needed, last = last.needs_more, following
        if last is not None and last.needs_more:
            return [] if needed else values[:-1]
        return values

    def _goes_on(self, value: _Value, link: str, following: _Element, down: bool) -> bool:
        if "\n" in link:
            in_order = max(value.letters) < min(following.letters)
            return down and in_order and like.LINE_END.match(self.text, following.end) is not None
        are_bare = not (value.form or following.form) and following.letters <= self.options.keys.keys()
        return bool(link.strip()) or are_bare

    def _element(self, at: int, *, loose: bool, is_first: bool = True) -> _Element | None:
        if named := self._named(at):
            return named
        match = like.LETTER.match(self.plain.text, at)
        closed = like.CLOSED.match(self.plain.text, match.end()) if match else None
        if match is None or closed is None:
            return None
        if len(match[1]) > 1:
            return self._run(match[1], closed.end()) if is_first else None
        return self._letter(match, closed.end(), loose=loose, is_first=is_first)

    def _letter(self, match: re.Match[str], end: int, *, loose: bool, is_first: bool) -> _Element | None:
        letter, closing = match[1].upper(), self.text[match.end() : end].strip(" \"'")
        if own := self._own(letter, end):
            return _Element(frozenset(letter), own, "own")
        is_enclosed = end > match.end() or self.text[match.start(1) - 1 : match.start(1)] in tuple("([{\"'<")
        if not is_enclosed and not self._is_letter(match, end, loose):
            return None
        if match[1] == "i" and not loose and not like.LINE_END.match(self.text, end):  # (i) ... (ii) ...
            return None
        if other := self._of_another(letter, end):
            return _Element(frozenset((letter, other)), end)
        follows = (like.FOLLOWS if is_first else like.NEXT).match(self.text, end)
        if follows or (is_first and closing in (")", "]")) or (loose and like.VERB.match(self.text, end)):
            return _Element(frozenset(letter), end)
        needs_more = like.LINKS.match(self.text, end) is not None
        return _Element(frozenset(letter), end, needs_more=True) if needs_more else None

    def _named(self, at: int) -> _Element | None:
        """An option's text that stands for it."""
        at = _end(like.BEFORE_TEXT, self.text, at)
        for name in self.options.names:
            if self._has(name, at) and like.TEXT_END.match(self.text, end := at + len(name.text)):
                return _Element(frozenset(name.letter), end, "named")
        return None

    def _has(self, name: _Name, at: int) -> bool:
        return (self.plain.text if name.is_exact else self.text).startswith(name.text, at)

    def _run(self, run: str, end: int) -> _Element | None:
        """Several letters in one: ``ABD``."""
        letters = frozenset(run)
        in_order = list(run) == sorted(letters) and letters <= self.options.keys.keys()
        return _Element(letters, end, "run") if in_order and like.FOLLOWS.match(self.text, end) else None

    def _is_letter(self, match: re.Match[str], end: int, loose: bool) -> bool:
        """False for what may be the article, the pronoun, or a small letter in running text."""
        begins = self.text[match.start() - 1 : match.start()] in ("", "\n")
        if match[1] == "I":
            return not (begins and self.text.startswith(",", end))
        if match[1] in "ai":
            ends = like.ITEM_END.match(self.plain.text, end) if loose else like.LINE_END.match(self.text, end)
            return ends is not None and (loose or begins)
        return match[1].isupper() or like.SMALL.match(self.text, end) is not None

    def _own(self, letter: str, end: int) -> int | None:
        """The end of the letter's own text, if that follows the letter."""
        text, begin = self.options.texts.get(letter), _end(like.LABELLED, self.text, end)
        is_article = letter in "AI" and self.text[end - 1 : begin] == f"{letter.lower()} "
        if not text or is_article or not self.text.startswith(text, begin):
            return None
        ends = like.OWN_END.match(self.text, begin + len(text))
        return ends.end() if ends else None

    def _of_another(self, letter: str, end: int) -> str | None:
        """The letter of the option whose text follows this letter, where it is not this letter's."""
        begin, own = _end(like.LABELLED, self.text, end), self.options.texts.get(letter, "")
        for name in self.options.names:
            if name.letter != letter and name.text not in own and self._has(name, begin):
                return name.letter if like.OTHER_END.match(self.text, begin + len(name.text)) else None
        return None


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a match at ``at`` ends, or ``at``."""
    match = pattern.match(text, at)
    return match.end() if match else at
