"""Adam (arXiv 1412.6980, algorithm 1), with L2 on every weight but the biases.

The arithmetic is PyTorch's fused step, the same bits as ``torch.optim.Adam(fused=True)``. Its class is not used: the
constructor imports PyTorch's compiler, 2 s before the first step.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

MOMENTS = ("exp_avg", "exp_avg_sq")
"""The means of the gradient and of its square, as ``torch.optim.Adam`` calls them."""

BETAS, EPSILON = (0.9, 0.999), 1e-8


@torch.no_grad()
def clip(model: nn.Module, most: float | None) -> Tensor:
    """Scale the gradients of a network down, all alike, if their norm is above ``most``.

    The same bits as ``torch.nn.utils.clip_grad_norm_``, which looks up the device and the type of every gradient.

    Returns:
        () their norm before.
    """
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    if most is not None:
        torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1))
    return norm


class Adam:
    """Adam over the parameters of a network; one without a gradient stays as it is.

    Attributes:
        learning_rate: of the next step.
        parameters: weights first, then biases; a state has their numbers.
        decay: L2 of each of them.
        state: by number: ``step``, the steps made, () float32; and the ``MOMENTS``, of the parameter's shape.
    """

    def __init__(self, model: nn.Module, learning_rate: float, weight_decay: float):
        self.learning_rate = learning_rate
        self.parameters = sorted(model.parameters(), key=lambda parameter: parameter.ndim < 2)
        self.decay = [weight_decay * (parameter.ndim > 1) for parameter in self.parameters]
        self.state = {
            number: {
                "step": torch.zeros((), device=parameter.device),
                **{name: torch.zeros_like(parameter, requires_grad=False) for name in MOMENTS},
            }
            for number, parameter in enumerate(self.parameters)
        }

    def load(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Go on from the state of a checkpoint."""
        for number, of_parameter in self.state.items():
            for name, tensor in of_parameter.items():
                tensor.copy_(state[number][name])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        for decay in sorted(set(self.decay)):
            here = [n for n, p in enumerate(self.parameters) if self.decay[n] == decay and p.grad is not None]
            if not here:
                continue
            steps, means, squares = ([self.state[n][name] for n in here] for name in ("step", *MOMENTS))
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                [self.parameters[n] for n in here],
                [self.parameters[n].grad for n in here],  # type: ignore[misc]
                means,
                squares,
                [],
                steps,
                lr=self.learning_rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
