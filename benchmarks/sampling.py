"""Time and memory of every method at its paper's network, ours against the plainest torch code of the same.

python benchmarks/sampling.py [--device cuda] [--busy] [--only ensemdiff]

Ours is what a run does: the network through the engine's Evaluator in fp32, three steps through the
method's sampler. The plain code is that of benchmarks/plain.py, on the same weights and noise; both give the
same numbers, or this stops. A row a method: ours over plain, the median of pairs taken in turn (first
ours, then plain, then the other way round) in three fresh processes, since equal work differs by some 4 %
from one process to the next with where its memory comes to lie, and our own seconds and MiB beside it.
Sizes are items of one call (slices or a volume) × the paper's size, of volumes on a CPU a part of it.
Memory is the most that was alive at once without weights and inputs: on a CPU in tensors, on a GPU as
its allocator counts.
--busy: one thread, and the process's time instead of the clock's, for a machine with other work to do.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from threading import Event

import plain
import torch
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.inference.evaluator import Evaluator
from napari_diffseg.inference.memory import peak_bytes
from napari_diffseg.methods.method import COORDINATES
from napari_diffseg.methods.registry import method
from napari_diffseg.results.options import SamplingOptions

STEPS = 3
SLICES = 4
"""In one call of a network for slices, as in a run on a CPU."""

PROCESSES = 3
LEAST_PAIRS = 2
SECONDS = 15.0
"""In each process; pairs are taken until they sum to this."""

TOLERANCE = 1e-3
"""Of the largest difference over the largest value."""

MIB = 2**20


@dataclass(frozen=True)
class Case:
    """A method at its paper's network.

    Args:
        method: its name in the registry.
        network: the plain code.
        channels: of the paper's scans.
        classes: with background.
        paper: the size that the paper samples at.
        on_cpu: the size here on a CPU; None is the paper's.
        preset: of the method.
    """

    method: str
    network: Callable[..., Tensor]
    channels: int
    classes: int
    paper: tuple[int, ...]
    on_cpu: tuple[int, ...] | None = None
    preset: str = "paper"

    def batch_shape(self, device: torch.device) -> tuple[int, ...]:
        """Items of one call, and their size."""
        size = self.paper if device.type == "cuda" or self.on_cpu is None else self.on_cpu
        return (SLICES if len(size) == 2 else 1, *size)


CASES = (
    Case("ensemdiff", plain.guided_unet, 4, 2, (224, 224)),
    Case("patchddm", plain.guided_unet, 4, 2, (256, 256, 256), (64, 64, 64)),
    Case("imgx", plain.imgx_unet, 1, 9, (48, 256, 256), (32, 64, 64)),
    Case("imgx", plain.imgx_unet, 1, 9, (256, 256), preset="paper-2d"),
    Case("imgx-unet", plain.imgx_unet, 1, 9, (48, 256, 256), (32, 64, 64)),
    Case("medsegdiff", plain.medsegdiff_unet, 3, 2, (256, 256)),
    Case("ambiguous", plain.guided_unet, 1, 2, (128, 128)),
)


@dataclass(frozen=True)
class Pair:
    """The same computation twice."""

    ours: Callable[[], Tensor]
    plain: Callable[[], Tensor]


Times = list[tuple[float, float]]
"""Seconds of each pair: ours, plain."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--only")
    options = parser.parse_args()
    device = torch.device(options.device)
    threads = 1 if options.busy else torch.get_num_threads()
    print(f"ours / plain on {device}, {threads} threads, torch {torch.__version__}")
    print(f"{'':36}  {'one evaluation':29}  {f'{STEPS} steps':29}")
    columns = f"{'time':>5} {'s':>7} {'memory':>7} {'MiB':>7}"
    print(f"{'method':10} {'size':12} {'M weights':>11}  {columns}   {columns}")
    for case in CASES:
        if options.only in (None, case.method):
            with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
                parameters, *memories = fresh.submit(described, case, device).result()
                runs = [fresh.submit(timed, case, device, options.busy) for _ in range(PROCESSES)]
                evaluations, trajectories = zip(*(run.result() for run in runs), strict=True)
            size = "×".join(map(str, case.batch_shape(device)))
            print(f"{case.method:10} {size:12} {parameters / 1e6:11.1f}", end="  ")
            print("   ".join(map(cell, (evaluations, trajectories), memories)), flush=True)


def cell(times: Iterable[Times], memory: tuple[float, float]) -> str:
    """Ratio of the times of all processes and our seconds, ratio of the memories and our MiB."""
    pairs = list(chain.from_iterable(times))
    ratio = statistics.median(ours / plain for ours, plain in pairs)
    ours_s = statistics.median(ours for ours, _ in pairs)
    ours_mib, plain_mib = memory
    return f"{ratio:5.3f} {ours_s:7.3f} {ours_mib / plain_mib:7.2f} {ours_mib:7.0f}"


def described(case: Case, device: torch.device) -> tuple[int, tuple[float, float], tuple[float, float]]:
    """Number of parameters; MiB of an evaluation and of a short trajectory, ours and plain."""
    parameters, *pairs = prepared(case, device)
    for pair in pairs:
        check(pair)
    evaluation, trajectory = ((peak_mib(pair.ours, device), peak_mib(pair.plain, device)) for pair in pairs)
    return parameters, evaluation, trajectory


def timed(case: Case, device: torch.device, busy: bool) -> tuple[Times, Times]:
    """Of evaluations and of short trajectories."""
    if busy:
        torch.set_num_threads(1)
    now = time.process_time if busy and device.type == "cpu" else time.perf_counter
    _, *pairs = prepared(case, device)
    for call in (pairs[0].ours, pairs[0].plain):  # a first call prepares kernels
        call()
    evaluation, trajectory = (pair_times(pair, device, now) for pair in pairs)
    return evaluation, trajectory


def prepared(case: Case, device: torch.device) -> tuple[int, Pair, Pair]:
    """Number of parameters, one evaluation of the network, a short trajectory."""
    torch.manual_seed(0)
    module, (items, *size) = method(case.method).load(), case.batch_shape(device)
    config = module.PRESETS[case.preset]
    if case.method == "medsegdiff":  # trained at the size that it is sampled at, as in the paper
        config = config.model_copy(update={"unet": config.unet.model_copy(update={"training_size": size[0]})})
    network = module.build(config, channels=case.channels, classes=case.classes).eval().requires_grad_(False)
    for parameter in network.parameters():  # what starts at zero would show no difference
        parameter.add_(0.02 * torch.randn_like(parameter))
    weights = {name: value.to(device) for name, value in network.state_dict().items()}  # on a CPU the same
    evaluate = Evaluator(network, device, torch.float32, Event())
    plainly = torch.inference_mode()(partial(case.network, weights, config.unet))

    diffuses = method(case.method).has_steps
    masks = config.mask_channels(case.classes)
    channels = case.channels + (COORDINATES if config.coordinates else 0)
    image = torch.randn(items, channels, *size, device=device)
    inputs = torch.randn(items, channels + masks * diffuses, *size, device=device)
    t = [torch.full((items,), 0.5, device=device)] * diffuses
    noise = NoiseSource(0, range(items), (masks, *size), device)
    settings = SamplingOptions(steps=STEPS, members=1)

    def ours() -> Tensor:
        *_, last = module.sample(config, evaluate, image, noise, settings)
        return last.x0

    theirs = partial(plain.trajectory, case.method, config, plainly, image, noise.at, STEPS)
    return (
        sum(parameter.numel() for parameter in network.parameters()),
        Pair(partial(evaluate, inputs, *t), partial(plainly, inputs, *t)),
        Pair(ours, torch.inference_mode()(theirs)),
    )


def pair_times(pair: Pair, device: torch.device, now: Callable[[], float]) -> Times:
    found: Times = []
    while len(found) < LEAST_PAIRS or sum(map(sum, found)) < SECONDS:
        order = (pair.ours, pair.plain) if len(found) % 2 == 0 else (pair.plain, pair.ours)
        first, second = (seconds(call, device, now) for call in order)
        found.append((first, second) if len(found) % 2 == 0 else (second, first))
    return found


def check(pair: Pair) -> None:
    """Stop unless both are the same."""
    with whole_mantissa():
        ours, theirs = pair.ours(), pair.plain()
    difference = float((ours - theirs).abs().max() / theirs.abs().max())
    if not difference < TOLERANCE:
        raise SystemExit(f"ours and the plain code differ by {difference:.1e} of the largest value")


@contextmanager
def whole_mantissa() -> Iterator[None]:
    """Without TensorFloat-32, which a GPU's convolutions use and which has 10 bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def seconds(call: Callable[[], Tensor], device: torch.device, now: Callable[[], float]) -> float:
    began = now()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return now() - began


def peak_mib(call: Callable[[], Tensor], device: torch.device) -> float:
    if device.type != "cuda":
        return peak_bytes(call) / MIB
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    return (torch.cuda.max_memory_allocated() - before) / MIB


if __name__ == "__main__":
    main()
