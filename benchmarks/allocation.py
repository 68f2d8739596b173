"""What keeping freed memory between layers saves on a CPU.

python benchmarks/allocation.py [--only imgx]

A row a method: its paper's network on the sizes of benchmarks/sampling.py, seconds of one evaluation with
freed memory kept and as glibc does by itself, and the median ratio of pairs taken in turn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from sampling import CASES, prepared
from torch import Tensor

from napari_diffseg.inference.allocation import freed_memory_kept

PAIRS = 8
TURN_S = 1.5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'method':10} {'size':12} {'kept':>8} {'default':>8}   kept/default")
    for case in CASES:
        if options.only in (None, case.method):
            _, evaluation, _ = prepared(case, torch.device("cpu"))
            times = []
            for _ in range(PAIRS):
                with freed_memory_kept():
                    kept = seconds(evaluation.ours)
                times.append((kept, seconds(evaluation.ours)))
            size = "×".join(map(str, case.batch_shape(torch.device("cpu"))))
            kept, default = (statistics.median(column) for column in zip(*times, strict=True))
            ratio = statistics.median(one / other for one, other in times)
            print(f"{case.method:10} {size:12} {kept:8.3f} {default:8.3f}   {ratio:.3f}", flush=True)


def seconds(call: Callable[[], Tensor]) -> float:
    """Of one call, over a turn after a first one."""
    call()
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < TURN_S:
        call()
        calls += 1
    return (time.perf_counter() - began) / calls


if __name__ == "__main__":
    main()
