"""A look at a run before it is one."""

import torch

from dmn_cli.augment.rename import FORM, Classes
from dmn_cli.config import Config
from dmn_cli.data.batches import collate, order
from dmn_cli.model.extensions.order import Order
from dmn_cli.runs.assembly import flat, prepare
from dmn_cli.splits import OWN, Split
from dmn_cli.training import loop
from dmn_cli.training.build import dataset
from dmn_cli.training.memory import needed, size


def dry_run(config: Config, device: torch.device, threads: int) -> dict[str, str]:
    """Read the data, build the network and make one step; nothing is written.

    Returns:
        what a user wants to see first: data, sizes, and the losses of one step.
    """
    checkpoint, train, valid, changes = prepare(config, device, threads)
    model, vocabulary = checkpoint.model, checkpoint.vocabulary
    stories = flat(train)
    data = dataset(config, vocabulary, stories)
    questions = order(data, config.train.batch_size, 0, config.train.shuffle)[0]
    batch = collate(data, questions).to(device)
    optimizer = loop.optimiser(model, config.train)
    taught = config.train.supervision == "strong"
    loss = model.loss(batch, taught)
    (loss.gates + loss.answers).backward()
    optimizer.clip(config.train.clip)
    optimizer.step()
    gates = f"gates {loss.gates.item():.4f}, " if taught else ""
    sizes = f"{len(questions)} questions, {len(batch.fact_ends)} facts, {len(batch.rows.index)} gates a pass"
    return {
        "training": _count(train),
        "validation": _count(valid),
        "words": f"{len(vocabulary.words)}, {len(vocabulary.answers)} different answers",
        **{f"renamed{_of(task)}": _shown(classes) for task, classes in changes.renamed.items()},
        **({"reordered": _list(changes.reordered)} if config.data.reordered else {}),
        "facts a question": f"{data.facts.double().mean():.1f}, at most {data.facts.max()}",
        "passes": f"at most {checkpoint.decided.passes}",
        **({"gates by order": COUNTS[checkpoint.decided.order]} if config.model.gate == "by-order" else {}),
        "first batch": sizes,
        "memory": f"{size(needed(config, vocabulary, checkpoint.decided, stories, flat(valid)))} at least",
        "device": f"{device}, {checkpoint.threads} threads",
        "first losses": f"{gates}answers {loss.answers.item():.4f}",
        **{name: f"{tuple(weight.shape)}" for name, weight in model.named_parameters()},
        "parameters": f"{sum(weight.numel() for weight in model.parameters()):,}",
    }


COUNTS = {
    Order.LATEST: "of the open ones the latest counts",
    Order.EARLIEST: "of the open ones the earliest counts",
    Order.NONE: "a softmax: later facts override none",
}
"""What the training stories say about the order of gates."""


def _shown(classes: Classes) -> str:
    kinds = (" ".join(member.replace(FORM, "/") for member in kind) for kind in classes)
    return "; ".join(kinds) or "no two words are interchangeable"


def _list(tasks: list[int]) -> str:
    return "; ".join(f"facts{_of(task)}" for task in tasks) or "nothing: the order of facts may say something"


def _of(task: int) -> str:
    return "" if task == OWN else f", task {task}"


def _count(split: Split) -> str:
    stories = flat(split)
    return f"{len(stories)} stories, {sum(len(story.questions) for story in stories)} questions"
