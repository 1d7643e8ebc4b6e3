"""Trainings on files of one's own: several, dialogues, answers word by word, alternatives."""

import itertools
import random

import pytest

from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.stats import notes, unseen
from dmn_cli.data.stories import Question, Story, parse
from tests.data.test_own_words import NAMES, PLACES, WENT, WHERE, accuracy
from tests.own_stories import make


def test_what_training_has_never_seen_is_counted():
    train = parse("1 Mary went to the kitchen.\n2 Where is Mary?\tkitchen\n3 What?\tred box\n4 Which?\tblue mat\n")
    test = parse(
        "1 Mary went to the kitchen.\n2 Where is Mary?\tkitchen.\n3 Where is Mary?\tthe kitchen\n4 Bob flew.\n"
        "5 Where is Mary?\thall|Kitchen\n6 What?\tred mat\n"
    )
    words = vocab.build(train)
    assert unseen(test, words) == (2, 2, ["bob", "flew"])  # the kitchen, red mat
    assert unseen(test, words, by_word=True) == (1, 2, ["bob", "flew"])
    assert unseen(train, words) == (0, 0, [])


def test_answers_are_compared_as_words_and_printed_as_written():
    words = vocab.build(parse("1 Where?\tRome\n2 Where?\trome.\n3 Where?\tRome\n4 Where?\tNew  York,Bonn\n"))
    assert words.answers == ["New  York,Bonn", "Rome"]
    assert [words.encode_answer(one) for one in ("ROME", "rome!", "the Rome", "new york, bonn.")] == [1, 1, -1, 0]
    assert words.said(words.encode_answer_words("new york,bonn")) == "New  York,Bonn"
    assert words.said(words.encode_answer_words("bonn,new rome")) == "Bonn,New Rome"


def test_rule_1_answers_as_old_checkpoints_did():
    words = vocab.build(parse("1 Where?\tNew York,Bonn.\n2 What?\ta|b\n"), rule=1)
    assert (words.answers, words.answer_words) == (["a|b", "new york,bonn."], ["<end>", "a|b", "bonn.", "new york"])
    assert words.said([3, 2, 0]) == "new york,bonn."


def test_notes():
    assert notes(parse("1 Mary went.\n2 where?\thall\n3 Where? \thall\n")) == []
    one, letters, alike = (
        notes(parse(text))
        for text in (
            "1 Hello\n2 Hi\n3 Bye\tb\n",
            "1 小明去了厨房。\n2 Where is Ming?\t厨房\n",
            "1 He likes Polish cars.\n2 He likes polish cars.\n3 What is it?\tb\n",
        )
    )
    assert [note[:26] for note in one] == ["every sentence is one word"]
    assert "letter by letter" in letters[0]
    assert "'He likes Polish cars.' and 'He likes polish cars.'" in alike[0]


@pytest.mark.slow
def test_new_pairs_of_known_words_are_answered(dmn, tmp_path):
    """10 × 10 pairs, a fifth of which training never has: as whole answers, none could be given."""
    colours = ["red", "blue", "green", "black", "white", "grey", "pink", "brown", "gold", "silver"]
    things = ["box", "mat", "cup", "hat", "pen", "jug", "bag", "map", "key", "fan"]
    pairs = [" ".join(pair) for pair in itertools.product(colours, things)]
    random.Random(0).shuffle(pairs)
    took = ("{a} took the {p}.", "What does {a} have?")
    make(tmp_path / "train.txt", NAMES, pairs[20:], *took, 800, 1)
    make(tmp_path / "test.txt", NAMES, pairs[:20], *took, 100, 2)
    assert accuracy(dmn, tmp_path, epochs=20, sets=["model.answer=gru", "train.learning_rate=2e-3"]) >= 0.95


@pytest.mark.slow
def test_either_alternative_is_right(dmn, tmp_path):
    make(tmp_path / "train.txt", NAMES, PLACES, WENT, WHERE, 300, 1, ans=lambda place: f"the {place}")
    make(tmp_path / "test.txt", NAMES, PLACES, WENT, WHERE, 50, 2, ans=lambda place: f"{place}|the {place}")
    assert accuracy(dmn, tmp_path) >= 0.97


@pytest.mark.slow
def test_earlier_turns_of_a_dialogue_are_remembered(dmn, tmp_path):
    """An order of a dish and a drink, asked for at the end: the last answer is in earlier turns."""
    dishes, drinks = ["soup", "pizza", "salad", "fish"], ["tea", "milk", "juice", "water"]
    for name, n, seed in (("train.txt", 300, 1), ("test.txt", 100, 2)):
        draw = random.Random(seed)
        lines = []
        for _ in range(n):
            dish, drink = draw.choice(dishes), draw.choice(drinks)
            lines += [
                "1 hi\thello",
                f"2 I want {dish}\tok",
                f"3 and {drink}\tsure",
                f"4 what was my order\t{dish} {drink}",
            ]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    assert accuracy(dmn, tmp_path, sets=["data.dialogue=true"]) >= 0.99


def test_several_files_are_one_split(dmn, tmp_path):
    for number in (1, 2):
        make(tmp_path / f"{number}.txt", NAMES, PLACES, WENT, WHERE, 10, number)
    (tmp_path / "two.yaml").write_text(
        "data: {source: files, train: [1.txt, 2.txt], test: 1.txt}\ntrain: {supervision: weak}\n"
    )
    done = dmn("train", "--config", "two.yaml", "--dry-run")
    assert "18 stories, 36 questions" in done.out, done.err


def test_a_batch_knows_the_alternatives():
    from dmn_cli.data.batches import collate, encode, order

    story = Story(("A b.",), (Question("Who?", "x|y z|new", 1), Question("Who?", "y z", 1)))
    words = vocab.build([story])
    data = encode([story], words)
    batch = collate(data, order(data, 9)[0])
    assert [words.answers[at] for at in batch.answer] == ["x", "y z"]
    assert batch.also.tolist() == [[words.encode_answer("y z"), words.encode_answer("new")], [-1, -1]]
    assert batch.also_words[0].tolist() == [
        [*words.encode_answer_words("y z")],
        [*words.encode_answer_words("new"), -1],
    ]
