"""Products of an episode with question and memory as one step of autograd's: in a small batch, steps take the time."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def products(e: Tensor, q: Tensor, m: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """tanh(W [e; e∘q; e∘m; |e−q|; |e−m|] + b): e, q, m (Q, H), weight (H, 5H), bias (H,) → (Q, H).

    The derivative of |x| at 0 is 0.
    """
    p: Tensor = _Products.apply(e, q, m, weight, bias)  # type: ignore[no-untyped-call]
    return p


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, e: Tensor, q: Tensor, m: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        features = torch.cat([e, e * q, e * m, (e - q).abs_(), (e - m).abs_()], 1)
        p = torch.addmm(bias, features, weight.T).tanh_()
        ctx.save_for_backward(e, q, m, weight, features, p)
        return p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_p: Tensor) -> tuple[Tensor, ...]:
        e, q, m, weight, features, p = ctx.saved_tensors
        d = d_p * (1 - p * p)
        d_e, d_eq, d_em, d_difference_q, d_difference_m = (d @ weight).chunk(5, 1)
        by_q, by_m = d_difference_q * (e - q).sign_(), d_difference_m * (e - m).sign_()
        d_e = torch.addcmul(d_e, d_eq, q).addcmul_(d_em, m).add_(by_q).add_(by_m)
        return d_e, torch.addcmul(-by_q, d_eq, e), torch.addcmul(-by_m, d_em, e), d.T @ features, d.sum(0)
