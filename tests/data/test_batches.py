"""Vocabulary, encoding and batches."""

from dataclasses import fields, is_dataclass
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmn_cli.batch import Packed
from dmn_cli.data import batches as dmn_batches
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import Packing, collate, collated, encode, order
from dmn_cli.data.stories import Question, Story

STORIES = [
    Story(
        ("A went home.", "B slept."), (Question("Where is A?", "home", 1, (0,)), Question("Who slept?", "B", 2, (1,)))
    ),
    Story(("B went out.",), (Question("Where is B?", "out", 1, (0,)),)),
]


def test_vocabulary_of_the_training_stories_alone():
    words = vocab.build(STORIES)
    assert words.words == ["<unk>", "<eof>", "a", "b", "home", "is", "out", "slept", "went", "where", "who"]
    assert words.answers == ["B", "home", "out"]
    assert words.answer_words == ["<end>", "B", "home", "out"]
    assert words.encode(["a", "nobody"]) == [2, 0]


def test_lists_are_one_class_and_several_words():
    words = vocab.build([Story(("A.",), (Question("What?", "milk,apple", 1), Question("What?", "nothing", 1)))])
    assert words.answers == ["milk,apple", "nothing"]
    assert words.answer_words == ["<end>", ",", "apple", "milk", "nothing"]
    assert words.encode_answer("Milk, apple") == 0
    assert words.encode_answer("apple,milk") == -1
    assert words.encode_answer_words("apple,milk,nothing") == [2, 1, 3, 1, 4, 0]
    assert words.encode_answer_words("bread") == [-2, 0]


def test_unknown_words_are_no_accident():
    words = vocab.build(STORIES)
    data = encode([Story(("C flew away.",), (Question("Where is C?", "away", 1, (0,)),))], words)
    batch = collate(data, torch.tensor([0]))
    assert batch.story_words.index.tolist() == [0, 0, 0, 1]
    assert batch.answer.tolist() == [-1]


def test_a_batch_by_hand():
    words = vocab.build(STORIES)
    data = encode(STORIES, words, end_of_passes=True)
    batch = collate(data, torch.tensor([0, 1, 2]))
    assert batch.number.tolist() == [1, 0, 2]  # most facts first
    assert batch.rows.sizes == [3, 3, 1]
    # facts 0 and 1 are the first story's, 2 the second's, 3 the end of passes
    assert batch.rows.index.tolist() == [0, 0, 2, 1, 3, 3, 3]
    assert batch.supporting.tolist() == [[1], [0], [0]]
    assert [words.answers[number] for number in batch.answer] == ["B", "home", "out"]
    # the story of 2 facts has 4 + 3 words with its markers, the other 4
    assert batch.story_words.sizes == [2, 2, 2, 2, 1, 1, 1]
    assert [words.words[number] for number in batch.story_words.index[batch.fact_ends]] == ["<eof>"] * 3
    assert batch.fact_ends.tolist() == [6, 10, 7]
    assert len(set(batch.question_text.tolist())) == 3


def test_max_facts_keeps_the_last_ones():
    story = Story(("A b.", "C d.", "E f."), (Question("Who?", "x", 3, (0, 2)),))
    data = encode([story], vocab.build([story]), max_facts=2)
    batch = collate(data, torch.tensor([0]))
    assert batch.rows.index.tolist() == [1, 2]
    assert batch.supporting.tolist() == [[1, -1]]  # the first fact is out of sight


def test_the_same_fact_twice_supports_once():
    story = Story(("A b.",), (Question("Who?", "x", 1, (0, 0)),))
    assert encode([story], vocab.build([story])).supporting.tolist() == [[0]]


@st.composite
def story_sizes(draw):
    return draw(st.lists(st.integers(1, 7), min_size=1, max_size=12))


def made(sizes):
    return [
        Story(tuple(f"Fact {n}." for n in range(size)), tuple(Question(f"Q {n}?", "x", n + 1) for n in range(size)))
        for size in sizes
    ]


@given(
    story_sizes(),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(0, 99)),
    st.sampled_from(["stories", "questions"]),
)
def test_every_question_is_asked_once(sizes, batch_size, seed, shuffle):
    stories = made(sizes)
    data = encode(stories, vocab.build(stories))
    batches = order(data, batch_size, seed, shuffle)
    assert sorted(torch.cat(batches).tolist()) == list(range(sum(sizes)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)


def test_the_order_is_the_seeds():
    stories = made([2] * 50)
    data = encode(stories, vocab.build(stories))
    one, same, other = (torch.cat(order(data, 10, seed)).tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert one != list(range(100))


def test_stories_stay_together_and_questions_do_not():
    stories = made([5] * 50)
    data = encode(stories, vocab.build(stories))
    by_story, by_question = (order(data, 10, 0, shuffle) for shuffle in ("stories", "questions"))
    assert all(len(data.story[batch].unique()) == 2 for batch in by_story)
    assert [len(batch) for batch in by_question] == [10] * 25
    assert sum(len(data.story[batch].unique()) for batch in by_question) > 200  # of 250, and 50 by story


def pack(lengths: list[int]) -> Packed:
    packing = Packing(torch.zeros(len(lengths), dtype=torch.long), torch.tensor(lengths), 1)
    return packing.split(packing.sequence)[0]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6).map(lambda lengths: sorted(lengths, reverse=True)))
def test_packed_rows(lengths):
    packed = pack(lengths)
    assert sum(packed.sizes) == sum(lengths) == len(packed.index)
    rows = list(zip(packed.step.tolist(), packed.sequence.tolist(), strict=True))
    assert rows == sorted(rows)
    assert set(rows) == {(step, number) for number, length in enumerate(lengths) for step in range(length)}
    assert torch.equal(packed.row(packed.sequence, packed.step), torch.arange(len(rows)))
    keep = torch.tensor([number % 2 == 0 for number in range(len(lengths))])
    some, kept = packed.select(keep)
    assert some.sizes == [size for size in pack(lengths[::2]).sizes if size]
    assert torch.equal(packed.sequence[kept] // 2, some.sequence)


def test_padded():
    packed = pack([3, 1])
    table = packed.padded(torch.tensor([1.0, 2.0, 3.0, 4.0]), -9.0)
    assert table.tolist() == [[1.0, 3.0, 4.0], [2.0, -9.0, -9.0]]


@pytest.mark.parametrize("count", [1, 5])
def test_a_batch_moves_whole(count):
    stories = made([count])
    data = encode(stories, vocab.build(stories), end_of_passes=True)
    batch = collate(data, torch.arange(count))
    moved = batch.to("meta")
    assert moved.rows.index.is_meta
    assert moved.sentences.words.is_meta
    assert moved.answer.is_meta
    assert moved.rows.sizes == batch.rows.sizes


@settings(max_examples=30, deadline=None)
@given(story_sizes(), st.integers(1, 9), st.sampled_from(["stories", "questions"]), st.sampled_from([1, 5, 1000]))
def test_batches_cut_in_one_go_are_those_cut_one_by_one(sizes, batch_size, shuffle, in_one_go):
    stories = made(sizes)
    data = encode(stories, vocab.build(stories), end_of_passes=len(sizes) % 2 == 0, max_facts=4)
    batches = order(data, batch_size, 1, shuffle)
    with mock.patch.object(dmn_batches, "FACTS_IN_ONE_GO", in_one_go):
        found = list(collated(data, batches))
    assert len(found) == len(batches)
    for one, questions in zip(found, batches, strict=True):
        assert_same(one, collate(data, questions))


def assert_same(one, other):
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    else:
        assert one == other
