"""Every method at tiny width, in 2D and 3D."""

import pytest
from methods_fixtures import TINY, tiny_config

from napari_diffseg.methods.registry import method


@pytest.fixture(params=[(name, dimensions) for name in TINY for dimensions in (2, 3)], ids=str)
def tiny_name(request):
    """A method's name and a number of dimensions."""
    return request.param


@pytest.fixture
def tiny(tiny_name):
    """The method's module and its tiny config."""
    return method(tiny_name[0]).load(), tiny_config(*tiny_name)
