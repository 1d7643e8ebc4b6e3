"""How logits become gates, by the kernel and by the functions for tables, on every path."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmn_cli.batch import Packed
from dmn_cli.data.batches import Packing
from dmn_cli.model.extensions.order import BY_ORDER, Order
from dmn_cli.model.gate import SIGMOID, SOFTMAX

WEIGHTINGS = {
    "sigmoid": SIGMOID,
    "softmax": SOFTMAX,
    "latest": BY_ORDER[Order.LATEST],
    "earliest": BY_ORDER[Order.EARLIEST],
}


def packed(lengths: list[int]) -> Packed:
    lengths = sorted(lengths, reverse=True)
    packing = Packing(torch.zeros(len(lengths), dtype=torch.long), torch.tensor(lengths), 1)
    return packing.split(packing.sequence)[0]


def of_table(weighting, logits, rows):
    log_g = rows.unpadded(weighting.log_g(rows.padded(logits, -torch.inf)))
    return log_g, log_g.exp()


def gradients(function, logits, use):
    """log g, g and the gradient of a random sum of one or both of them."""
    log_g, g = function(logits)
    torch.manual_seed(1)
    parts = [(one * torch.randn(len(one), dtype=torch.float64).to(one.dtype)).sum() for one in (log_g, g)]
    loss = {"both": sum(parts), "log_g": parts[0], "g": parts[1]}[use]
    return [log_g.detach(), g.detach(), *torch.autograd.grad(loss, logits)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=7).filter(any),
    name=st.sampled_from(sorted(WEIGHTINGS)),
    use=st.sampled_from(["both", "log_g", "g"]),
    size=st.sampled_from([1.0, 30.0]),
)
def test_packed_rows_are_weighed_as_a_table_is(path, lengths, name, use, size):
    rows, weighting = packed(lengths), WEIGHTINGS[name]
    torch.manual_seed(0)
    logits = (size * torch.randn(len(rows.index), dtype=torch.float64)).requires_grad_()
    found = gradients(lambda x: weighting(x, rows), logits, use)
    wanted = gradients(lambda x: of_table(weighting, x, rows), logits, use)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_single_precision(path, name):
    rows, weighting = packed([300, 80, 80, 3]), WEIGHTINGS[name]
    single = (5 * torch.randn(len(rows.index))).requires_grad_()
    double = single.detach().double().requires_grad_()
    found = gradients(lambda x: weighting(x, rows), single, "both")
    wanted = gradients(lambda x: of_table(weighting, x, rows), double, "both")
    for one, other in zip(found, wanted, strict=True):
        assert (one - other).abs().max() < 5e-5 * max(1, other.abs().max())  # sums of up to 300 logarithms


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_extreme_values(path, name):
    """Gates that are open or shut for sure; and a number that is none is not lost."""
    rows = packed([4])
    for dtype in (torch.float32, torch.float64):
        logits = torch.tensor([-1e4, 1e4, -1e4, 0.0], dtype=dtype, requires_grad=True)
        log_g, g = WEIGHTINGS[name](logits, rows)
        assert torch.isfinite(log_g).all()
        assert g[[0, 2]].tolist() == [0, 0]
        assert torch.isfinite(torch.autograd.grad(log_g.sum() + g.sum(), logits)[0]).all()
        none = torch.tensor([0.0, torch.nan, 0.0, 0.0], dtype=dtype)
        assert WEIGHTINGS[name](none, rows)[1].isnan().any()
