"""Every method at tiny width, in 2D and 3D."""

import pytest
from methods_fixtures import TINY, tiny_config

from napari_diffseg.methods.registry import method


@pytest.fixture(params=[f"{name}-{dimensions}d" for name in TINY for dimensions in (2, 3)])
def tiny(request):
    """A method's module and its tiny config."""
    name, dimensions = request.param.rsplit("-", 1)
    return method(name).load(), tiny_config(name, int(dimensions[0]))
