"""What a person is told of an error."""

import errno
import os
import signal
from threading import Thread

import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.training.ending import listening, sentence_of


def allocated_too_much():
    try:
        torch.empty(2**60)
    except RuntimeError as error:
        return error


ERRORS = {
    "ours": (nd.TrainingError("As it is."), "As it is."),
    "GPU full": (torch.OutOfMemoryError("CUDA out of memory"), "The memory is used up."),
    "memory full": (allocated_too_much(), "The memory is used up."),
    "disk full": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "The disk is full."),
    "quota used up": (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "The disk is full."),
    "folder gone": (FileNotFoundError(errno.ENOENT, "No such file", "/data/x"), "A file could not be used"),
    "process gone": (torch.distributed.DistBackendError("NCCL"), "Another process of the run has ended"),
    "GPU gone": (torch.AcceleratorError("unspecified launch failure"), "The GPU no longer answers"),
    "kernel missing": (
        RuntimeError("avg_pool3d_backward_cuda does not have a deterministic implementation, but you set"),
        "A part of the network cannot give the same bits again on this device (avg_pool3d_backward_cuda).",
    ),
    "a mistake of ours": (KeyError("x"), "This should not have happened (KeyError): please report it"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_becomes_a_sentence_without_a_traceback(name):
    error, beginning = ERRORS[name]
    sentence = sentence_of(error)
    assert sentence.startswith(beginning)
    assert "Traceback" not in sentence


def test_signals_are_heard_inside_the_block_and_handled_as_before_after_it():
    before = signal.getsignal(signal.SIGTERM)
    with listening() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_nothing_is_listened_to():
    heard = []

    def listen():
        with listening() as stop:
            heard.append(stop.is_set())

    thread = Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [False]
