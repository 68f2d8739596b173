"""Channels-last against contiguous tensors in the bundled network, as a ratio in one run.

python benchmarks/layout.py [--device cuda]

Prints one row per precision: time of a forward pass in channels-last over contiguous, the median of
paired repeats. Above 1, channels-last is slower.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from napari_diffseg.networks.imgx_unet import ImgXUNet, ImgXUNetConfig

REPEATS = 9


def forward_s(network: torch.nn.Module, x: torch.Tensor, t: torch.Tensor, precision: torch.dtype) -> float:
    began = time.perf_counter()
    with torch.inference_mode(), torch.autocast(x.device.type, precision, enabled=precision != torch.float32):
        network(x, t)
    if x.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    contiguous = ImgXUNet(ImgXUNetConfig(widths=(24, 48, 96, 128)), inputs=4, outputs=3).to(device)
    last = ImgXUNet(contiguous.config, inputs=4, outputs=3).to(device)
    last.load_state_dict(contiguous.state_dict())
    last = last.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # torch's stubs lack it
    x, t = torch.randn(1, 4, 40, 56, 40, device=device), torch.rand(1, device=device)
    x_last = x.contiguous(memory_format=torch.channels_last_3d)
    print("precision  channels-last / contiguous")
    for precision in (torch.float32, torch.bfloat16):
        ratios = []
        for _ in range(REPEATS):
            plain = forward_s(contiguous, x, t, precision)
            ratios.append(forward_s(last, x_last, t, precision) / plain)
        print(f"{str(precision).removeprefix('torch.'):9}  {statistics.median(ratios[1:]):.2f}")


if __name__ == "__main__":
    main()
