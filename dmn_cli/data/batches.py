"""Stories as tensors, made once, and batches cut out of them."""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from dmn_cli.batch import Batch, Packed, Sentences
from dmn_cli.data.stories import Story
from dmn_cli.data.vocabulary import Vocabulary

FACTS_IN_ONE_GO = 30_000
"""Facts of the questions that are made batches in one go, about."""

WIDE = 2**40
"""More than any length or number: batch · WIDE + number sorts by batch, then by number."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The stories of a split as flat tensors, and how batches are to be cut.

    ``X_start[i]`` to ``X_start[i + 1]`` is the i-th one's part of a flat tensor.
    """

    words: Tensor  # of all facts, each closed by <eof>
    fact_start: Tensor  # in words, by fact
    story_start: Tensor  # in facts, by story
    sentence: Tensor  # the sentence of each fact
    sentence_words: Tensor
    sentence_start: Tensor
    text_words: Tensor
    text_start: Tensor
    story: Tensor  # of each question; so are all below
    facts: Tensor
    text: Tensor
    supporting: Tensor
    answer: Tensor
    answer_words: Tensor
    also: Tensor
    also_words: Tensor
    end_of_passes: bool
    max_facts: int

    def __len__(self) -> int:
        return len(self.story)


def encode(
    stories: list[Story],
    vocabulary: Vocabulary,
    *,
    facts: str = "sentence",
    end_of_passes: bool = False,
    max_facts: int | None = None,
) -> Dataset:
    """Encode stories.

    Args:
        stories: the stories of one split, at least one of which has a question.
        vocabulary: that of the training split.
        facts: ``"sentence"`` (one fact a sentence) or ``"word"`` (one fact a word, no supporting facts).
        end_of_passes: give every question one more fact, whose choice ends its passes.
        max_facts: a question attends to no more than its last so many facts.
    """
    flat: list[int] = []
    fact_start, story_start = [0], [0]
    sentence: list[int] = []
    sentences: dict[tuple[int, ...], int] = {}
    texts: dict[tuple[int, ...], int] = {}
    questions: list[tuple[int, int, int]] = []  # story, facts, text
    supporting: list[list[int]] = []
    answers: list[int] = []
    answer_words: list[list[int]] = []
    also: list[list[str]] = []
    for number, story in enumerate(stories):
        used = max(question.facts for question in story.questions)
        pieces = [vocabulary.encode(vocabulary.words_of(fact)) for fact in story.facts[:used]]
        before = list(range(used + 1))  # facts before each sentence
        if facts == "word":
            before = [0, *itertools.accumulate(map(len, pieces))]
            pieces = [[word] for piece in pieces for word in piece]
        for piece in pieces:
            flat += piece if facts == "word" else [*piece, 1]
            fact_start.append(len(flat))
            sentence.append(sentences.setdefault(tuple(piece), len(sentences)))
        story_start.append(len(sentence))
        for question in story.questions:
            text = texts.setdefault(tuple(vocabulary.encode(vocabulary.words_of(question.text))), len(texts))
            questions.append((number, before[question.facts], text))
            supporting.append([] if facts == "word" else list(dict.fromkeys(question.supporting)))
            answer, *others = vocabulary.right_answers(question.answer)
            answers.append(vocabulary.encode_answer(answer))
            answer_words.append(vocabulary.encode_answer_words(answer))
            also.append(others)
    story_of, facts_of, text_of = (torch.tensor(column) for column in zip(*questions, strict=True))
    return Dataset(
        words=torch.tensor(flat, dtype=torch.long),
        fact_start=torch.tensor(fact_start),
        story_start=torch.tensor(story_start),
        sentence=torch.tensor(sentence, dtype=torch.long),
        sentence_words=torch.tensor([word for piece in sentences for word in piece], dtype=torch.long),
        sentence_start=torch.tensor([0, *itertools.accumulate(map(len, sentences))]),
        text_words=torch.tensor([word for text in texts for word in text]),
        text_start=torch.tensor([0, *itertools.accumulate(map(len, texts))]),
        story=story_of,
        facts=facts_of,
        text=text_of,
        supporting=_table(supporting),
        answer=torch.tensor(answers),
        answer_words=_table(answer_words),
        also=_table([[vocabulary.encode_answer(one) for one in others] for others in also]),
        also_words=_tables([[vocabulary.encode_answer_words(one) for one in others] for others in also]),
        end_of_passes=end_of_passes,
        max_facts=max_facts or int(facts_of.max()) + 1,
    )


def _table(rows: list[list[int]]) -> Tensor:
    """Rows of different lengths as one tensor, filled up with −1."""
    width = max(1, max(map(len, rows)))
    return torch.tensor([row + [-1] * (width - len(row)) for row in rows])


def _tables(rows: list[list[list[int]]]) -> Tensor:
    """Lists of rows of different lengths as one tensor, filled up with −1."""
    most = max(1, max(map(len, rows)))
    return _table([row for few in rows for row in [*few, *[[]] * (most - len(few))]]).view(len(rows), most, -1)


def order(dataset: Dataset, batch_size: int, seed: int | None = None, shuffle: str = "stories") -> list[Tensor]:
    """The questions of every batch of an epoch; each question stands in just one.

    Args:
        dataset: the questions.
        batch_size: the most questions a batch has.
        seed: of the order (from run seed and epoch: nothing else decides it); none: as they stand.
        shuffle: ``"stories"``: all questions of a story stay in one batch, where the story is encoded once for all of
            them; only a story with more than ``batch_size`` questions is cut. ``"questions"``: each goes its own way.
    """
    counts = torch.bincount(dataset.story).tolist()
    starts = [0, *itertools.accumulate(counts)]
    most = batch_size if shuffle == "stories" else 1
    groups = [
        range(at, min(at + most, start + count))
        for start, count in zip(starts, counts, strict=False)
        for at in range(start, start + count, most)
    ]
    if seed is not None:
        random.Random(seed).shuffle(groups)
    return [torch.tensor([q for group in batch for q in group]) for batch in _fill(groups, batch_size)]


def _fill(groups: list[range], batch_size: int) -> Iterator[list[range]]:
    batch: list[range] = []
    size = 0
    for group in groups:
        if batch and size + len(group) > batch_size:
            yield batch
            batch, size = [], 0
        batch.append(group)
        size += len(group)
    if batch:
        yield batch


def collate(data: Dataset, questions: Tensor) -> Batch:
    """Cut a batch out of a data set.

    Args:
        data: the data set.
        questions: (Q,) question numbers, all different, in any order.
    """
    return _collate(data, [questions])[0]


def collated(data: Dataset, batches: list[Tensor]) -> Iterator[Batch]:
    """Cut out batch after batch, as ``collate`` does. Many are cut in one go: a call costs more than what it does."""
    some: list[Tensor] = []
    facts = 0
    for questions in batches:
        some.append(questions)
        facts += int(data.facts[questions].sum())
        if facts >= FACTS_IN_ONE_GO:
            yield from _collate(data, some)
            some, facts = [], 0
    if some:
        yield from _collate(data, some)


def _collate(data: Dataset, batches: list[Tensor]) -> list[Batch]:
    """Several batches. A number is one of all batches together until it is made ``local``, one within its batch."""
    questions = torch.cat(batches)
    batch = torch.repeat_interleave(torch.tensor([len(some) for some in batches]))
    of_batch = partial(Packing, count=len(batches))
    window = data.facts[questions].clamp(max=data.max_facts)
    by_window = _longest_first(batch, window)
    questions, window = questions[by_window], window[by_window]
    facts = data.facts[questions]

    # the stories asked of, in each batch the one with most words first, each as far as its last question
    (in_batch, stories), story = _different(batch, data.story[questions])
    used = torch.zeros_like(stories).scatter_reduce(0, story, facts, "amax")
    first_fact = data.story_start[stories]
    first_word = data.fact_start[first_fact]
    length = data.fact_start[first_fact + used] - first_word
    by_length = _longest_first(in_batch, length)
    story_words = of_batch(in_batch, length[by_length])
    words = _take(data.words, story_words.of(first_word[by_length]) + story_words.step)

    # the batch numbers their facts story by story
    base = used.cumsum(0) - used
    fact_story = torch.repeat_interleave(used)
    fact = _take(first_fact - base, fact_story) + torch.arange(len(fact_story))
    fact_batch = _take(in_batch, fact_story)
    fact_end = _take(data.fact_start, fact + 1) - 1 - _take(first_word, fact_story)
    fact_ends = story_words.row(_take(_rank(by_length), fact_story), fact_end)
    local_base = base - _starts(fact_batch, len(batches))[in_batch]
    by_used = _longest_first(in_batch, used)
    story_facts = of_batch(in_batch, used[by_used])

    (sentence_batch, sentences), fact_sentence = _different(fact_batch, _take(data.sentence, fact))
    sentence_words, by_sentence = _pack_texts(of_batch, data.sentence_start, sentence_batch, sentences)
    sentences = sentences[by_sentence]

    rows = of_batch(batch, window + data.end_of_passes)
    end = torch.bincount(fact_batch, minlength=len(batches))[batch]
    first = local_base[story] + facts - window
    index = torch.where(rows.step < rows.of(window), rows.of(first) + rows.step, rows.of(end))
    supporting = (data.supporting[questions] - (facts - window)[:, None]).clamp(min=-1)  # none, or out of sight: −1
    supporting = supporting.gather(1, (supporting < 0).sort(dim=1, stable=True).indices)  # these last
    (text_batch, texts), text = _different(batch, data.text[questions])
    question_words, by_text = _pack_texts(of_batch, data.text_start, text_batch, texts)
    texts = texts[by_text]

    by_question = partial(_split, batch, len(batches))
    by_fact = partial(_split, fact_batch, len(batches))
    columns = (
        story_words.split(words),
        by_fact(fact_ends),
        _sentences(data, sentences, sentence_batch, len(batches)),
        sentence_words.split(
            _take(data.sentence_words, sentence_words.of(data.sentence_start[sentences]) + sentence_words.step)
        ),
        by_fact(_take(sentence_words.rank[_rank(by_sentence)], fact_sentence)),
        story_facts.split(story_facts.of(local_base[by_used]) + story_facts.step),
        question_words.split(_take(data.text_words, question_words.of(data.text_start[texts]) + question_words.step)),
        by_question(question_words.rank[_rank(by_text)][text]),
        rows.split(index),
        by_question(supporting),
        *(by_question(table[questions]) for table in (data.answer, data.answer_words, data.also, data.also_words)),
        by_question(questions),
    )
    return [Batch(*fields) for fields in zip(*columns, strict=True)]


class Packing:
    """The sequences of several batches, packed batch by batch.

    Args:
        batch: (B,) of each sequence; never falling.
        length: (B,) never rising within a batch.
        count: how many batches there are.

    Attributes:
        rank: (B,) each sequence's number within its batch.
        sequence: (N,) the sequence of each row.
        step: (N,) its step.
    """

    def __init__(self, batch: Tensor, length: Tensor, count: int):
        self.sequences = torch.bincount(batch, minlength=count)
        longest = torch.zeros_like(self.sequences).scatter_reduce(0, batch, length, "amax")
        rows = torch.zeros_like(self.sequences).index_add(0, batch, length)
        self.rank = torch.arange(len(batch)) - _starts(batch, count)[batch]
        self.first_step = (longest.cumsum(0) - longest)[batch]  # steps of all batches one after the other
        self.first_row = (rows.cumsum(0) - rows)[batch]

        sequence = torch.repeat_interleave(length)
        step = torch.arange(len(sequence)) - _take(length.cumsum(0) - length, sequence)
        sizes = torch.bincount(_take(self.first_step, sequence) + step, minlength=int(longest.sum()))
        self.starts = sizes.cumsum(0) - sizes
        row = self.row(sequence, step) + _take(self.first_row, sequence)
        self.sequence = torch.empty_like(row).scatter(0, row, sequence)
        self.step = torch.empty_like(row).scatter(0, row, step)
        self.sizes = sizes, longest, rows

    def row(self, sequence: Tensor, step: Tensor) -> Tensor:
        """The row, within its batch, of a sequence's step."""
        return _take(self.starts, _take(self.first_step, sequence) + step) + _take(self.rank - self.first_row, sequence)

    def of(self, values: Tensor) -> Tensor:
        """From values of the sequences, (B,), to those of the rows, (N,)."""
        return _take(values, self.sequence)

    def split(self, index: Tensor) -> list[Packed]:
        """Batch by batch, with what each row stands for, (N,)."""
        sizes, longest, rows = (numbers.tolist() for numbers in self.sizes)
        ends = list(itertools.accumulate(longest))
        columns = (part.split(rows) for part in (index, self.of(self.rank), self.step))
        steps = [sizes[end - steps : end] for end, steps in zip(ends, longest, strict=True)]
        return [Packed(*fields) for fields in zip(*columns, steps, self.sequences.tolist(), strict=True)]


def _longest_first(batch: Tensor, length: Tensor) -> Tensor:
    """An order of sequences: batch by batch, in each the longest first; equal ones as they are."""
    return (batch * WIDE - length).argsort(stable=True)


def _different(batch: Tensor, number: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """The different numbers in each batch, rising: their batches, themselves; and which of these each number is."""
    both, which = (batch * WIDE + number).unique(return_inverse=True)
    return (both // WIDE, both % WIDE), which


def _take(table: Tensor, index: Tensor) -> Tensor:
    """``table[index]``, three times as fast."""
    return table.index_select(0, index)


def _starts(batch: Tensor, count: int) -> Tensor:
    """Where each batch starts."""
    sizes = torch.bincount(batch, minlength=count)
    return sizes.cumsum(0) - sizes


def _split(batch: Tensor, count: int, values: Tensor) -> tuple[Tensor, ...]:
    return values.split(torch.bincount(batch, minlength=count).tolist())  # type: ignore[no-any-return]


def _pack_texts(
    of_batch: Callable[[Tensor, Tensor], Packing], start: Tensor, batch: Tensor, texts: Tensor
) -> tuple[Packing, Tensor]:
    """Texts packed by their words, and which of them each packed sequence is."""
    length = start[texts + 1] - start[texts]
    by_length = _longest_first(batch, length)
    return of_batch(batch, length[by_length]), by_length


def _rank(order: Tensor) -> Tensor:
    """Where each one stands in an order of all of them."""
    return torch.empty_like(order).scatter(0, order, torch.arange(len(order)))


def _sentences(data: Dataset, sentences: Tensor, batch: Tensor, count: int) -> list[Sentences]:
    start = data.sentence_start[sentences]
    length = data.sentence_start[sentences + 1] - start
    sentence = torch.repeat_interleave(length)
    starts = length.cumsum(0) - length
    step = torch.arange(len(sentence)) - _take(starts, sentence)
    part = (step + 1).double() / _take(length, sentence)  # j/M, words counted from 1
    of_word = _take(batch, sentence)
    words, first, second = (
        _split(of_word, count, column)
        for column in (_take(data.sentence_words, _take(start, sentence) + step), 1 - part, 1 - 2 * part)
    )
    local = _split(batch, count, starts - _starts(of_word, count)[batch])
    return [Sentences(*fields) for fields in zip(words, local, first, second, strict=True)]
