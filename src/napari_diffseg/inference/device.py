"""Which device, which precision, and how much memory is free there."""

from __future__ import annotations

import psutil
import torch

from napari_diffseg.errors import SettingsError
from napari_diffseg.results.options import SamplingOptions

GIB = 2**30


def choose_device(options: SamplingOptions) -> torch.device:
    """The device asked for; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        SettingsError: the device asked for is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if options.device == "auto":
        return torch.device(next(name for name, present in there.items() if present))
    if not there[options.device]:
        raise SettingsError(
            f"The device “{options.device}” was asked for, and torch finds none on this machine. "
            "Choose “auto” or “cpu”."
        )
    return torch.device(options.device)


def choose_precision(options: SamplingOptions, device: torch.device) -> torch.dtype:
    """bf16 where the hardware has it, otherwise fp32; always fp32 when reproducible or on MPS."""
    if options.reproducible or device.type == "mps" or options.precision == "fp32":
        return torch.float32
    if options.precision == "bf16" or _has_bf16(device):
        return torch.bfloat16
    return torch.float32


def free_gib(device: torch.device) -> float:
    """Memory that is free on the device now."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0]) / GIB
    return float(psutil.virtual_memory().available) / GIB


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
