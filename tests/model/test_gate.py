"""The gate's pairs of fact and vector against a loop over rows, on every path."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dmn_cli.model.fast.gate import gate_logits, pair

ON_EVERY_PATH = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def problem(
    hidden: int,
    units: int,
    facts: int,
    questions: int,
    rows: int,
    bilinear: bool = True,
    per_question: bool = True,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> list[Tensor | None]:
    """Random arguments of ``gate_logits``; the first six are those of ``pair``."""
    torch.manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64).to(dtype).requires_grad_()

    weight = torch.randn(units, 2 * hidden + bilinear, dtype=torch.float64) / hidden**0.5
    return [
        random(facts, hidden),
        random(questions, hidden),
        random(questions, hidden) if bilinear else None,
        torch.randint(facts, (rows,)),
        torch.randint(questions, (rows,)),
        weight.to(dtype).requires_grad_(),
        random(rows, units),
        random(questions, units) if per_question else None,
        random(units),
        random(1),
    ]


def naive_pair(facts, other, bilinear, fact, question, weight) -> Tensor:
    rows = []
    for c, q in zip(fact.tolist(), question.tolist(), strict=True):
        f, v = facts[c], other[q]
        z = [f * v, abs(f - v)]
        if bilinear is not None:
            z.append((f @ bilinear[q])[None])
        rows.append(weight @ torch.cat(z))
    return torch.stack(rows) if rows else weight.new_zeros(0, len(weight))


def naive_pair_with_tables(*p) -> Tensor:
    *vectors, per_fact, per_question = p
    first = naive_pair(*vectors)
    for table, index in ((per_fact, p[3]), (per_question, p[4])):
        if table is not None:
            first = first + torch.stack([table[one] for one in index.tolist()])
    return first


def naive_logits(*p) -> Tensor:
    *vectors, once, per_question, w2, b2 = p
    rows = []
    for number, (first, q) in enumerate(zip(naive_pair(*vectors), p[4].tolist(), strict=True)):
        total = first + once[number]
        if per_question is not None:
            total = total + per_question[q]
        rows.append(w2 @ torch.tanh(total) + b2.squeeze())
    return torch.stack(rows) if rows else w2.new_zeros(0)


FUNCTIONS = {"pair": (pair, naive_pair, 6), "gate_logits": (gate_logits, naive_logits, 10)}


def gradients(function, p) -> list[Tensor]:
    """The result and the gradients of a random sum of it."""
    result = function(*p)
    torch.manual_seed(1)
    leaves = [tensor for tensor in p if tensor is not None and tensor.requires_grad]
    loss = (result * torch.randn(result.shape, dtype=torch.float64).to(result.dtype)).sum()
    return [result.detach(), *torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)]


def assert_same(found: list[Tensor], wanted: list[Tensor], tolerance: float = 1e-10) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@ON_EVERY_PATH
@given(
    hidden=st.integers(1, 40),
    units=st.integers(1, 40),
    facts=st.integers(1, 9),
    questions=st.integers(1, 9),
    rows=st.integers(0, 12),
    bilinear=st.booleans(),
    per_question=st.booleans(),
    name=st.sampled_from(sorted(FUNCTIONS)),
)
def test_values_and_gradients_are_those_of_the_equations(
    path, hidden, units, facts, questions, rows, bilinear, per_question, name
):
    function, naive, count = FUNCTIONS[name]
    p = problem(hidden, units, facts, questions, rows, bilinear, per_question)[:count]
    assert_same(gradients(function, p), gradients(naive, p) if rows else gradients(function, p))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("hidden", "units"), [(80, 80), (17, 33)])
def test_many_rows(path, name, hidden, units):
    """More than are worked on at a time."""
    function, naive, count = FUNCTIONS[name]
    p = problem(hidden, units, 20, 10, 230)[:count]
    assert_same(gradients(function, p), gradients(naive, p))


@pytest.mark.parametrize("tables", [(True, True), (True, False), (False, True)])
def test_tables(path, tables):
    """What is added to all rows of a fact or of a question."""
    p = [*problem(6, 5, 4, 3, 110)[:6], *problem(2, 5, 1, 4, 1)[7:8], *problem(2, 5, 1, 3, 1)[7:8]]
    p[6:] = [table if wanted else None for table, wanted in zip(p[6:], tables, strict=True)]
    assert_same(gradients(pair, p), gradients(naive_pair_with_tables, p))


@pytest.mark.parametrize("bilinear", [True, False])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradcheck(path, name, bilinear):
    function, _, count = FUNCTIONS[name]
    p = problem(3, 2, 3, 2, 5, bilinear)[:count]
    slots = [slot for slot, tensor in enumerate(p) if tensor is not None and tensor.requires_grad]

    def call(*leaves):
        given = dict(zip(slots, leaves, strict=True))
        return function(*(given.get(slot, tensor) for slot, tensor in enumerate(p)))

    torch.autograd.gradcheck(call, [p[slot] for slot in slots])


@pytest.mark.parametrize("hidden", [5, 80, 130])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_single_precision(path, name, hidden):
    function, _, count = FUNCTIONS[name]
    single = problem(hidden, hidden + 1, 30, 20, 150, dtype=torch.float32)[:count]
    double = [
        tensor.detach().double().requires_grad_() if tensor is not None and tensor.is_floating_point() else tensor
        for tensor in single
    ]
    for one, other in zip(gradients(function, single), gradients(function, double), strict=True):
        assert (one - other).abs().max() < 3e-6 * max(1, other.abs().max())


def test_no_slope_between_equals(path):
    """d|x|/dx is 0 at 0: where a fact is the very vector it is compared with."""
    p = problem(6, 4, 1, 1, 3, bilinear=False)
    p[5].data[:, :6] = 0  # leaves |f − v| alone
    same = p[0].detach().clone().requires_grad_()
    for slope in torch.autograd.grad(pair(p[0], same, *p[2:6]).sum(), [p[0], same]):
        assert slope.abs().max() == 0


def test_threads(path):
    """The same bits in every run with so many threads; the same values with another number of threads."""
    p = problem(24, 24, 30, 20, 400, dtype=torch.float32)
    before = torch.get_num_threads()
    results = {}
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results[threads] = gradients(gate_logits, p)
            for one, other in zip(results[threads], gradients(gate_logits, p), strict=True):
                assert torch.equal(one, other)
    finally:
        torch.set_num_threads(before)
    assert_same(results[2], results[1], 2e-5)
    assert_same(results[3], results[1], 2e-5)


def test_layouts_and_parts(path):
    """Arguments that are not contiguous, a gradient that is expanded, few leaves, none at all."""
    p = problem(6, 4, 3, 5, 7)
    wanted = naive_logits(*p)
    strided = [
        tensor.detach().T.contiguous().T if tensor is not None and tensor.dim() == 2 else tensor.detach()
        for tensor in p
    ]
    strided[0].requires_grad_()
    found = gate_logits(*strided)
    assert_same([found], [wanted])
    assert_same([*torch.autograd.grad(found.sum(), strided[0])], [*torch.autograd.grad(wanted.sum(), p[0])])
    with torch.no_grad():
        assert not gate_logits(*strided).requires_grad
    scalar = gate_logits(*p[:-1], p[-1].squeeze())
    assert_same([scalar], [wanted])


def test_wrong_arguments(path):
    for slot in (3, 4):
        for wrong in (5, -6):
            p = problem(6, 4, 5, 5, 7)
            p[slot] = torch.full_like(p[slot], wrong)
            with pytest.raises(IndexError):
                gate_logits(*p)
    p = problem(6, 4, 5, 5, 7)
    with pytest.raises((ValueError, RuntimeError)):
        pair(*p[:5], p[5][:, :-1])
