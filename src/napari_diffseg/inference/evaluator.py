"""One network call: precision, memory layout, and the ear for Cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.errors import CheckpointError

_WHOLE_MULTIPLICATIONS = 1e11
"""Of a convolution that is left whole: some 0.8 s on two cores. Slabs cost copies, so only larger ones."""

_SLAB_MULTIPLICATIONS = 3e10
"""Of one slab of a larger one: some 0.3 s."""


class Interrupted(Exception):
    """Cancel was pressed while the network ran."""


class Evaluator:
    """The network as samplers call it.

    Cancel is looked for before every layer with weights, on a CPU also inside large convolutions, so it is
    heard within a second.

    Args:
        network: set for inference.
        device: where it is to run.
        precision: bf16 runs under autocast.
        cancelled: set from any thread.
    """

    def __init__(
        self, network: nn.Module, device: torch.device, precision: torch.dtype, cancelled: Event
    ) -> None:
        self._network = network.to(device)
        self._precision, self._cancelled = precision, cancelled
        for parameter in network.parameters():
            parameter.data = _laid_out(parameter.data)
        for module in network.modules():
            # in the place of `forward`, since modules with hooks take a slower way
            if isinstance(module, nn.Conv3d) and device.type == "cpu":
                module.forward = partial(self._in_slabs, module)  # type: ignore[method-assign]
            elif any(True for _ in module.parameters(recurse=False)):  # the others take next to no time
                module.forward = partial(self._heard, module.forward)

    @torch.inference_mode()
    def __call__(self, x: Tensor, *t: Tensor) -> Tensor:
        """Logits in float32.

        Raises:
            Interrupted: Cancel was pressed.
            CheckpointError: the network gives values that are not numbers.
        """
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._precision == torch.bfloat16):
            out = self._network(_laid_out(x), *t).float()
        if not torch.isfinite(out).all():
            raise CheckpointError(
                "The model gave values that are not numbers. Set Precision to fp32; if it happens again, "
                "the checkpoint is damaged."
            )
        return out

    def _listen(self) -> None:
        if self._cancelled.is_set():
            raise Interrupted

    def _heard(self, forward: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        self._listen()
        return forward(*inputs)

    def _in_slabs(self, conv: nn.Conv3d, x: Tensor) -> Tensor:
        """A convolution some rows of depth at a time, so that Cancel is heard inside a large one."""
        self._listen()
        assert not isinstance(conv.padding, str)
        (kernel, *_), (stride, *_), (padding, *inner) = conv.kernel_size, conv.stride, conv.padding
        depth = (x.shape[2] + 2 * padding - kernel) // stride + 1
        of_a_row = conv.weight.numel() * x[0, 0, 0].numel()
        if of_a_row * depth <= _WHOLE_MULTIPLICATIONS:
            return F.conv3d(x, conv.weight, conv.bias, conv.stride, conv.padding)
        rows = max(1, int(_SLAB_MULTIPLICATIONS / of_a_row))
        out: Tensor | None = None
        for first in range(0, depth, rows):
            self._listen()
            last = min(first + rows, depth)
            low, high = first * stride - padding, (last - 1) * stride - padding + kernel
            slab = x[:, :, max(low, 0) : high]
            ends = (max(-low, 0), max(high - x.shape[2], 0))
            slab = F.pad(slab, (0, 0, 0, 0, *ends)) if any(ends) else slab
            piece = F.conv3d(slab, conv.weight, conv.bias, conv.stride, (0, *inner))
            out = piece.new_empty((*piece.shape[:2], depth, *piece.shape[3:])) if out is None else out
            out[:, :, first:last] = piece
            del slab, piece  # before the next ones are made
        assert out is not None
        return out


def _laid_out(values: Tensor) -> Tensor:
    """Channels last on a GPU; on a CPU that is slower (benchmarks/layout.py)."""
    if values.device.type != "cuda" or values.ndim not in (4, 5):
        return values
    return values.contiguous(
        memory_format=torch.channels_last_3d if values.ndim == 5 else torch.channels_last
    )


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Deterministic kernels inside the block, and the former setting after it."""
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    try:
        if wanted:
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
