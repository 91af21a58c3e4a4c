import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.spans import Spans, character_offsets, contained, near, overlapping, whole_words


def spans(hits: list[tuple[int, int]], *, document: list[int] | None = None) -> Spans:
    starts, ends = (np.array([hit[side] for hit in hits], dtype=np.int64) for side in (0, 1))
    documents = np.array(document if document is not None else [0] * len(hits), dtype=np.int64)
    return Spans(documents, np.arange(len(hits)), starts, ends)


def whole(text: str, term: str) -> bool:
    before, found, _ = text.partition(term)
    assert found
    start = len(before.encode())
    data = text.encode()
    hit = spans([(start, start + len(term.encode()))])
    return bool(whole_words(hit, np.array([0, len(data)]), memoryview(data))[0])


hits = st.lists(
    st.tuples(st.integers(0, 15), st.integers(1, 6)).map(lambda hit: (hit[0], hit[0] + hit[1])), max_size=10
)


def test_hits_are_sorted_by_start_then_longest_then_term():
    unsorted = Spans(
        np.zeros(5, int), np.array([4, 3, 2, 1, 0]), np.array([5, 0, 0, 0, 5]), np.array([7, 2, 4, 4, 7])
    )
    ordered = unsorted.sorted()
    assert list(zip(ordered.start, ordered.end, ordered.term, strict=True)) == [
        (0, 4, 1),
        (0, 4, 2),
        (0, 2, 3),
        (5, 7, 0),
        (5, 7, 4),
    ]


@pytest.mark.parametrize(
    "neighbour", [" ", ".", "-", "'", "(", "\n", "\u00a0", "×", "÷", "、", "麻", "の", "😀", "_"]
)
def test_a_term_beside_what_is_no_letter_is_a_whole_word(neighbour: str):
    assert whole(f"{neighbour}mac", "mac")
    assert whole(f"mac{neighbour}", "mac")


@pytest.mark.parametrize("neighbour", ["a", "Z", "0", "9", "é", "ß", "ł", "α", "Ω", "ж", "Я"])
def test_a_term_beside_a_letter_or_digit_is_no_whole_word(neighbour: str):
    assert not whole(f"{neighbour}mac", "mac")
    assert not whole(f"mac{neighbour}", "mac")


@pytest.mark.parametrize("text", ["全麻醉s", "x麻醉x", "é麻醉é", "1麻醉1", "麻麻醉醉"])
def test_a_chinese_term_is_whole_beside_anything(text: str):
    assert whole(text, "麻醉")


def test_a_mixed_term_needs_a_boundary_on_its_latin_side_only():
    assert whole("用PCA泵x", "PCA泵")
    assert not whole("xPCA泵", "PCA泵")


def test_letters_of_the_neighbouring_documents_do_not_glue():
    data = "émacémacx".encode()
    offsets = np.array([0, 2, 5, 7, 10, 11])
    hit = spans([(2, 5), (7, 10)], document=[1, 3])
    assert whole_words(hit, offsets, memoryview(data)).tolist() == [True, True]
    in_one_document = spans([(2, 5), (7, 10)])
    assert whole_words(in_one_document, np.array([0, 11]), memoryview(data)).tolist() == [False, False]


def test_the_tail_of_a_chinese_character_is_not_taken_for_a_letter():
    for code in range(0x3400, 0xA000, 7):
        assert whole(f"{chr(code)}mac{chr(code)}", "mac"), hex(code)


def test_no_hits_are_no_hits():
    none = spans([])
    assert whole_words(none, np.array([0]), memoryview(b"")).tolist() == []
    assert contained(none).tolist() == []
    assert overlapping(none, spans([(0, 3)])).tolist() == []
    assert overlapping(spans([(0, 3)]), none).tolist() == [False]
    assert near(none.document, none.start, none.end, np.zeros(0, bool), 5).tolist() == []


@given(hits)
def test_a_hit_inside_another_is_contained_and_the_first_of_equal_ones_is_not(pairs: list[tuple[int, int]]):
    ordered = spans(pairs).sorted()
    triples = list(zip(ordered.start, ordered.end, range(len(pairs)), strict=True))
    expected = [
        any(s <= start and end <= e and ((s, e) != (start, end) or k < i) for s, e, k in triples if k != i)
        for start, end, i in triples
    ]
    assert contained(ordered).tolist() == expected


@given(hits, hits)
def test_hits_overlap_others_when_they_share_a_byte(
    pairs: list[tuple[int, int]], others: list[tuple[int, int]]
):
    ordered = spans(pairs).sorted()
    expected = [
        any(start < e and s < end for s, e in others)
        for start, end in zip(ordered.start, ordered.end, strict=True)
    ]
    assert overlapping(ordered, spans(others).sorted()).tolist() == expected


@given(hits, st.integers(0, 2**10 - 1), st.integers(0, 6), st.integers(0, 20))
def test_a_hit_is_near_a_core_hit_of_its_own_document(
    pairs: list[tuple[int, int]], cores: int, window: int, cut: int
):
    ordered = spans(pairs).sorted()
    ordered = ordered.where(~contained(ordered))
    document = (ordered.start >= cut).astype(int)
    core = np.array([bool(cores >> i & 1) for i in range(len(ordered.start))], dtype=bool)
    expected = [
        any(
            core[j]
            and document[i] == document[j]
            and ordered.start[i] - ordered.end[j] <= window
            and ordered.start[j] - ordered.end[i] <= window
            for j in range(len(core))
        )
        for i in range(len(core))
    ]
    assert near(document, ordered.start, ordered.end, core, window).tolist() == expected


@given(st.lists(st.text(alphabet="aé麻😀\n", max_size=8), min_size=1, max_size=5), st.data())
def test_character_offsets_count_characters_from_the_start_of_the_document(
    documents: list[str], data: st.DataObject
):
    offsets = np.concatenate([[0], np.cumsum([len(text.encode()) for text in documents])])
    index = data.draw(st.integers(0, len(documents) - 1))
    text = documents[index]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first = offsets[index] + len(text[:start].encode())
    hit = spans([(first, first + len(text[start:end].encode()))], document=[index])
    starts, ends = character_offsets(hit, offsets, memoryview("".join(documents).encode()))
    assert (starts.tolist(), ends.tolist()) == ([start], [end])
