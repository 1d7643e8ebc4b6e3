"""The parameters of a GRU, whose recurrence is in scan."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Packed
from dmn_cli.model.scan import scan


class GRU(nn.Module):
    """A GRU with the equations and the parameter layout of ``torch.nn.GRU``, over packed rows.

    Args:
        input_size: I.
        hidden_size: H.
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias_hh = nn.Parameter(torch.zeros(3 * hidden_size))
        for chunk in (*self.weight_ih.chunk(3), *self.weight_hh.chunk(3)):
            nn.init.xavier_uniform_(chunk)

    def project(self, inputs: Tensor) -> Tensor:
        """The input side of the recurrence, (R, I) → (R, 3H): done once for rows that are used many times."""
        return F.linear(inputs, self.weight_ih, self.bias_ih)

    def forward(
        self,
        projected: Tensor,
        rows: Packed,
        state: Tensor | None = None,
        gate: Tensor | None = None,
        attention: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """States after every row (N, H) and last states (B, H); see ``scan``. Without ``state``, from zero."""
        if state is None:
            state = projected.new_zeros(rows.count, self.weight_hh.shape[1])
        return scan(projected, rows.index, rows.sizes, state, self.weight_hh, self.bias_hh, gate, attention)

    def cell(self, inputs: Tensor, state: Tensor) -> Tensor:
        """One step for every row: inputs (B, I), state (B, H) → (B, H)."""
        each = torch.arange(len(inputs), device=inputs.device)
        return scan(self.project(inputs), each, [len(inputs)], state, self.weight_hh, self.bias_hh)[1]
