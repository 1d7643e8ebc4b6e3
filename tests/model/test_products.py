"""The products of the memory update against their equation."""

import torch

from dmn_cli.model.fast.products import products


def naive(e, q, m, weight, bias):
    return torch.tanh(torch.cat([e, e * q, e * m, (e - q).abs(), (e - m).abs()], 1) @ weight.T + bias)


def test_values_and_gradients():
    torch.manual_seed(0)
    given = [torch.randn(*shape, dtype=torch.float64) for shape in ((7, 5), (7, 5), (7, 5), (5, 25), (5,))]
    given[1][0] = given[0][0]  # no slope between equals
    leaves = [tensor.requires_grad_() for tensor in given]
    weights = torch.randn(7, 5, dtype=torch.float64)
    found, wanted = ([p, *torch.autograd.grad((p * weights).sum(), leaves)] for p in (products(*given), naive(*given)))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    given[1].data[0] += 1
    torch.autograd.gradcheck(products, leaves)
