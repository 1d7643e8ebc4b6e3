"""The factored gate against a loop over rows, pass by pass, on every path."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dmn_cli.batch import Packed
from dmn_cli.model.fast.gate import FactoredGate

ON_EVERY_PATH = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


class Problem(NamedTuple):
    """A gate, and passes over rows of it. Pass k looks at ``kept[k]`` of the rows, all if None."""

    W1: nn.Linear
    W2: nn.Linear
    Wb: Tensor | None
    facts: Tensor
    q: Tensor
    memories: list[Tensor]
    further: list[Tensor | None]
    fact: Tensor
    question: Tensor
    kept: list[Tensor | None]

    def leaves(self) -> list[Tensor]:
        several = [*self.memories, *self.further]
        given = [*self.W1.parameters(), *self.W2.parameters(), self.Wb, self.facts, self.q, *several]
        return [tensor for tensor in given if tensor is not None]


def problem(
    hidden: int = 6,
    units: int = 4,
    facts: int = 5,
    questions: int = 3,
    rows: int = 7,
    *,
    bilinear: bool = True,
    passes: int = 2,
    further: bool = True,
    select: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Problem:
    torch.manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64).to(dtype).requires_grad_()

    kept = [torch.rand(rows) < 0.7 if select and k else None for k in range(passes)]
    kept = [None if one is None else one.nonzero().squeeze(1) for one in kept]
    counts = [rows if one is None else len(one) for one in kept]
    return Problem(
        nn.Linear(7 * hidden + 2 if bilinear else 4 * hidden, units).to(dtype),
        nn.Linear(units, 1).to(dtype),
        random(hidden, hidden) if bilinear else None,
        random(facts, hidden),
        random(questions, hidden),
        [random(questions, hidden) for _ in range(passes)],
        [random(count, units) if further and k else None for k, count in enumerate(counts)],
        torch.randint(facts, (rows,)),
        torch.randint(questions, (rows,)),
        kept,
    )


def packed(fact: Tensor, question: Tensor) -> Packed:
    """Rows as far as the gate looks at them."""
    return Packed(fact, question, fact, fact, [], 0)


def fast(p: Problem) -> list[Tensor]:
    gates = FactoredGate(p.facts, p.q, packed(p.fact, p.question), p.W1, p.W2, p.Wb)
    logits = []
    for m, further, kept in zip(p.memories, p.further, p.kept, strict=True):
        here = gates if kept is None else gates.select(packed(p.fact[kept], p.question[kept]), kept)
        logits.append(here.logits(m, further))
    return logits


def naive(p: Problem) -> list[Tensor]:
    logits = []
    for m_all, further, kept in zip(p.memories, p.further, p.kept, strict=True):
        rows = range(len(p.fact)) if kept is None else kept.tolist()
        values = []
        for number, row in enumerate(rows):
            c, m, q = p.facts[p.fact[row]], m_all[p.question[row]], p.q[p.question[row]]
            z = [c * q, c * m, abs(c - q), abs(c - m)]
            if p.Wb is not None:
                z = [c, m, q, *z, (c @ p.Wb @ q)[None], (c @ p.Wb @ m)[None]]
            first = p.W1.weight @ torch.cat(z) + p.W1.bias
            if further is not None:
                first = first + further[number]
            values.append((p.W2.weight @ torch.tanh(first) + p.W2.bias).squeeze())
        logits.append(torch.stack(values) if values else p.facts.new_zeros(0))
    return logits


def gradients(function, p: Problem) -> list[Tensor]:
    """The logits and the gradients of a random sum of them."""
    found = function(p)
    torch.manual_seed(1)
    loss = torch.stack([(one * torch.randn(len(one), dtype=torch.float64).to(one.dtype)).sum() for one in found]).sum()
    leaves = p.leaves()
    if not loss.requires_grad:
        return found
    return [one.detach() for one in found] + list(
        torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    )


def assert_same(found: list[Tensor], wanted: list[Tensor], tolerance: float = 1e-10) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@ON_EVERY_PATH
@given(
    hidden=st.integers(1, 40),
    units=st.integers(1, 40),
    facts=st.integers(1, 9),
    questions=st.integers(1, 9),
    rows=st.integers(1, 12),
    bilinear=st.booleans(),
    further=st.booleans(),
    select=st.booleans(),
    passes=st.integers(1, 3),
)
def test_values_and_gradients_are_those_of_the_equations(path, **sizes):
    p = problem(**sizes)
    assert_same(gradients(fast, p), gradients(naive, p))


@pytest.mark.parametrize("bilinear", [True, False])
@pytest.mark.parametrize(("hidden", "units"), [(80, 80), (17, 33)])
def test_many_rows(path, bilinear, hidden, units):
    """More than are worked on at a time."""
    p = problem(hidden, units, 20, 10, 230, bilinear=bilinear, select=True)
    assert_same(gradients(fast, p), gradients(naive, p))


def test_no_rows(path):
    p = problem(rows=0)
    found = gradients(fast, p)
    assert [len(one) for one in found[:2]] == [0, 0]
    assert all(one.abs().sum() == 0 for one in found[2:])


@pytest.mark.parametrize("bilinear", [True, False])
def test_gradcheck(path, bilinear):
    p = problem(3, 2, 3, 2, 5, bilinear=bilinear, select=True)
    torch.autograd.gradcheck(lambda *leaves: fast(p), p.leaves())


@pytest.mark.parametrize("hidden", [5, 80, 130])
def test_single_precision(path, hidden):
    single = problem(hidden, hidden + 1, 30, 20, 150, dtype=torch.float32)
    double = problem(hidden, hidden + 1, 30, 20, 150)
    with torch.no_grad():
        for one, other in zip(double.leaves(), single.leaves(), strict=True):
            one.copy_(other)
    for one, other in zip(gradients(fast, single), gradients(fast, double), strict=True):
        assert (one - other).abs().max() < 3e-6 * max(1, other.abs().max())


def test_no_slope_between_equals(path):
    """d|x|/dx is 0 at 0: where a fact is the very vector it is compared with."""
    p = problem(6, 4, 1, 1, 3, bilinear=False, further=False)
    p.W1.weight.data[:, :12] = 0  # leaves |c − q| and |c − m| alone
    same = p._replace(q=p.facts.detach().clone().requires_grad_(), memories=[p.facts.detach().clone().requires_grad_()])
    loss = fast(same._replace(further=[None], kept=[None]))[0].sum()
    for slope in torch.autograd.grad(loss, [same.facts, same.q, *same.memories]):
        assert slope.abs().max() == 0


def test_each_way_back_has_its_own_sums(path):
    """One that goes only a part of the way leaves nothing behind, and neither does one that went all the way."""
    p = problem()
    wanted = gradients(naive, p)
    losses = [one.sum() for one in fast(p)]
    torch.autograd.grad(losses[1], p.memories[1], retain_graph=True)
    logits = fast(p)
    torch.autograd.grad(logits[1].sum(), p.memories[1], retain_graph=True)
    torch.manual_seed(1)
    loss = torch.stack([(one * torch.randn(len(one), dtype=torch.float64)).sum() for one in logits]).sum()
    for _ in range(2):
        found = torch.autograd.grad(loss, p.leaves(), retain_graph=True)
        assert_same(list(found), wanted[2:])


def test_threads(path):
    """The same bits in every run with so many threads; the same values with another number of threads."""
    p = problem(24, 24, 30, 20, 400, dtype=torch.float32)
    before = torch.get_num_threads()
    results = {}
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results[threads] = gradients(fast, p)
            for one, other in zip(results[threads], gradients(fast, p), strict=True):
                assert torch.equal(one, other)
    finally:
        torch.set_num_threads(before)
    assert_same(results[2], results[1], 2e-5)
    assert_same(results[3], results[1], 2e-5)


def test_layouts_and_parts(path):
    """Arguments that are not contiguous, a gradient that is expanded, few leaves, none at all."""
    p = problem(passes=1)
    (wanted,) = naive(p)
    strided = p._replace(
        facts=p.facts.detach().T.contiguous().T.requires_grad_(),
        q=p.q.detach().T.contiguous().T,
        Wb=p.Wb.detach().T.contiguous().T,
        memories=[p.memories[0].detach().T.contiguous().T],
    )
    p.W1.weight.data = p.W1.weight.data.T.contiguous().T
    (found,) = fast(strided)
    assert_same([found], [wanted])
    assert_same([*torch.autograd.grad(found.sum(), strided.facts)], [*torch.autograd.grad(wanted.sum(), p.facts)])
    with torch.no_grad():
        assert not fast(strided)[0].requires_grad


def test_wrong_arguments(path):
    p = problem(facts=5, questions=5)
    for wrong in (5, -6):
        for changed in ({"fact": torch.full_like(p.fact, wrong)}, {"question": torch.full_like(p.question, wrong)}):
            with pytest.raises(IndexError):
                fast(p._replace(**changed))
    with pytest.raises((ValueError, RuntimeError)):
        fast(p._replace(further=[p.further[1][:-1]] * 2))
