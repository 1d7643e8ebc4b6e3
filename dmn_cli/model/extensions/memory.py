"""Memory updates that keep the names of what was found: they start as m + e. Products compare e with q and m."""

import torch
from torch import Tensor, nn

from dmn_cli.model.gate import Gate


class LinearMemory(nn.Module):
    """m^k = W_k [m^{k−1}; e^k; q] + b_k, which starts as m + e.

    So every pass looks for facts that share words with the question and the facts found before from the first step
    on, as the memory network of arXiv 1503.08895 (eq. 1, 4) does.

    Args:
        hidden_size: H.
        layers: P, one for each pass; or 1, the same W in all passes.
    """

    def __init__(self, hidden_size: int, layers: int):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3 * hidden_size, hidden_size) for _ in range(layers))
        identity = torch.eye(hidden_size)
        with torch.no_grad():
            for layer in self.layers:
                assert isinstance(layer, nn.Linear)
                layer.weight.copy_(torch.cat([identity, identity, torch.zeros(hidden_size, hidden_size)], 1))
                layer.bias.zero_()

    @torch.no_grad()
    def start(self, gate: Gate) -> None:
        """Start the gate with c · q and c · m for its bilinear terms, up to a factor: with what the sum keeps."""
        if gate.Wb is not None:
            gate.Wb.copy_(torch.eye(len(gate.Wb)) / len(gate.Wb))

    def forward(self, k: int, m: Tensor, e: Tensor, q: Tensor) -> Tensor:
        """m^k (Q, H) from the number of the pass (from 0), m^{k−1}, e^k and q, (Q, H) each."""
        updated: Tensor = self.layers[k % len(self.layers)](torch.cat([m, e, q], 1))
        return updated


class Products(nn.Module):
    """An update over p = tanh(W [e; e∘q; e∘m; |e−q|; |e−m|] + b): e, compared with q and m element by element.

    Args:
        hidden_size: H.
        update: takes p in place of e.
        added: it takes e + p: a linear update, since e itself is what the next gate matches.
    """

    def __init__(self, products: nn.Linear, update: nn.Module, *, added: bool):
        super().__init__()
        self.products, self.update, self.added = products, update, added

    def forward(self, k: int, m: Tensor, e: Tensor, q: Tensor) -> Tensor:
        """m^k (Q, H) from the number of the pass (from 0), m^{k−1}, e^k and q, (Q, H) each."""
        features = torch.cat([e, e * q, e * m, (e - q).abs(), (e - m).abs()], 1)
        p = torch.tanh(self.products(features))
        updated: Tensor = self.update(k, m, e + p if self.added else p, q)
        return updated
