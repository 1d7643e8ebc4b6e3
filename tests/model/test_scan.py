"""The recurrence against a loop over sequences and steps, on every path."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dmn_cli.model.fast.scan import scan

ON_EVERY_PATH = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


class Problem(NamedTuple):
    """Arguments of ``scan``."""

    inputs: Tensor
    index: Tensor
    sizes: list[int]
    state: Tensor
    weight: Tensor
    bias: Tensor
    gate: Tensor | None
    attention: bool

    def leaves(self) -> list[Tensor]:
        return [tensor for tensor in self if isinstance(tensor, Tensor) and tensor.requires_grad]

    def to(self, dtype: torch.dtype) -> "Problem":
        def cast(field):
            if not isinstance(field, Tensor) or not field.is_floating_point():
                return field
            return field.detach().to(dtype).requires_grad_()

        return Problem(*(cast(field) for field in self))


def problem(hidden: int, lengths: list[int], rows: int, kind: str, seed: int = 0) -> Problem:
    """Random arguments; ``kind`` is "plain", "gate" or "attention"."""
    torch.manual_seed(seed)
    lengths = sorted(lengths, reverse=True)
    sizes = [sum(length > step for length in lengths) for step in range(lengths[0])]
    count = sum(sizes)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64).requires_grad_()

    return Problem(
        inputs=random(rows, 3 * hidden),
        index=torch.randint(rows, (count,)),
        sizes=sizes,
        state=random(len(lengths), hidden),
        weight=(torch.randn(3 * hidden, hidden, dtype=torch.float64) / hidden**0.5).requires_grad_(),
        bias=random(3 * hidden),
        gate=None if kind == "plain" else torch.rand(count, dtype=torch.float64).requires_grad_(),
        attention=kind == "attention",
    )


def naive(p: Problem) -> tuple[Tensor, Tensor]:
    """The equations, for one sequence after the other."""
    starts = [sum(p.sizes[:step]) for step in range(len(p.sizes))]
    states: dict[int, Tensor] = {}
    last = []
    u_r, u_z, u_n = p.weight.chunk(3)
    b_r, b_z, b_n = p.bias.chunk(3)
    for sequence, h in enumerate(p.state):
        for step, size in enumerate(p.sizes):
            if sequence >= size:
                break
            row = starts[step] + sequence
            x_r, x_z, x_n = p.inputs[p.index[row]].chunk(3)
            r = torch.sigmoid(x_r + u_r @ h + b_r)
            z = torch.sigmoid(x_z + u_z @ h + b_z)
            n = torch.tanh(x_n + r * (u_n @ h + b_n))
            new = (1 - z) * n + z * h
            if p.gate is not None:
                g = p.gate[row]
                new = g * (n if p.attention else new) + (1 - g) * h
            states[row] = h = new
        last.append(h)
    empty = p.state.new_empty(0, p.state.shape[1])
    return torch.stack([states[row] for row in sorted(states)]) if states else empty, torch.stack(last)


def gradients(p: Problem, function, use: str = "both") -> list[Tensor]:
    """States, last states and the gradients of a random sum of one or both of them."""
    states, last = function(p) if function is naive else function(*p)
    torch.manual_seed(1)
    weights = [torch.randn(given.shape, dtype=torch.float64).to(given.dtype) for given in (states, last)]
    loss = last.new_zeros(())
    if use != "last":
        loss = loss + (states * weights[0]).sum()
    if use != "states":
        loss = loss + (last * weights[1]).sum()
    grads = torch.autograd.grad(loss, p.leaves(), allow_unused=True, materialize_grads=True)
    return [states.detach(), last.detach(), *grads]


def assert_same(found: list[Tensor], wanted: list[Tensor], tolerance: float = 1e-10) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@ON_EVERY_PATH
@given(
    hidden=st.integers(1, 40),
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=7),
    rows=st.integers(1, 9),
    kind=st.sampled_from(["plain", "gate", "attention"]),
    use=st.sampled_from(["both", "states", "last"]),
    seed=st.integers(0, 99),
)
def test_values_and_gradients_are_those_of_the_equations(path, hidden, lengths, rows, kind, use, seed):
    if use == "states" and max(lengths) == 0:
        use = "both"
    p = problem(hidden, lengths, rows, kind, seed)
    assert_same(gradients(p, scan, use), gradients(p, naive, use))


@pytest.mark.parametrize("kind", ["plain", "gate", "attention"])
def test_gradcheck(path, kind):
    p = problem(3, [3, 1, 0], 2, kind)
    torch.autograd.gradcheck(
        lambda inputs, state, weight, bias, *gate: scan(
            inputs, p.index, p.sizes, state, weight, bias, *gate, attention=p.attention
        ),
        p.leaves(),
    )


@pytest.mark.parametrize("hidden", [8, 80, 100])
def test_the_same_as_torch(path, hidden):
    """Many rows a step, and more in all than are worked on at a time."""
    p = problem(hidden, [5, *[4] * 60, *[1] * 70], 30, "plain")
    gru = torch.nn.GRU(1, hidden).double()
    gru.weight_hh_l0.data, gru.bias_hh_l0.data = p.weight.data, p.bias.data
    padded = torch.zeros(5, 131, 3 * hidden, dtype=torch.float64)
    packed = torch.nn.utils.rnn.pack_padded_sequence(padded, torch.tensor([5, *[4] * 60, *[1] * 70]))
    gru.weight_ih_l0.data, gru.bias_ih_l0.data = torch.zeros(3 * hidden, 1).double(), torch.zeros(3 * hidden).double()
    no_input = packed._replace(data=torch.zeros(len(packed.data), 1, dtype=torch.float64))
    states, last = gru(no_input, p.state[None].detach())
    p = p._replace(inputs=torch.zeros(30, 3 * hidden, dtype=torch.float64).requires_grad_())
    found = scan(*p)
    assert_same([*found], [states.data, last[0]])

    wanted = torch.autograd.grad(states.data.square().sum() + last.sum(), [gru.weight_hh_l0, gru.bias_hh_l0])
    loss = found[0].square().sum() + found[1].sum()
    assert_same([*torch.autograd.grad(loss, [p.weight, p.bias])], [*wanted], 1e-9)


@pytest.mark.parametrize("kind", ["plain", "gate", "attention"])
@pytest.mark.parametrize("hidden", [5, 80, 130])
def test_single_precision(path, hidden, kind):
    p = problem(hidden, [9, *[7] * 30, *[3] * 40], 50, kind)
    single = gradients(p.to(torch.float32), scan)
    double = gradients(p.to(torch.float32).to(torch.float64), scan)
    for one, other in zip(single, double, strict=True):
        assert (one - other).abs().max() < 3e-6 * max(1, other.abs().max())


@pytest.mark.parametrize("kind", ["plain", "gate"])
def test_threads(path, kind):
    """The same bits in every run with so many threads; the same values with another number of threads."""
    p = problem(24, [30, *[12] * 30, *[2] * 20], 40, kind).to(torch.float32)
    before = torch.get_num_threads()
    results = {}
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results[threads] = gradients(p, scan)
            for one, other in zip(results[threads], gradients(p, scan), strict=True):
                assert torch.equal(one, other)
    finally:
        torch.set_num_threads(before)
    assert_same(results[2], results[1], 2e-5)
    assert_same(results[3], results[1], 2e-5)


def test_no_steps(path):
    p = problem(4, [0, 0], 3, "gate")
    states, last = scan(*p)
    assert states.shape == (0, 4)
    assert torch.equal(last, p.state)
    grads = torch.autograd.grad(last.sum(), p.leaves())
    assert [grad.abs().sum().item() for grad in grads] == [0, 8, 0, 0, 0]


def test_extreme_values(path):
    """Saturated gates are 0 or 1, and a number that is none is not lost, so that training stops on it."""
    for dtype in (torch.float32, torch.float64):
        p = problem(20, [3, 2], 4, "plain").to(dtype)
        large = p._replace(inputs=torch.full_like(p.inputs, 1e30).detach())
        assert torch.allclose(scan(*large)[1], p.state, atol=1e-6)  # z = 1
        large.inputs[:, 20:40] = -torch.inf
        assert torch.allclose(scan(*large)[1], torch.ones_like(p.state), atol=1e-6)  # z = 0, n = 1
        large.inputs[:, 40:] = -1e30
        assert torch.allclose(scan(*large)[1], -torch.ones_like(p.state), atol=1e-6)
        large.inputs[:, 40:] = torch.nan
        assert scan(*large)[1].isnan().all()


def test_layouts_and_parts(path):
    """Arguments that are not contiguous, gradients that are expanded, sizes as a tensor, few leaves."""
    p = problem(6, [4, 2, 2], 5, "gate")
    wanted = gradients(p, naive)[:2]
    strided = p._replace(
        inputs=p.inputs.detach().T.contiguous().T,
        index=torch.stack([p.index, p.index], 1)[:, 0],
        sizes=torch.tensor([*p.sizes, 0]),
        weight=p.weight.detach().T.contiguous().T.requires_grad_(),
        gate=p.gate[:, None].expand(-1, 2)[:, 1].detach(),
        state=p.state.detach(),
        bias=p.bias.detach(),
    )
    states, last = scan(*strided)
    assert_same([states, last], wanted)
    (found,) = torch.autograd.grad(states.sum() + last.sum(), [strided.weight])
    states, last = naive(p)
    assert_same([found], [torch.autograd.grad(states.sum() + last.sum(), p.weight)[0]])
    with torch.no_grad():
        assert_same([*scan(*strided)], wanted)
        assert not scan(*strided)[0].requires_grad


def test_wrong_arguments(path):
    p = problem(4, [3, 2], 5, "plain")
    for sizes in ([2, 2], [2, 2, 2], [1, 2, 2], [3, 1, 1]):
        with pytest.raises(ValueError, match="sizes"):
            scan(*p._replace(sizes=sizes))
    with pytest.raises(ValueError, match="gate"):
        scan(*p._replace(attention=True))
    for index in (torch.full_like(p.index, 5), torch.full_like(p.index, -6)):
        with pytest.raises(IndexError):
            scan(*p._replace(index=index))
    with pytest.raises((ValueError, RuntimeError)):
        scan(*p._replace(weight=p.weight[:-1]))
