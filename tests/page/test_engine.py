"""assets/engine.js, run by Node, against PyTorch: every variant of the network, and the splitting into words."""

import dataclasses
import inspect
import itertools
import json
import random
import subprocess
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
import torch

import dmn_cli.page
from dmn_cli.config import ModelConfig
from dmn_cli.data.batches import collate, encode
from dmn_cli.data.stories import parse
from dmn_cli.data.vocabulary import build
from dmn_cli.data.words import alternatives, parts, words
from dmn_cli.model.answer import LinearAnswer
from dmn_cli.model.dmn import DMN
from dmn_cli.model.extensions.order import Order
from dmn_cli.model.network import network as build_network
from dmn_cli.page.export import OPTIONS, export, of_checkpoint
from dmn_cli.splits import load_split
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training.build import dataset
from tests.model.naive import VARIANTS
from tests.model.test_dmn import STORIES, VOCABULARY, make
from tests.page.tools import dmn_in, needs

ENGINE = Path(dmn_cli.page.__file__).parent / "assets" / "engine.js"
DEFAULTS = {
    "facts": "sentence",
    "reader": "words",
    "residual": False,
    "gate": "sigmoid",
    "episode": "gru",
    "memory": "gru",
    "free_passes": 0,
    "max_facts": None,
    "order": Order.LATEST,
}
DMN_DEFAULTS = inspect.signature(build_network).parameters
ASKED = [(story.facts[: question.facts], question.text) for story in STORIES for question in story.questions]

pytestmark = pytest.mark.browser


def run(**given):
    """What the engine makes of ``texts`` and of ``networks`` with their questions; see engine.cjs."""
    command = [needs("node"), str(Path(__file__).with_name("engine.cjs")), str(ENGINE)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def exported(model: DMN, vocabulary, options: dict, questions) -> dict:
    """A network and the questions to put to it, as engine.cjs takes them."""
    options = {**DEFAULTS, **options}
    options["order"] = options["order"].value
    network, weights = export(options, model.memory.passes, vocabulary, model.state_dict())
    asked = [{"facts": facts, "question": question} for facts, question in questions]
    return {"network": network, "weights": weights, "questions": asked}


def compare(model: DMN, vocabulary, data, asked: list[dict], tolerance=1e-4):
    """See that answers are PyTorch's on all questions of a data set, and probabilities, gates and logits near."""
    assert len(asked) == len(data)
    for numbers in torch.arange(len(data)).split(100):
        batch = collate(data, numbers)
        answers, log_probabilities, recall = model.likeliest(batch, 3)
        for row, number in enumerate(batch.number.tolist()):
            ours = asked[number]
            logs = log_probabilities[row][log_probabilities[row] > -torch.inf]
            near(logs.exp(), torch.tensor([choice["probability"] for choice in ours["answers"]]), tolerance)
            said = answers[row, 0].tolist()
            answer = vocabulary.answers[said[0]] if isinstance(model.answer, LinearAnswer) else vocabulary.said(said)
            assert ours["answers"][0]["answer"] == answer
            passes = [step for step in recall.passes if (step.asked == row).any()]
            assert len(passes) == len(ours["gates"])
            for step, gates, logits in zip(passes, ours["gates"], ours["logits"], strict=True):
                at = step.asked == row
                near(step.log_weights[at][0, : len(gates)].exp(), torch.tensor(gates), tolerance)
                size = max(1.0, *map(abs, logits))
                near(step.logits[at][0, : len(logits)], torch.tensor(logits), tolerance * size)


def near(one, other, tolerance):
    torch.testing.assert_close(one.double(), other.double(), atol=tolerance, rtol=0)


CASES = [(name, end, most) for name in VARIANTS for end in (True, False) for most in (None, 2)]


@pytest.fixture(scope="module")
def of_variants():
    """All variants in one process of Node: its start takes longer than the questions."""
    networks = []
    for name, end, most in CASES:
        model = make(end, **VARIANTS[name]).float()
        networks.append(exported(model, VOCABULARY, {**VARIANTS[name], "max_facts": most}, ASKED))
    return dict(zip(CASES, run(networks=networks)["networks"], strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_variant_as_in_pytorch(case, of_variants):
    name, end, most = case
    model = make(end, **VARIANTS[name]).float()
    data = encode(STORIES, VOCABULARY, end_of_passes=end, max_facts=most)
    compare(model, VOCABULARY, data, of_variants[case]["asked"])


@pytest.mark.parametrize("reader", ["words", "positions", "sentences"])
def test_one_fact_a_word(reader):
    options = {"reader": reader, "facts": "word", "max_facts": 6}
    model = make(False, reader=reader).float()
    data = encode(STORIES, VOCABULARY, facts="word", max_facts=6)
    [made] = run(networks=[exported(model, VOCABULARY, options, ASKED)])["networks"]
    compare(model, VOCABULARY, data, made["asked"])


def test_what_is_kept_between_two_questions_changes_nothing():
    """A story typed letter by letter, and its lines in another order, give what a fresh network gives."""
    options = VARIANTS["shared words, all of them"]
    model = make(True, **options).float()
    story = STORIES[0].facts
    edits = [([*story[:2], story[2][:n]], "Where is Mary?") for n in range(4, len(story[2]))]
    edits += [(list(order), "Where is the milk?") for order in (story, story[::-1], story[1:], story[:1], story)]
    together, *alone = run(
        networks=[exported(model, VOCABULARY, options, asked) for asked in (edits, *([edit] for edit in edits))]
    )["networks"]
    assert together["asked"] == [question for network in alone for question in network["asked"]]


def test_the_variants_have_every_value_of_every_option():
    for key in ("reader", "gate", "gate_features", "episode", "memory", "memory_features", "answer"):
        seen = {options.get(key, DMN_DEFAULTS[key].default) for options in VARIANTS.values()}
        kinds = [kind for kind in get_args(ModelConfig.model_fields[key].annotation) if get_origin(kind) is Literal]
        of_our_own = get_args(kinds[0]) if kinds else get_args(ModelConfig.model_fields[key].annotation)
        assert seen == set(of_our_own)
    assert set(OPTIONS) <= set(ModelConfig.model_fields)


TEXTS = [
    "",
    " \t ",
    "?!…",
    "Where is Mary?",
    "MARY's well-known ’tis don't rock'n'roll 'quoted' a--b -x- x-",
    "it’s 3 o'clock, 12.5% of_all _under_",
    '<script>alert(1)</script> </style> "quotes" & amp;',
    "Ärger café naïve ŒUVRE İstanbul ΣΊΣΥΦΟΣ straße ẞ",
    "дом где? ГДЕ МАША",
    "مرحبا بالعالم \u202eabc\u202c שלום",
    "玛丽 在 厨房 ２３ ½ Ⅷ ٣",
    "हिन्दी में",
    "👩‍👩‍👧 emoji😀word 😀",
    "a\u0000b\u0007c\u200bd\u00ade\ufefff",
    "e\u0301 and é",
]


def test_words_as_in_python():
    assert run(texts=TEXTS)["words"] == [words(text, rule=1) for text in TEXTS]


RULE_2 = {
    "Where is Mary?": "where is mary",
    "MARY’s well-known ’tis rock'n'roll 'quoted'": "mary's well-known tis rock'n'roll quoted",
    "C++ #1 .5 -5 50% m² e.g. $3.50 1,000": "c++ #1 .5 -5 50% m² e.g $3.50 1,000",
    "a < b <= (x) [y]": "a < b <= ( x ) [ y ]",
    "Mary‐Ann went −5 °": "mary-ann went -5 °",
    "玛丽在厨房 ひらがな แมว": "玛 丽 在 厨 房 ひ ら が な แ ม ว",
    "हिन्दी में 한국어 カタカナ": "हिन्दी में 한국어 カタカナ",
    "👩‍👩‍👧 😀word 🇩🇪🇫🇷": "👩‍👩‍👧 😀 word 🇩🇪 🇫🇷",
    "e\u0301 x\u00ady \u202ez\u202c": "é xy z",
}
"""Texts and their words by rule 2 of dmn_cli/data/words.py, of which the engine has a twin too."""


def test_words_by_rule_2():
    assert run(texts=list(RULE_2), rule=2)["words"] == [said.split(" ") for said in RULE_2.values()]
    texts = [*RULE_2, *TEXTS]
    assert run(texts=texts, rule=2)["words"] == [words(text, 2) for text in texts]


RULE_3 = {
    "a != b x:=1 std::x if !a Int <: N": "a != b x := 1 std :: x if !a int <: n",
    "10:30 1..5 a :) b ;-( is it +?": "10:30 1..5 a :) b ;-( is it +",
    "O′Neil O‛Neil Hawaiʻi 5′": "o'neil o'neil hawai'i 5′",
    "Mary\u202fwent\u00a0home\u3000now": "mary went home now",
    "٣ ३ ３ ٣٫٥ 𝟛 Ｍａｒｙ　＝ｘ": "3 3 3 3.5 3 mary = x",
    "צה״ל": 'צה"ל',
}


def test_words_by_rule_3():
    assert run(texts=list(RULE_3), rule=3)["words"] == [said.split(" ") for said in RULE_3.values()]
    texts = [*RULE_3, *RULE_2, *TEXTS, *SIGNS]
    assert run(texts=texts, rule=3)["words"] == [words(text, 3) for text in texts]


SIGNS = ["".join(draw.choices("ab1 :;.!?=<-+(),'\"", k=12)) for draw in [random.Random(0)] for _ in range(500)]


def test_thai_is_cut_into_the_networks_own_words():
    texts = ["มานีไปที่ครัว", "มานีC++ไป!= ๓", "มะลิอยู่ที่ไหน", "ขาวไปที่สวนดำ"]
    known = [word for text in texts[:3] for word in words(text, 4)]
    assert run(texts=texts[:3], rule=4, known=known)["words"] == [words(text, 4) for text in texts[:3]]
    assert run(texts=texts[3:], rule=4, known=known)["words"] == [["ขาว", "ไป", "ที่", "สวนดำ"]]


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_a_decoders_answer_is_written_as_in_python(rule):
    given = ["New  York, Bonn", "Red box", "red box", "Red box", "カタカナ 厨房", "C++,#1.", "?"]
    vocabulary = build(parse("".join(f"{at} Where?\t{one}\n" for at, one in enumerate(given, 1))), rule=rule)
    said = [[*numbers, 0] for numbers in itertools.permutations(range(1, len(vocabulary.answer_words)), 3)]
    said += [[0], *(vocabulary.encode_answer_words(one) for one in given)]
    plain = dataclasses.asdict(vocabulary)
    answers = run(decoded=[{"vocabulary": plain, "numbers": numbers} for numbers in said])["said"]
    assert answers == list(map(vocabulary.said, said))


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_an_answer_is_right_as_in_python(rule):
    answers = [
        "Fred",
        "fred",
        "Red  box, mat.",
        "red box,mat",
        "red box,",
        "bakery|the bakery",
        "the bakery",
        "bakery.",
        "|",
        "?",
    ]
    pairs = list(itertools.product(answers, answers))
    expected = [parts(answer, rule) in [parts(one, rule) for one in alternatives(gold, rule)] for gold, answer in pairs]
    assert run(pairs=pairs, rule=rule)["right"] == expected
    assert len(answers) < sum(expected) < len(pairs) / 2


@pytest.mark.slow
@pytest.mark.parametrize("config", ["task2.yaml", "weak.yaml", "dmn-plus.yaml", "dmn.yaml", "dmn-decoder.yaml"])
def test_shipped_configs_over_a_thousand_questions(config, tmp_path):
    """Trained for an epoch, on stories made here; equality needs no accuracy."""
    short = ["--set", "train.epochs=1", "--set", "train.gate_epochs=0"]
    made = [*short, "--set", "data.source=generated", "--task", "2", "--run-dir", "run", "--quiet"]
    dmn_in(tmp_path, "train", "--config", config, *made)
    loaded = checkpoints.load(tmp_path / "run" / "checkpoints" / "best.pt")
    [stories] = load_split(loaded.config.data, "test").stories.values()
    network, weights = of_checkpoint(loaded)
    asked = [{"facts": story.facts[: q.facts], "question": q.text} for story in stories for q in story.questions]
    [answered] = run(networks=[{"network": network, "weights": weights, "questions": asked}])["networks"]
    assert len(asked) >= 1000
    loaded.model.eval()
    with torch.no_grad():
        compare(loaded.model, loaded.vocabulary, dataset(loaded.config, loaded.vocabulary, stories), answered["asked"])
