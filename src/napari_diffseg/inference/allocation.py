"""Memory between the layers of a network on a CPU."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # their numbers in glibc's malloc.h
_KEPT = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1))
_GIVEN_BACK = ((_MMAP_MAX, 65_536), (_MMAP_THRESHOLD, 2**25), (_TRIM_THRESHOLD, 2**26))
"""What glibc itself comes to where large blocks come and go."""


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Have the C library keep what tensors give up, for the next ones, and give all of it back at the end.

    glibc returns large blocks to the system at once, so that each layer's output is mapped and zeroed page
    by page anew: on volumes a fifth to a third of a network's time (benchmarks/allocation.py). Other
    libraries are left as they are.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    for setting in _KEPT:
        libc.mallopt(*setting)
    try:
        yield
    finally:
        for setting in _GIVEN_BACK:
            libc.mallopt(*setting)
        libc.malloc_trim(0)
