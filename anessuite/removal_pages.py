"""Questions and the rows that give them away, side by side, as a page shows them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from anessuite.excerpts import Span, excerpt
from anessuite.pages import Html, escape, more, percent
from anessuite.removals import Found, Group, Key, Passage, Question, clipped, counted, merged

MOST_QUESTIONS, MOST_ROWS = 100, 5
"""Questions shown, and rows shown of each."""
CONTEXT = 200
"""Characters shown before and after a match."""
_OPEN = 3
"""So many questions are unfolded."""
_MOST_PASSAGE, _HALF, _MOST_CLUSTER = 800, 250, 1200
_MOST_STEM, _MOST_OPTION, _MOST_OPTIONS, _MOST_LETTER = 4000, 600, 26, 8
_MOST_NAME, _MOST_OTHERS, _MOST_HEADING, _EDGE = 120, 3, 80, 20
_GOLD = ' class="gold"'


def question_groups(groups: Sequence[Group], questions: Mapping[Key, Question], noun: str) -> list[str]:
    """HTML: each question with its rows, which ``noun`` names in the singular."""
    shown = [
        _question_and_rows(group, questions, noun, is_open=number < _OPEN)
        for number, group in enumerate(groups[:MOST_QUESTIONS])
    ]
    rest = groups[MOST_QUESTIONS:]
    left = sum(len(group.rows) for group in rest)
    return [*shown, more(len(rest), f"questions, with {counted(left, noun, _plural(noun))}, are not shown")]


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def _question_and_rows(group: Group, questions: Mapping[Key, Question], noun: str, *, is_open: bool) -> str:
    question = questions.get(group.key) if group.key else None
    name = " · ".join(clipped(part, _MOST_NAME) for part in group.key or ())
    heading = clipped(" ".join(question[0].split()), _MOST_HEADING) if question else name
    number = counted(len(group.rows), noun, _plural(noun))
    left = len(group.rows) - MOST_ROWS
    return "\n".join(
        [
            f"<details{' open' if is_open else ''}>",
            f'<summary>{escape(heading or "No question is named")} <span class="count">'
            f"{escape(number + _best(group))}</span></summary>",
            _question(name, question, group) if group.key else "",
            *map(_row, group.rows[:MOST_ROWS]),
            more(left, f"{noun if left == 1 else _plural(noun)} of this question, not shown"),
            "</details>",
        ]
    )


def _best(group: Group) -> str:
    coverages = [found.shares[0].coverage for found in group.rows if found.shares]
    known = [coverage for coverage in coverages if coverage is not None]
    if not known:
        return ""
    return f", coverage {'up to ' if len(group.rows) > 1 else ''}{percent(max(known))}"


def _question(name: str, question: Question | None, group: Group) -> str:
    if question is None:
        return _article(
            "question", [name], '<p class="text quiet">(the text of this question is not known)</p>'
        )
    stem, options, gold = question
    spans = _spans_by_field(group)
    choices = [
        f"<li{_GOLD if letter == gold else ''}><b>{escape(clipped(letter, _MOST_LETTER))}</b>"
        f"{_marked(option, spans[letter], _MOST_OPTION)}"
        f"{'<small>correct</small>' if letter == gold else ''}</li>"
        for letter, option in list(options.items())[:_MOST_OPTIONS]
    ]
    told = [] if gold in options else [f"correct option: {clipped(gold or 'not stated', _MOST_NAME)}"]
    content = _marked(stem, spans["question"], _MOST_STEM)
    return _article("question", [name, *told], f'{content}<ul class="options">{"".join(choices)}</ul>')


def _marked(text: str, spans: Iterable[Span], length: int) -> Html:
    return excerpt(text, merged(spans, len(text)), length=length) if text else _no_text()


def _spans_by_field(group: Group) -> dict[str, list[Span]]:
    """What the rows that are shown have in common with the fields of their question."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for found in group.rows[:MOST_ROWS]:
        for passage in found.shares[0].passages:
            spans[passage.field].append(Span(passage.item_start, passage.item_end))
    return spans


def _row(found: Found) -> str:
    removal = found.removal
    passages = found.shares[0].passages if found.shares else []
    context, outside = in_context(removal.text, passages)
    where = [clipped(removal.id, _MOST_NAME), removal.reason or "stays", *_measures(found)]
    facts = [
        *(found.shares[0].facts if found.shares else []),
        *([f"{counted(outside, 'match', 'matches')} elsewhere in the row"] if outside else []),
        *found.facts,
        *_other_questions(found),
    ]
    if not all(passage.is_quoted for passage in passages):
        facts.append("the evidence quotes another text than stands here: do not trust the marks")
    return _article("row", where, context, " · ".join(facts))


def _measures(found: Found) -> list[str]:
    if not found.shares:
        return []
    first = found.shares[0]
    unknown = ["coverage not measured"] if first.passages else []
    return [
        *(unknown if first.coverage is None else [f"coverage {percent(first.coverage)}"]),
        *([f"longest match {counted(first.longest, 'character')}"] if first.passages else []),
        *(["correct option found"] if first.answer_found else []),
    ]


def _other_questions(found: Found) -> list[str]:
    if not found.others:
        return []
    named = [clipped(" ".join(share.key), _MOST_NAME) for share in found.shares[1 : _MOST_OTHERS + 1]]
    names = f": {', '.join(named)}{', …' if found.others > len(named) else ''}" if named else ""
    return [f"matches {counted(found.others, 'more question')}{names}"]


def in_context(text: str, passages: Sequence[Passage]) -> tuple[Html, int]:
    """The longest passage and those near it, CONTEXT characters around them, and how many lie elsewhere.

    A passage of more than _MOST_PASSAGE characters is cut in its middle; without any the text begins.
    """
    if not text:
        return _no_text(), 0
    if not passages:
        return excerpt(text, [], length=_MOST_CLUSTER), 0
    low, high = _cluster(passages)
    first, last = max(0, low - CONTEXT + _EDGE), min(len(text), high + CONTEXT - _EDGE)
    inside = [each for each in passages if each.end > first and each.start < last]
    spans = merged((Span(max(each.start, first), each.end) for each in inside), last)
    outside = len(passages) - len(inside)
    if all(each.end - each.start <= _MOST_PASSAGE for each in passages):
        return excerpt(text, spans, length=high - low + 2 * CONTEXT), outside
    begin, end = low + _HALF, high - _HALF
    begin = begin - _EDGE + max(text[begin - _EDGE : begin].rfind(" "), 0)
    end += text[end : end + _EDGE].find(" ") + 1
    head = excerpt(text[:begin], merged(spans, begin), length=_HALF + CONTEXT)
    shifted = merged((Span(span.start - end, span.end - end) for span in spans), len(text) - end)
    tail = excerpt(text[end:], shifted, length=_HALF + CONTEXT)
    cut = f'<p class="quiet">… {end - begin:,} more characters of the match …</p>'
    return Html(head + cut + tail), outside


def _cluster(passages: Sequence[Passage]) -> tuple[int, int]:
    """Begin and end of the longest passage and others within CONTEXT of it, _MOST_CLUSTER in all.

    A passage that is cut takes no others.
    """
    longest = max(passages, key=lambda each: each.end - each.start)
    low, high = longest.start, longest.end
    if high - low > _MOST_PASSAGE:
        return low, high
    for each in sorted(passages, key=lambda each: max(each.start - longest.end, longest.start - each.end)):
        first, last = min(low, each.start), max(high, each.end)
        is_near = each.start <= high + CONTEXT and each.end >= low - CONTEXT
        if is_near and last - first <= _MOST_CLUSTER:
            low, high = first, last
    return low, high


def _article(kind: str, where: Sequence[str], content: str, facts: str = "") -> str:
    below = f'<p class="facts">{escape(facts)}</p>' if facts else ""
    head = escape(" · ".join(where))
    return f'<article class="{kind}"><div class="where">{head}</div>{content}{below}</article>'


def _no_text() -> Html:
    return Html('<p class="text quiet">(no text)</p>')
