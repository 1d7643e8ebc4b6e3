"""The GRU that all modules use (arXiv 1506.07285, eq. 1 to 4)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Packed
from dmn_cli.model.fast.scan import scan


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

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        """GRU(x_t, h_{t−1}) of every row: (B, I), (B, H) → (B, H). ``forward`` computes the same, faster.

        z keeps the old state, as in the paper and in ``torch.nn.GRU``; the u of DMN+ is 1 − z.
        """
        x_r, x_z, x_n = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, 1)
        h_r, h_z, h_n = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, 1)
        z = torch.sigmoid(x_z + h_z)  # eq. 1
        r = torch.sigmoid(x_r + h_r)  # eq. 2
        n = torch.tanh(x_n + r * h_n)  # eq. 3
        return (1 - z) * n + z * h  # eq. 4

    def project(self, inputs: Tensor) -> Tensor:
        """The input side of the recurrence, (R, I) → (R, 3H): done once for rows that are used many times."""
        return F.linear(inputs, self.weight_ih, self.bias_ih)

    def forward(
        self,
        projected: Tensor,
        rows: Packed,
        gate: Tensor | None = None,
        attention: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """States after every row (N, H) and last states (B, H), from h_0 = 0; see ``scan``."""
        state = projected.new_zeros(rows.count, self.weight_hh.shape[1])
        return scan(projected, rows.index, rows.sizes, state, self.weight_hh, self.bias_hh, gate, attention)

    def cell(self, inputs: Tensor, state: Tensor) -> Tensor:
        """One step for every row: inputs (B, I), state (B, H) → (B, H)."""
        each = torch.arange(len(inputs), device=inputs.device)
        return scan(self.project(inputs), each, [len(inputs)], state, self.weight_hh, self.bias_hh)[1]
