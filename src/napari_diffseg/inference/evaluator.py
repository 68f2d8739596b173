"""One network call: precision, memory layout, and the ear for Cancel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import torch
from torch import Tensor, nn

from napari_diffseg.errors import CheckpointError


class Interrupted(Exception):
    """Cancel was pressed while the network ran."""


class Evaluator:
    """The network as samplers call it.

    Cancel is looked for before every layer, so it is heard within one layer's time.

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
            module.register_forward_pre_hook(self._listen)

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

    def _listen(self, module: nn.Module, args: Any) -> None:
        if self._cancelled.is_set():
            raise Interrupted


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
