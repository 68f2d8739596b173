"""A small GPU that runs out of memory."""

import dataclasses
import sys
import types

import pytest
import torch

from napari_diffseg.methods import imgx


@pytest.fixture
def hungry(monkeypatch):
    """Gives a checkpoint whose method runs out of memory with more than so many members or slices at once."""

    def made(checkpoint, at_most):
        def sample(config, network, image, noise, options):
            for state in imgx.sample(config, network, image, noise, options):
                if len(image) > at_most and state.step == 2:
                    raise torch.OutOfMemoryError("CUDA out of memory")
                yield state

        module = types.ModuleType("hungry")
        module.__dict__.update(vars(imgx), sample=sample)
        monkeypatch.setitem(sys.modules, "hungry", module)
        return dataclasses.replace(checkpoint, entry=dataclasses.replace(checkpoint.entry, module="hungry"))

    return made
