"""Every path that the recurrence and the gate can take on this machine."""

from collections.abc import Iterator

import pytest
import torch

from dmn_cli.model.fast import kernels


@pytest.fixture(params=kernels.paths())
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    """PyTorch, or the compiled kernels with one instruction set; on one thread, as the oracles are many small steps."""
    before, threads = kernels.active(), torch.get_num_threads()
    torch.set_num_threads(1)
    assert kernels.use(request.param).startswith(request.param)
    yield request.param
    torch.set_num_threads(threads)
    kernels.use(before if before in kernels.LEVELS else "pytorch")
