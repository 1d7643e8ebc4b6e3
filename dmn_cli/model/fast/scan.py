"""The gated recurrence: a GRU over packed rows, plain, gated (the DMN's episode) or as DMN+'s attention GRU."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dmn_cli.model.fast import kernels


def scan(
    inputs: Tensor,
    index: Tensor,
    sizes: Sequence[int] | Tensor,
    state: Tensor,
    weight: Tensor,
    bias: Tensor,
    gate: Tensor | None = None,
    attention: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run a GRU over sequences packed by time; step t owns the next ``sizes[t]`` rows, row i belongs to sequence i.

    With x = inputs[index] in three chunks (reset, update, new: the order of ``torch.nn.GRU``) and U = weight::

        r = σ(x_r + U_r h + b_r)    z = σ(x_z + U_z h + b_z)    n = tanh(x_n + r ∘ (U_n h + b_n))
        h' = (1 − z) ∘ n + z ∘ h                    without a gate
        h' = g ((1 − z) ∘ n + z ∘ h) + (1 − g) h    with a gate: the episode of the DMN (arXiv 1506.07285, §2.3)
        h' = g n + (1 − g) h                        with attention: the attention GRU of DMN+ (arXiv 1603.01417, eq. 12)

    The cost is linear in N: only active sequences are computed; the weight's gradient is one product after the loop.

    Args:
        inputs: (R, 3H) table of projected inputs, W x + b of the input side; a row may be used many times.
        index: (N,) int64, the table's row of every packed row, time-major.
        sizes: the number of sequences still active at each step, never increasing; their sum is N.
        state: (B, H) start states, B ≥ sizes[0]; sequences are sorted by length, the longest first.
        weight: (3H, H).
        bias: (3H,).
        gate: (N,) gates g, or None.
        attention: the gate replaces the update gate; wants ``gate``.

    Returns:
        The state after every packed row (N, H), and the last state of every sequence (B, H).

    Raises:
        ValueError: if the sizes do not fit the rows or the sequences.
    """
    sizes = [size for size in (sizes.tolist() if isinstance(sizes, Tensor) else sizes) if size > 0]
    rows, sequences = index.shape[0], state.shape[0]
    if sum(sizes) != rows or sizes != sorted(sizes, reverse=True) or (sizes and sizes[0] > sequences):
        raise ValueError(f"sizes must never increase, sum to {rows} rows and stay within {sequences} sequences")
    if attention and gate is None:
        raise ValueError("the attention GRU needs a gate")
    given = [tensor for tensor in (inputs, state, weight, bias, gate) if tensor is not None]
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    states, last = _Scan.apply(inputs, index, sizes, state, weight, bias, gate, attention, keep)  # type: ignore[no-untyped-call]
    return states, last


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *args: Any) -> tuple[Tensor, Tensor]:
        inputs, index, sizes, state, weight, bias, gate, attention, keep = args
        ctx.compiled = kernels.usable(inputs, state, weight, bias, gate)
        states, last, saved = (kernels.scan_forward if ctx.compiled else _forward)(*args)
        if keep:
            ctx.save_for_backward(index, state, weight, gate, states, saved)
            ctx.table, ctx.sizes, ctx.attention = inputs.shape[0], sizes, attention
        ctx.set_materialize_grads(False)
        return states, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor | None, d_last: Tensor | None) -> tuple[Any, ...]:
        index, state, weight, gate, states, saved = ctx.saved_tensors
        d_inputs, d_state, d_weight, d_bias, d_gate = (kernels.scan_backward if ctx.compiled else _backward)(
            ctx.table, index, ctx.sizes, state, weight, gate, ctx.attention, states, saved, d_states, d_last
        )
        return d_inputs, None, None, d_state, d_weight, d_bias, d_gate, None, None


def _forward(
    inputs: Tensor,
    index: Tensor,
    sizes: list[int],
    state: Tensor,
    weight: Tensor,
    bias: Tensor,
    gate: Tensor | None,
    attention: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """States, last states, and for the backward pass r, z, U_n h + b_n and n of every row (N, 4H)."""
    hidden = state.shape[1]
    x_N3H = inputs[index]
    rzmn_N4H = state.new_empty(x_N3H.shape[0], 4 * hidden)
    states = state.new_empty(x_N3H.shape[0], hidden)
    last = state.clone()
    h, weight_t = state, weight.T
    gates = torch.split(gate[:, None], sizes) if gate is not None else [None] * len(sizes)
    steps = zip(sizes, *(torch.split(rows, sizes) for rows in (x_N3H, rzmn_N4H, states)), gates, strict=True)
    for size, x, saved, new, g in steps:
        h = h[:size]
        u = saved[:, : 3 * hidden]
        torch.addmm(bias, h, weight_t, out=u)
        rz, m, n = u[:, : 2 * hidden], u[:, 2 * hidden :], saved[:, 3 * hidden :]
        rz.add_(x[:, : 2 * hidden]).sigmoid_()
        torch.addcmul(x[:, 2 * hidden :], rz[:, :hidden], m, out=n)
        n.tanh_()
        if g is None:
            torch.lerp(n, h, rz[:, hidden:], out=new)  # (1 − z) n + z h
        else:
            torch.lerp(h, n if attention else torch.lerp(n, h, rz[:, hidden:]), g, out=new)
        last[:size] = h = new
    return states, last, rzmn_N4H


def _backward(
    table: int,
    index: Tensor,
    sizes: list[int],
    state: Tensor,
    weight: Tensor,
    gate: Tensor | None,
    attention: bool,
    states: Tensor,
    saved: Tensor,
    d_states: Tensor | None,
    d_last: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients of inputs, state, weight, bias and gate.

    All that does not depend on the gradient d of a state is computed for all rows at once; with it, a step backwards is
    d' = d ∘ keep + (d ∘ [∂r, ∂z, ∂m]) U, where ∂r, ∂z, ∂m are the derivatives by the three pre-activations.
    """
    hidden = state.shape[1]
    r, z, m, n = saved.chunk(4, 1)
    steps = torch.split(states, sizes)
    before = torch.cat([h[:size] for h, size in zip((state, *steps[:-1]), sizes, strict=True)]) if sizes else states
    g = gate[:, None] if gate is not None else None
    slope = (1 - n * n) if attention else (1 - z) * (1 - n * n)
    if g is not None:
        slope = g * slope
    coefficients = torch.empty_like(saved)  # the last chunk, ∂n, differs from ∂m as the input is not behind r
    by_r, by_z, by_m, by_n = coefficients.chunk(4, 1)
    by_n.copy_(slope)
    torch.mul(slope, r, out=by_m)
    torch.mul(by_m, m * (1 - r), out=by_r)
    if attention and g is not None:
        by_z.zero_()
        keep = (1 - g).expand_as(n)
    else:
        torch.mul(before - n, z * (1 - z), out=by_z)
        keep = z
        if g is not None:
            by_z.mul_(g)
            keep = 1 + g * (z - 1)
    coefficients_N4H = coefficients.view(-1, 4, hidden)

    d = torch.zeros_like(state) if d_last is None else d_last.clone()
    d_rows = torch.empty_like(states)
    d_outs = torch.split(d_states, sizes) if d_states is not None else [None] * len(sizes)
    loop = zip(
        sizes,
        d_outs,
        torch.split(d_rows, sizes),
        torch.split(keep, sizes),
        torch.split(coefficients_N4H, sizes),
        strict=True,
    )
    for size, d_out, d_row, kept, coefficient in reversed(list(loop)):
        d_t = d[:size]
        if d_out is not None:
            d_t.add_(d_out)
        d_row.copy_(d_t)
        coefficient.mul_(d_t[:, None])
        d_t.mul_(kept).addmm_(coefficient[:, :3].flatten(1), weight)

    d_U = coefficients[:, : 3 * hidden]
    d_gate = None
    if gate is not None:
        d_gate = (d_rows * (n - before) * (1 if attention else 1 - z)).sum(1)
    d_x = torch.cat([coefficients[:, : 2 * hidden], by_n], 1)
    d_inputs = states.new_zeros(table, 3 * hidden).index_add_(0, index, d_x)
    return d_inputs, d, d_U.T @ before, d_U.sum(0), d_gate
