"""From logits to gates, for packed rows: by a compiled kernel without a table that is padded."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dmn_cli.batch import Packed
from dmn_cli.model.fast import kernels


def weigh(
    of_table: Callable[[Tensor], Tensor], kernel: int | None, logits: Tensor, rows: Packed
) -> tuple[Tensor, Tensor]:
    """The logarithm of what each row counts, and what it counts, (N,) each.

    Args:
        of_table: says it for a table of logits (A, T), −∞ where there is no fact.
        kernel: one of kernels.WEIGHINGS that computes the same; or None.
        logits: (N,).
        rows: the facts of each question.
    """
    if kernel is not None and kernels.usable(logits):
        both: tuple[Tensor, Tensor] = _Weigh.apply(kernel, logits, rows)  # type: ignore[no-untyped-call]
        return both
    log_g = rows.unpadded(of_table(rows.padded(logits, -torch.inf)))
    return log_g, log_g.exp()


class _Weigh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernel: int, logits: Tensor, rows: Packed) -> tuple[Tensor, Tensor]:
        log_g, g = kernels.weigh_forward(kernel, logits.contiguous(), rows.sizes, rows.count)
        ctx.save_for_backward(logits, g)
        ctx.kernel, ctx.rows = kernel, rows
        ctx.set_materialize_grads(False)
        return log_g, g

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_log_g: Tensor | None, d_g: Tensor | None) -> tuple[None, Tensor, None]:
        logits, g = ctx.saved_tensors
        return None, kernels.weigh_backward(ctx.kernel, logits, ctx.rows.sizes, ctx.rows.count, g, d_log_g, d_g), None
