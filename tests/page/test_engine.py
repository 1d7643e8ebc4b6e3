"""assets/engine.js, run by Node, against PyTorch: every variant of the network, and the splitting into words."""

import inspect
import json
import subprocess
from pathlib import Path
from typing import get_args

import pytest
import torch

import dmn_cli.page
from dmn_cli.config import ModelConfig
from dmn_cli.data.batches import collate, encode
from dmn_cli.data.stories import words
from dmn_cli.model.answer import LinearAnswer
from dmn_cli.model.dmn import DMN
from dmn_cli.model.extensions.order import Order
from dmn_cli.model.network import network
from dmn_cli.page.export import OPTIONS, export
from dmn_cli.training.build import Decided
from tests.model.naive import VARIANTS
from tests.model.test_dmn import STORIES, VOCABULARY, make
from tests.page.tools import needs

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
}
DMN_DEFAULTS = inspect.signature(network).parameters
ASKED = [(story.facts[: question.facts], question.text) for story in STORIES for question in story.questions]

pytestmark = pytest.mark.browser


def run(**given):
    """What the engine makes of ``texts`` and of ``networks`` with their questions; see engine.cjs."""
    command = [needs("node"), str(Path(__file__).with_name("engine.cjs")), str(ENGINE)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def exported(model: DMN, vocabulary, options: dict, questions) -> dict:
    """A network and the questions to put to it, as engine.cjs takes them."""
    decided = Decided(model.memory.passes, options.get("order", Order.LATEST))
    of_network, weights = export({**DEFAULTS, **options}, decided, vocabulary, model.state_dict())
    asked = [{"facts": facts, "question": question} for facts, question in questions]
    return {"network": of_network, "weights": weights, "questions": asked}


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
            if isinstance(model.answer, LinearAnswer):
                answer = vocabulary.answers[said[0]]
            else:
                answer = ",".join(vocabulary.answer_words[word] for word in said if word > 0)
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
        assert seen == set(get_args(ModelConfig.model_fields[key].annotation))
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
    assert run(texts=TEXTS)["words"] == [words(text) for text in TEXTS]
