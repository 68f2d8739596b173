"""The gradient of a convolution in bfloat16 on a CPU, on volumes of few layers."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from napari_diffseg.networks.convolution import convolution


@pytest.mark.parametrize("space", [(2, 2, 2), (2, 5, 4), (4, 2, 2), (1, 3, 3)], ids=str)
def test_a_gradient_in_bfloat16_is_that_of_float32_but_for_rounding(space):
    torch.manual_seed(0)
    layer = convolution(3)(16, 16, kernel_size=3, padding=1)
    x = torch.randn(16, 16, *space)
    pull = torch.randn(16, 16, *space)
    expected = torch.autograd.grad(
        (F.conv3d(x, layer.weight, layer.bias, padding=1) * pull).sum(), layer.weight
    )
    _leave_huge_numbers_in_memory()

    with torch.autocast("cpu", torch.bfloat16):
        found = torch.autograd.grad((layer(x).float() * pull).sum(), layer.weight)

    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02 * float(expected[0].abs().max()))


def _leave_huge_numbers_in_memory() -> None:
    """In blocks of many sizes, which the next tensors are given unwritten."""
    for size in (2**power for power in range(8, 20)):
        torch.full((size,), 1e30)
