"""Adam: the same steps as PyTorch's, and no compiler to start it."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from dmn_cli.training.adam import Adam


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias, self.weight = nn.Parameter(torch.ones(70)), nn.Parameter(torch.ones(70, 3))
        self.sometimes = nn.Parameter(torch.ones(5, 5))


def pytorchs(net, weight_decay):
    groups = [
        {"params": [net.weight, net.sometimes], "weight_decay": weight_decay},
        {"params": [net.bias], "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=0.1, fused=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_it_steps_as_pytorchs(weight_decay, dtype):
    ours, theirs = Net().to(dtype), Net().to(dtype)
    adam, reference = Adam(ours, 0.1, weight_decay), pytorchs(theirs, weight_decay)
    generator = torch.Generator().manual_seed(0)
    for step in range(6):
        adam.learning_rate = reference.param_groups[0]["lr"] = reference.param_groups[1]["lr"] = 0.1 / (step + 1)
        adam.zero_grad()
        reference.zero_grad()
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            if step % 2 and one is ours.sometimes:
                continue
            one.grad = torch.randn(one.shape, generator=generator, dtype=dtype)
            other.grad = one.grad.clone()
        adam.clip(None)
        adam.step()
        reference.step()
        if step == 3:  # what PyTorch's wrote is gone on from
            adam.load(reference.state_dict()["state"])
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
    for number, state in reference.state_dict()["state"].items():
        for name, value in state.items():
            torch.testing.assert_close(adam.state[number][name], value, rtol=1e-6, atol=1e-7)
    assert adam.state[1]["step"] == 3


@pytest.mark.parametrize("most", [None, 0.5, 1e6])
def test_it_clips_as_pytorchs(most):
    ours, theirs = Net(), Net()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        if one is not ours.sometimes:
            one.grad = torch.randn(one.shape, generator=torch.Generator().manual_seed(0))
            other.grad = one.grad.clone()
    norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), float("inf") if most is None else most)
    adam = Adam(ours, 0.1, 0.0)
    torch.testing.assert_close(adam.clip(most), norm)
    for parameter, found in zip(adam.parameters, adam.places, strict=True):
        wanted = {ours.bias: theirs.bias.grad, ours.weight: theirs.weight.grad}.get(parameter)
        torch.testing.assert_close(found, torch.zeros_like(found) if wanted is None else wanted)
    adam.zero_grad()
    assert ours.bias.grad is None


def test_only_weights_are_decayed():
    net = Net()
    assert dict(zip(Adam(net, 0.1, 0.5).parameters, Adam(net, 0.1, 0.5).decay, strict=True)) == {
        net.weight: 0.5,
        net.sometimes: 0.5,
        net.bias: 0.0,
    }


@pytest.mark.slow
def test_training_imports_no_compiler(tmp_path):
    """Which takes seconds."""
    code = """
import sys
from dmn_cli.cli.app import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
assert "torch" in sys.modules
assert not {"torch._dynamo", "torch._inductor", "sympy"} & sys.modules.keys()
"""
    small = ["--set", "data.questions=40", "--set", "train.epochs=1"]
    command = ["train", "--config", "quickstart.yaml", *small, "--run-dir", str(tmp_path / "run"), "--quiet"]
    subprocess.run([sys.executable, "-c", code, *command], check=True)
