"""How a run ends before its time: on a signal, or on an error in a sentence."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_diffseg.errors import DiffSegError
from napari_diffseg.inference.ensemble import is_out_of_memory

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def listening() -> Iterator[threading.Event]:
    """Set at SIGTERM or SIGINT, as a cluster sends them ahead of its time limit; main thread only."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sentence_of(error: Exception) -> str:
    """What a person should know and do."""
    safe = "What is saved is unharmed:"
    if isinstance(error, DiffSegError):
        return str(error)
    if is_out_of_memory(error):
        return (
            f"The memory is used up. {safe} close what else uses it, or raise train.accumulate in run.toml, "
            "and resume."
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"The disk is full. {safe} free some space and resume."
    if isinstance(error, OSError):
        return f"A file could not be used ({error}). {safe} resume when it is there."
    if isinstance(error, torch.distributed.DistError) or "gloo" in str(error):
        return f"Another process of the run has ended; the log says why. {safe} resume it with all of them."
    if isinstance(error, RuntimeError) and "deterministic implementation" in str(error):
        kernel = str(error).split(" ")[0]
        return (
            f"A part of the network cannot give the same bits again on this device ({kernel}). Set "
            "train.deterministic to false, or train on a CPU."
        )
    if isinstance(error, torch.AcceleratorError):
        return f"The GPU no longer answers ({str(error).splitlines()[0]}). {safe} restart it and resume."
    return (
        f"This should not have happened ({type(error).__name__}): please report it with the run's log.txt. "
        f"{safe} the run can be resumed."
    )
