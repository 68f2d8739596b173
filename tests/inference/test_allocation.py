"""Memory between layers: kept during a run, given back after it."""

import ctypes
import resource
import sys

import psutil
import pytest
import torch

from napari_diffseg.inference.allocation import freed_memory_kept

VALUES = 2**24  # 64 MiB, more than glibc keeps by itself

pytestmark = pytest.mark.skipif(
    not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")), reason="glibc alone has this"
)


def pages_of(times):
    """How often the system had to give a page while so many tensors came and went."""
    torch.ones(VALUES)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(VALUES)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_freed_tensors_memory_serves_the_next_one():
    by_itself = pages_of(10)
    with freed_memory_kept():
        kept = pages_of(10)
    assert kept < by_itself / 10
    assert pages_of(10) > by_itself / 2


def test_what_was_kept_is_given_back_at_the_end():
    with freed_memory_kept():
        held = [torch.ones(VALUES) for _ in range(4)]
        full = psutil.Process().memory_info().rss
        del held
    assert psutil.Process().memory_info().rss < full - 3 * 4 * VALUES
