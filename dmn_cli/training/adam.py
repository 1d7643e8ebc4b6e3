"""Adam (arXiv 1412.6980, algorithm 1), with L2 on every weight but the biases.

The arithmetic is PyTorch's fused step, that of ``torch.optim.Adam(fused=True)``. Its class is not used: the constructor
imports PyTorch's compiler, 2 s before the first step. And here the whole network is one vector, of which its parameters
are views: a call takes longer than what it does to a bias.
"""

from collections.abc import Mapping
from itertools import accumulate, groupby, pairwise

import torch
from torch import Tensor, nn

MOMENTS = ("exp_avg", "exp_avg_sq")
"""The means of the gradient and of its square, as ``torch.optim.Adam`` calls them."""

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Adam:
    """Adam over the parameters of a network; one without a gradient stays as it is.

    From then on they are views of ``values``.

    Attributes:
        learning_rate: of the next step.
        parameters: weights first, then biases; a state has their numbers.
        decay: L2 of each of them.
        values, gradients: (W,) of all parameters, one after the other; gradients as ``clip`` found and scaled them.
        state: by number: ``step``, the steps made, () float32; and the ``MOMENTS``, of the parameter's shape.
    """

    def __init__(self, model: nn.Module, learning_rate: float, weight_decay: float):
        self.learning_rate = learning_rate
        self.parameters = sorted(model.parameters(), key=lambda parameter: parameter.ndim < 2)
        self.decay = [weight_decay * (parameter.ndim > 1) for parameter in self.parameters]
        self.ends = [0, *accumulate(parameter.numel() for parameter in self.parameters)]
        self.values = torch.cat([parameter.detach().flatten() for parameter in self.parameters])
        self.gradients, *self.moments = (torch.zeros_like(self.values) for _ in ("gradients", *MOMENTS))
        for parameter, view in zip(self.parameters, self._views(self.values), strict=True):
            parameter.data = view
        self.places = self._views(self.gradients)
        self.has_gradient = [False] * len(self.parameters)
        self.made = [0] * len(self.parameters)
        self.steps = torch.zeros(len(self.parameters), device=self.values.device)
        columns = self.steps, *map(self._views, self.moments)
        self.state = {
            n: dict(zip(("step", *MOMENTS), views, strict=True)) for n, views in enumerate(zip(*columns, strict=True))
        }

    def _views(self, flat: Tensor) -> list[Tensor]:
        places = zip(pairwise(self.ends), self.parameters, strict=True)
        return [flat[start:end].view(parameter.shape) for (start, end), parameter in places]

    def load(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Go on from the state of a checkpoint."""
        for number, of_parameter in self.state.items():
            for name, tensor in of_parameter.items():
                tensor.copy_(state[number][name])
            self.made[number] = int(of_parameter["step"])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def clip(self, most: float | None) -> Tensor:
        """Take the gradients of the parameters, and scale them down, all alike, if their norm is above ``most``.

        Returns:
            () their norm before.
        """
        found = [parameter.grad for parameter in self.parameters]
        self.has_gradient = [gradient is not None for gradient in found]
        if not all(self.has_gradient):
            self.gradients.zero_()
        pairs = [(place, gradient) for place, gradient in zip(self.places, found, strict=True) if gradient is not None]
        torch._foreach_copy_([place for place, _ in pairs], [gradient for _, gradient in pairs])
        norm: Tensor = torch.linalg.vector_norm(self.gradients)
        if most is not None:
            self.gradients.mul_((most / (norm + 1e-6)).clamp(max=1))
        return norm

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by the gradients that ``clip`` took."""
        alike = list(zip(self.has_gradient, self.decay, self.made, strict=True))
        for (has_gradient, decay, made), group in groupby(range(len(alike)), key=alike.__getitem__):
            if not has_gradient:
                continue
            numbers = list(group)
            here = slice(self.ends[numbers[0]], self.ends[numbers[-1] + 1])
            self.steps[numbers[0] : numbers[-1] + 1] += 1
            torch._fused_adam_(
                [self.values[here]],
                [self.gradients[here]],
                [self.moments[0][here]],
                [self.moments[1][here]],
                [],
                [self.steps[numbers[0]]],
                lr=self.learning_rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
            for number in numbers:
                self.made[number] = made + 1
