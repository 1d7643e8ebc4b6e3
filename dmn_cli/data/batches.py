"""Stories as tensors, made once, and batches cut out of them."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dmn_cli.batch import Batch, Packed, Sentences, pack
from dmn_cli.data.stories import Story
from dmn_cli.data.vocabulary import Vocabulary


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
    window = data.facts[questions].clamp(max=data.max_facts)
    window, by_window = window.sort(descending=True, stable=True)
    questions = questions[by_window]
    facts = data.facts[questions]

    # the stories asked of, the one with most words first, each as far as its last question
    stories, story = data.story[questions].unique(return_inverse=True)
    used = torch.zeros_like(stories).scatter_reduce(0, story, facts, "amax")
    first_fact = data.story_start[stories]
    first_word = data.fact_start[first_fact]
    length, by_length = (data.fact_start[first_fact + used] - first_word).sort(descending=True, stable=True)
    rank = _rank(by_length)
    first_word = first_word[by_length]
    story_words = pack(length)
    story_words = story_words.of(data.words[first_word[story_words.sequence] + story_words.step])

    # the batch numbers their facts story by story
    base = used.cumsum(0) - used
    fact_story = torch.repeat_interleave(torch.arange(len(stories)), used)
    fact_step = torch.arange(len(fact_story)) - base[fact_story]
    fact = first_fact[fact_story] + fact_step
    fact_rank = rank[fact_story]
    fact_ends = story_words.row(fact_rank, data.fact_start[fact + 1] - 1 - first_word[fact_rank])
    sentences, fact_sentence = data.sentence[fact].unique(return_inverse=True)
    sentence_words, by_sentence = _pack_texts(data.sentence_words, data.sentence_start, sentences)
    fact_sentence = _rank(by_sentence)[fact_sentence]
    used_sorted, by_used = used.sort(descending=True, stable=True)
    story_facts = pack(used_sorted)
    story_facts = story_facts.of(base[by_used][story_facts.sequence] + story_facts.step)

    rows = pack(window + data.end_of_passes)
    first = base[story] + facts - window
    index = torch.where(rows.step < window[rows.sequence], first[rows.sequence] + rows.step, len(fact))
    supporting = (data.supporting[questions] - (facts - window)[:, None]).clamp(min=-1)  # none, or out of sight: −1
    supporting = supporting.gather(1, (supporting < 0).sort(dim=1, stable=True).indices)  # these last
    texts, text = data.text[questions].unique(return_inverse=True)
    question_words, by_text = _pack_texts(data.text_words, data.text_start, texts)
    return Batch(
        story_words=story_words,
        fact_ends=fact_ends,
        sentences=_sentences(data, sentences[by_sentence]),
        sentence_words=sentence_words,
        fact_sentence=fact_sentence,
        story_facts=story_facts,
        question_words=question_words,
        question_text=_rank(by_text)[text],
        rows=rows.of(index),
        supporting=supporting,
        answer=data.answer[questions],
        answer_words=data.answer_words[questions],
        also=data.also[questions],
        also_words=data.also_words[questions],
        number=questions,
    )


def _pack_texts(words: Tensor, start: Tensor, texts: Tensor) -> tuple[Packed, Tensor]:
    """Texts packed by their words, and which of them each packed sequence is."""
    first = start[texts]
    length, by_length = (start[texts + 1] - first).sort(descending=True, stable=True)
    packed = pack(length)
    return packed.of(words[first[by_length][packed.sequence] + packed.step]), by_length


def _rank(order: Tensor) -> Tensor:
    """Where each one stands in an order of all of them."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    return rank


def _sentences(data: Dataset, sentences: Tensor) -> Sentences:
    start = data.sentence_start[sentences]
    length = data.sentence_start[sentences + 1] - start
    starts = length.cumsum(0) - length
    sentence = torch.repeat_interleave(torch.arange(len(sentences)), length)
    step = torch.arange(len(sentence)) - starts[sentence]
    part = (step + 1).double() / length[sentence]  # j/M, words counted from 1
    return Sentences(data.sentence_words[start[sentence] + step], starts, 1 - part, 1 - 2 * part)
