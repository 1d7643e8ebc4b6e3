"""Questions of one's own: lines of a story, and that the network is asked just as in an evaluation."""

from pathlib import Path

import pytest
import torch

from dmn_cli.config import from_plain
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import collate
from dmn_cli.data.stories import Question, Story
from dmn_cli.errors import DmnError
from dmn_cli.generator.generate import generate
from dmn_cli.report.prediction import END_OF_PASSES
from dmn_cli.runs.assembly import prepare
from dmn_cli.training.ask import Told, hear, looks_like_one, put, read, sentences, take, to_story, unknown
from dmn_cli.training.build import dataset
from dmn_cli.training.locate import locate, own


def ask(checkpoint, facts, question):
    """One question about facts."""
    (answer,) = put(checkpoint, Path("best.pt"), [Story(tuple(facts), (Question(question, "", len(facts)),))])
    return answer


def untrained(supervision="strong", max_facts=None, **model):
    config = from_plain(
        {
            "data": {"source": "generated", "questions": 60, "tasks": [1, 8], "max_facts": max_facts},
            "model": {"hidden_size": 8, "embedding_size": 6, "passes": 3, **model},
            "train": {"supervision": supervision},
        }
    )
    return prepare(config, torch.device("cpu"), 1).checkpoint


NETWORKS = {
    "the default": {},
    "softmax": {"gate": "softmax", "embedding_dropout": 0.5, "fact_dropout": 0.5, "answer_dropout": 0.5},
    "weak": {"supervision": "weak", "gate": "softmax"},
    "a decoder": {"answer": "gru"},
    "DMN+": {"supervision": "weak", "reader": "positions", "bidirectional": True, "memory": "relu", "gate": "softmax"},
    "words as facts": {"supervision": "weak", "facts": "word"},
    "the last three facts": {"max_facts": 3, "gate": "softmax"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answer_is_that_of_an_evaluation(name):
    """All questions of a few stories in one batch, without dropout, and one by one: the same answers and gates."""
    checkpoint = untrained(**NETWORKS[name])
    config, vocabulary, model = checkpoint.config, checkpoint.vocabulary, checkpoint.model
    stories = generate(8, 15, seed=3, split="test")
    data = dataset(config, vocabulary, stories)
    model.eval()
    batch = collate(data, torch.arange(len(data)))
    predicted, recall = model.predict(batch)
    place = {number: at for at, number in enumerate(batch.number.tolist())}
    questions = [(story, question) for story in stories for question in story.questions]
    for number, (story, question) in enumerate(questions):
        facts = story.facts[: question.facts]
        given = ask(checkpoint, facts, question.text)
        answer = predicted[place[number]].tolist()
        words = [vocabulary.answers[answer[0]]]
        if config.model.answer == "gru":
            words = [vocabulary.said(answer)]
        assert given.answer == ",".join(words)
        made = [
            one.logits[(one.asked == place[number]).nonzero().item()]
            for one in recall.passes
            if place[number] in one.asked
        ]
        assert len(given.gates) == len(made)
        for gates, logits in zip(given.gates, made, strict=True):
            assert len(gates) == len(given.facts)
            weights = logits.sigmoid() if config.model.gate == "sigmoid" else logits.softmax(0)
            assert gates == pytest.approx(weights[: len(gates)].tolist(), abs=1e-5)


def test_what_there_is_to_attend_to():
    facts = ["Mary went home.", "John went back to the office.", "Bill slept."]
    assert ask(untrained(), facts, "Where is Mary?").facts == [*facts, END_OF_PASSES]
    assert ask(untrained("weak"), facts, "Where is Mary?").facts == facts
    assert ask(untrained(max_facts=2), facts, "Where is Mary?").facts == [*facts[1:], END_OF_PASSES]
    assert ask(untrained("weak", facts="word"), facts[:1], "Where is Mary?").facts == ["mary", "went", "home"]


def test_softmax_gates_add_up_to_one():
    given = ask(untrained("weak", gate="softmax"), ["Mary went home.", "John left."], "Where is Mary?")
    assert len(given.gates) == 3
    assert all(sum(gates) == pytest.approx(1) for gates in given.gates)


def test_unknown_words_are_named_once_and_in_order():
    given = ask(untrained(), ["Zork went to the moon.", "Mary went to the moon."], "Where is Zork now?")
    assert given.unknown == ["zork", "moon", "now"]
    assert given.answer


def test_no_facts():
    with pytest.raises(DmnError, match="has no fact before it"):
        ask(untrained(), [], "Where is Mary?")


def told(*lines):
    """The stories of some lines: facts and questions as they stand to each other."""
    return [
        (list(story.facts), [(question.text, question.facts) for question in story.questions])
        for story in read([(f"t:{number}", line) for number, line in enumerate(lines, start=1)])
    ]


@pytest.mark.parametrize(
    ("lines", "facts", "question", "before"),
    [
        (["Mary went home.", "Where is Mary?"], ["Mary went home."], "Where is Mary?", 1),
        (["1 Mary went home.\r", "2 Where is Mary? \thome\t1"], ["Mary went home."], "Where is Mary?", 1),
        (["Bill ran.", "Tell me\thome"], ["Bill ran."], "Tell me", 1),
        (["Bill ran.\t", "  Where is he ?  "], ["Bill ran."], "Where is he ?", 1),
        (["Mary went to the hallway. Where is Mary?"], ["Mary went to the hallway."], "Where is Mary?", 1),
        (["mary left. bill ran. where is mary?"], ["mary left.", "bill ran."], "where is mary?", 2),
        (["A b. C d! E f.", "Where?"], ["A b.", "C d!", "E f."], "Where?", 3),
        (["A b.", "Where? C d."], ["A b."], "Where?", 1),
        (["1 A b. C d.", "2 Where is A?"], ["A b. C d."], "Where is A?", 1),  # as training reads it
        (["1 A b. Where is A?"], ["A b."], "Where is A?", 1),
        # a number that is none of bAbI's
        (["Ann left.", "1 hour later Mary left.", "Where?"], ["Ann left.", "1 hour later Mary left."], "Where?", 2),
        (["Ann left.", "1 Hour passed.", "2 men came.", "Q?"], ["Ann left.", "1 Hour passed.", "2 men came."], "Q?", 3),
        (["1 hour later Mary left.", "Where?"], ["1 hour later Mary left."], "Where?", 1),
        (
            ["1 Ann left.", "2 Bill ran.", "12 apples fell.", "Q?"],
            ["Ann left.", "Bill ran.", "12 apples fell."],
            "Q?",
            3,
        ),
        (["Ann left.", "2 men came.", "Where?"], ["Ann left.", "2 men came."], "Where?", 2),
        (["1 A b.", "1 hour later C d.", "2 Q?"], ["A b.", "1 hour later C d."], "Q?", 2),
        (["1 A b.", "2 C d.", "1 hour later E f.", "3 Q?"], ["A b.", "C d.", "1 hour later E f."], "Q?", 3),
        (["1 A b.", "2 C d.", "1 hour later E f.", "4 Q?"], ["A b.", "C d.", "1 hour later E f."], "Q?", 3),
        (["7", "Where?"], ["7"], "Where?", 1),
        (["12apples fell", "Where?"], ["12apples fell"], "Where?", 1),
        # one that is
        (["1 ann left", "2 bill ran", "3 where is ann?"], ["ann left", "bill ran"], "where is ann?", 2),
        (["1. Ann left.", "2) Bill ran.", "Q?"], ["Ann left.", "Bill ran."], "Q?", 2),
        (["1 Ann left.", "Where is Ann?", "2 Bill ran."], ["Ann left."], "Where is Ann?", 1),
        (["1 jump twice\tJUMP"], [], "jump twice", 0),
        # blank lines that begin nothing
        (["Ann left.", "", "Bill ran.", "", "Q?"], ["Ann left.", "Bill ran."], "Q?", 2),
    ],
)
def test_one_story(lines, facts, question, before):
    assert told(*lines) == [(facts, [(question, before)])]


@pytest.mark.parametrize(
    "lines",
    [
        ["1 A b.", "2 Q?", "1 C d.", "2 R?"],
        ["1 a b", "2 q?\tx", "1 c d", "2 r?\tx"],
        ["A b.", "Q?", "", "C d.", "R?"],
        ["A b. Q?", "", "", "C d. R?"],
        ["1 A b.", "2 Q?", "", "1 C d.", "2 R?"],
        ["A b.", "Q?", "1 C d.", "2 R?"],
    ],
)
def test_two_stories(lines):
    first, second = told(*lines)
    assert [len(first[0]), len(second[0])] == [1, 1]
    assert [first[1][0][1], second[1][0][1]] == [1, 1]


def test_one_story_with_blank_lines():
    """Between questions, and in bAbI's numbering, a blank line means nothing."""
    assert told("A b.", "Q?", "", "R?") == [(["A b."], [("Q?", 1), ("R?", 1)])]
    assert told("1 A b.", "2 Q?", "", "3 C d.", "4 R?") == [(["A b.", "C d."], [("Q?", 1), ("R?", 2)])]
    small = ("1 a b", "2 q?", "1 c d", "2 e f", "3 r?", "1 g h", "2 s?")
    assert [facts for facts, _ in told(*small)] == [["a b"], ["c d", "e f"], ["g h"]]
    (_, second) = told("A b.", "Q?", "", "1 hour later C d.", "R?")
    assert second == (["1 hour later C d."], [("R?", 1)])


def test_a_story_of_which_nothing_is_asked_is_told_of():
    notes = []
    (story,) = read([("f:1", "1 A b."), ("f:2", "1 C d."), ("f:3", "2 Q?")], notes.append)
    assert story.facts == ("C d.",)
    assert notes == ["f:2: a new story begins here; of the one before it nothing was asked"]


def test_answers_and_supporting_facts_of_a_file():
    lines = ["1 A b.", "2 Q?\tx\t1", "3 C d.", "4 R?\ty,z\t3 1"]
    (story,) = read([(f"f:{number}", line) for number, line in enumerate(lines, start=1)])
    assert story.questions == (Question("Q?", "x", 1, (0,)), Question("R?", "y,z", 2, (1, 0)))
    assert [question.place for question in story.questions] == ["f:2", "f:4"]
    arabic = ["١\u00a0A b.", "٢ Q?\tx\t١\t\t", "٣ C d.\t\t", "٤ R?\ty,z\t٣ ١"]
    assert read([(f"f:{number}", line) for number, line in enumerate(arabic, start=1)]) == [story]
    for line, message in {
        "2 Q?\tx\t7": "f:2: supporting number '7' is not that of a fact",
        "2 Q?\tx\tone": "f:2: supporting number 'one'",
        "2 Q?\tx\t1\ty": "f:2: 4 fields",
    }.items():
        with pytest.raises(DmnError, match=message):
            read([("f:1", "1 A b."), ("f:2", line)])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Mr. Smith went to the U.S. embassy.", 1),
        ("Dr. J. R. Smith paid 3.5 dollars. He left.", 2),
        ("John F. Kennedy left.", 1),
        ("The box is left of B. C is left of D.", 2),
        ("Well... Mary left.", 1),
        ("3. Mary left.", 1),
        ('"Why?" asked Mary. She left.', 2),
        ("He said “Go.” Then he left.", 2),
        ("小明去了厨房。小红在花园。", 2),
        ("राम रसोई में गया। सीता कहाँ है?", 2),
        ("Mary left", 1),
        ("Mary left. !!", 1),
        ("What?! Really?", 2),
    ],
)
def test_sentences(text, count):
    found = sentences(text)
    assert len(found) == count
    assert "".join("".join(found).split()) == "".join(text.removesuffix(" !!").split())


def test_what_looks_like_a_question():
    assert looks_like_one("where is mary")
    assert looks_like_one("Is the box red")
    assert not looks_like_one("Will went home.")
    assert not looks_like_one("mary is where")
    noted = []
    assert read([("f:1", "A b."), ("f:2", "where is mary"), ("f:3", "Q?")], noted.append)[0].questions[0].facts == 2
    assert noted == ["f:2: taken as a fact: 'where is mary'; a question ends in ?"]
    after, (question,) = take(Told(lines=1).hears("A b.", 1), "where is mary", is_asked=lambda text: True)
    assert (question.text, after.facts) == ("where is mary", ("A b.",))


@pytest.mark.parametrize("line", ["?", "1 ...", "\thome"])
def test_a_line_without_words(line):
    with pytest.raises(DmnError, match="no words in"):
        take(Told(), line)


def test_a_question_without_facts_where_training_had_such(tmp_path):
    """Training asked them: they are answered; not: an error; its stories lost: answered, since nobody knows."""
    (tmp_path / "train.txt").write_text("1 jump twice\tJUMP\n1 walk and run\tRUN\n" * 3)
    config = from_plain(
        {
            "data": {"source": "files", "train": str(tmp_path / "train.txt")},
            "model": {"hidden_size": 8},
            "train": {"supervision": "weak"},
        }
    )
    checkpoint = prepare(config, torch.device("cpu"), 1).checkpoint
    given = ask(checkpoint, [], "jump twice and run?")
    assert given.answer in ("jump", "run", "JUMP", "RUN")
    assert given.blind
    (tmp_path / "train.txt").write_text("1 A b.\n2 jump twice\tJUMP\n1 A b.\n2 run\tRUN\n" * 3)
    with pytest.raises(DmnError, match="has no fact before it"):
        ask(checkpoint, [], "jump twice and run?")
    (tmp_path / "train.txt").unlink()
    assert ask(checkpoint, [], "jump twice and run?").blind


def on_files(folder, text, **data):
    """A network for stories of one's own, untrained, and the path of its training stories."""
    path = folder / "train.txt"
    path.write_text(text, encoding="utf-8")
    values = {
        "data": {"source": "files", "train": [str(path)], **data},
        "model": {"hidden_size": 8},
        "train": {"supervision": "weak"},
    }
    return prepare(from_plain(values), torch.device("cpu"), 1).checkpoint, path


def test_the_turns_of_a_dialogue_are_facts_for_later_questions(tmp_path):
    checkpoint, path = on_files(tmp_path, "1 hi\thello\n2 I want soup\tok\n3 what was it\tsoup\n" * 3, dialogue=True)
    (story, *_) = own(path, dialogue=True).stories[0]
    assert story.facts[:2] == ("hi hello", "I want soup ok")
    told = "1 Hi?\n2 Soup?\tok\n3 What was it?\n"
    (first, second, third) = put(checkpoint, path, read([("", line) for line in told.splitlines()]))
    assert [first.facts, second.facts] == [[], [f"Hi? {first.answer}"]]
    assert third.facts == [f"Hi? {first.answer}", "Soup? ok"]

    typed = Told()
    for text, as_read in (("Hi?", first), ("Soup?", None), ("What was it?", None)):
        typed, (question,) = take(typed, text)
        *_, answer = put(checkpoint, path, [to_story(typed, question)])
        assert as_read is None or (answer.answer, answer.gates) == (as_read.answer, as_read.gates)
        typed = hear(checkpoint, typed, question, answer.answer)
    assert answer.facts == [f"Hi? {first.answer}", f"Soup? {typed.heard[1].answer}"]
    assert hear(untrained(), Told(), question, "x") == Told()


def test_several_files_are_found_beside_the_checkpoint(tmp_path, monkeypatch):
    checkpoint, path = on_files(tmp_path, "1 A b.\n2 Who?\tA\n" * 3)
    monkeypatch.chdir(tmp_path.parent)
    data = checkpoint.config.data.model_copy(update={"train": ["train.txt", "./train.txt"]})
    assert locate(data, tmp_path / "best.pt", "train").train == [str(path), str(path)]
    with pytest.raises(DmnError, match=r"gone\.txt: no such file, neither here nor beside"):
        locate(data.model_copy(update={"train": ["train.txt", "gone.txt"]}), tmp_path / "best.pt", "train")


def test_other_stories_of_the_same_name_are_not_taken_for_those_beside_the_checkpoint(tmp_path, monkeypatch):
    data = from_plain({"data": {"source": "files", "train": "train.txt"}}).data
    for folder in ("trained", "other"):
        (tmp_path / folder / "runs").mkdir(parents=True)
        (tmp_path / folder / "train.txt").write_text(f"1 Mary is {folder}.\n2 Where is Mary?\t{folder}\t1\n")
    checkpoint = tmp_path / "trained" / "runs" / "best.pt"
    monkeypatch.chdir(tmp_path / "other")
    assert locate(data, checkpoint, "train").train == [str(tmp_path / "trained" / "train.txt")]
    (tmp_path / "trained" / "train.txt").unlink()  # they were moved here
    assert locate(data, checkpoint, "train").train == ["train.txt"]
    monkeypatch.chdir(tmp_path / "trained")
    (tmp_path / "trained" / "train.txt").write_text("1 Mary is here.\n2 Where is Mary?\there\t1\n")
    assert locate(data, checkpoint, "train").train == ["train.txt"]  # shown as the config names it


def test_words_are_found_by_the_rule_of_the_checkpoint(tmp_path):
    """By rule 1 the signs of ``C++`` are no words; a text of signs alone is one that training has never seen."""
    checkpoint, _ = on_files(tmp_path, "1 Bob likes C++.\n2 What?\tC++\n" * 3)
    old = checkpoint._replace(vocabulary=vocab.build([Story(("Bob likes C.",), (Question("What?", "C", 1),))], rule=1))
    assert [unknown(one, "Bob likes C++") for one in (checkpoint, old)] == [[], []]
    assert [unknown(one, "Bob likes C") for one in (checkpoint, old)] == [["c"], []]
    assert unknown(old, "<= ?") == ["<= ?"]
    assert old.vocabulary.encode(old.vocabulary.words_of("<= ?")) == [0]
